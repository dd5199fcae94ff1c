<?php
/* session_regenerate_id(false): the values move to the new id; the old one keeps what it had. */
require __DIR__ . '/lib.php';

$old = new_id();
write($old, ['n' => 1]);

start($old);
$_SESSION['n'] = 2;
expect(session_regenerate_id(false), 'session_regenerate_id(false)');
$new = session_id();
expect($new !== $old, 'the id is the old one');
$_SESSION['n'] = 3;
session_write_close();

expect_same(['n' => 3], read_elsewhere($new), 'the new session');
expect_same(['n' => 2], read($old), 'the old session');
done();
