<?php
/* A session that is opened and closed unchanged keeps its values and begins its life anew; left alone it ends. */
require __DIR__ . '/lib.php';

ini_set('session.gc_maxlifetime', '5');
$id = new_id();
$left = new_id();
write($left, ['n' => 1]);
write($id, ['n' => 1]);

/* memcached counts whole seconds, so a life may be up to one shorter: a second to spare on either side. */
sleep(3);
expect_same(['n' => 1], read($id), 'after 3 of 5 seconds');
sleep(3);
expect_same(['n' => 1], read($id), 'after 6 seconds, opened in between');
expect_same([], read($left), 'after 6 seconds, left alone');
done();
