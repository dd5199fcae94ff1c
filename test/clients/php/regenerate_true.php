<?php
/* session_regenerate_id(true): the values move to the new id, the old one is gone. */
require __DIR__ . '/lib.php';

$old = new_id();
write($old, ['n' => 1]);

start($old);
expect(session_regenerate_id(true), 'session_regenerate_id(true)');
$new = session_id();
expect($new !== $old, 'the id is the old one');
expect_same(['n' => 1], $_SESSION, 'right after');
$_SESSION['n'] = 2;
session_write_close();

expect_same(['n' => 2], read_elsewhere($new), 'the new session');
expect_same([], read($old), 'the old session');

start($new);
for ($i = 0; $i < 5; $i++) {
    expect(session_regenerate_id(true), 'session_regenerate_id(true), again');
}
$last = session_id();
session_write_close();
expect_same(['n' => 2], read($last), 'after five more');
expect_same([], read($new), 'the one before these');
done();
