<?php
/* Two processes at once add 1 fifty times each to the same session: no addition is lost. */
require __DIR__ . '/lib.php';

const TIMES = 50;

if (($argv[1] ?? '') === 'add') {
    for ($i = 0; $i < TIMES; $i++) {
        start($argv[2]);
        isset($_SESSION['n']) || fail('the session is empty');
        $_SESSION['n']++;
        session_write_close();
    }
    exit(0);
}

$id = new_id();
write($id, ['n' => 0]);
$both = [begin_process('add', $id), begin_process('add', $id)];
array_map('finish', $both);
expect_same(['n' => 2 * TIMES], read($id), 'the sum');
done();
