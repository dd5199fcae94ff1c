<?php
/* session_gc() and gc at every start are harmless: the server knows itself when a session ends. Both handlers do nothing
   and count nothing, for which session_gc() returns false. */
require __DIR__ . '/lib.php';

$id = new_id();
write($id, ['n' => 1]);

start($id);
session_gc();
session_write_close();
expect_same(['n' => 1], read($id), 'after session_gc()');

ini_set('session.gc_probability', '1');
ini_set('session.gc_divisor', '1');
write($id, ['n' => 2]);
expect_same(['n' => 2], read_elsewhere($id), 'with gc at every start');
done();
