<?php
/*
 * Strict mode: a session that exists keeps its id; an id that nobody gave out is replaced. php-memcache has no strict
 * mode (it is an old handler without validate_sid) and adopts any id.
 */
require __DIR__ . '/lib.php';

$strict = ['use_strict_mode' => true];
session_id('');
expect(session_start($strict), 'session_start() without an id');
$id = session_id();
$_SESSION['n'] = 1;
session_write_close();

start($id, $strict);
expect_same($id, session_id(), 'the id of a session that exists');
expect_same(['n' => 1], $_SESSION, 'a session that exists');
session_write_close();

$invented = new_id();
start($invented, $strict);
expect_same(handler() === 'memcache', session_id() === $invented, 'an invented id was adopted');
expect_same([], $_SESSION, 'with an invented id');
session_write_close();

start($id, $strict);
expect(session_regenerate_id(true), 'session_regenerate_id(true) in strict mode');
$new = session_id();
session_write_close();
expect_same(['n' => 1], read_elsewhere($new), 'after regenerate_id(true) in strict mode');
expect_same([], read($id), 'the old id after it');
done();
