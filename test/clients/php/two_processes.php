<?php
/* Two processes at once add 1 fifty times each to the same session: no addition is lost. */
require __DIR__ . '/lib.php';

const TIMES = 50;

if (($argv[1] ?? '') === 'add') {
    /* php-memcached gives up waiting for the lock after 0.75 s, with warnings, and start returns false. */
    set_error_handler(fn() => true);
    for ($i = 0; $i < TIMES; $i++) {
        session_id($argv[2]);
        while (!session_start()) {
            usleep(1000);
        }
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
