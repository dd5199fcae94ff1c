<?php
/* A new session is empty; what is written is found, here and in another process, and can be written again. */
require __DIR__ . '/lib.php';

$id = new_id();
start($id);
expect_same([], $_SESSION, 'a new session');
$_SESSION['n'] = 1;
session_write_close();

expect_same(['n' => 1], read($id), 'after the first write');
expect_same(['n' => 1], read_elsewhere($id), 'in another process');

write($id, ['n' => 2, 'more' => 'x']);
expect_same(['n' => 2, 'more' => 'x'], read_elsewhere($id), 'after the second write');

session_id('');
expect(session_start(), 'session_start() without an id');
$made = session_id();
$_SESSION['n'] = 3;
session_write_close();
expect_same(['n' => 3], read_elsewhere($made), 'a session whose id the handler made');
done();
