<?php
/* A session that is opened and closed unchanged keeps its values and begins its life anew; left alone it ends. */
require __DIR__ . '/lib.php';

ini_set('session.gc_maxlifetime', '3');
$id = new_id();
$left = new_id();
write($left, ['n' => 1]);
write($id, ['n' => 1]);

sleep(2);
expect_same(['n' => 1], read($id), 'after 2 of 3 seconds');
sleep(2);
expect_same(['n' => 1], read($id), 'after 4 seconds, opened in between');
expect_same([], read($left), 'after 4 seconds, left alone');
done();
