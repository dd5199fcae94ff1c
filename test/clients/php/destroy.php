<?php
/* A destroyed session is gone, for everyone, and its id can begin anew. */
require __DIR__ . '/lib.php';

$id = new_id();
write($id, ['n' => 1]);

start($id);
expect(session_destroy(), 'session_destroy()');
expect_same([], read_elsewhere($id), 'in another process, after destroy');
expect_same([], read($id), 'after destroy');

write($id, ['n' => 2]);
expect_same(['n' => 2], read_elsewhere($id), 'begun anew');

start($other = new_id()); // never written
expect(session_destroy(), 'session_destroy() of a session never written');
expect_same([], read($other), 'never written');
done();
