<?php
/* read_and_close shows the values and changes none; afterwards the session can be written. */
require __DIR__ . '/lib.php';

/* php-memcache does not give its lock back after read_and_close: it lasts for lock_timeout. */
ini_set('memcache.lock_timeout', '2');

$id = new_id();
write($id, ['n' => 1]);

start($id, ['read_and_close' => true]);
expect_same(['n' => 1], $_SESSION, 'read and closed');
expect_same(PHP_SESSION_NONE, session_status(), 'session_status()');
$_SESSION['n'] = 2;

expect_same(['n' => 1], read($id), 'what was set after the close');
write($id, ['n' => 3]);
expect_same(['n' => 3], read_elsewhere($id), 'a write after it');
done();
