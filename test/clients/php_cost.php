<?php
/*
 * One process of php_cost.py: CYCLES times start, change, close over 64 sessions of 2 KiB, and the nanoseconds of each
 * as one line of JSON. The first 64 make the sessions and are not told. With an ADDRESS behind CYCLES: two round trips
 * that do nothing, for comparison.
 */
declare(strict_types=1);

const SESSIONS = 64;
$cycles = (int) $argv[1];
if (isset($argv[2])) {
    $server = stream_socket_client($argv[2]);
    for ($i = 0, $took = []; $i < $cycles; $i++) {
        $begin = hrtime(true);
        foreach ([1, 2] as $trip) {
            fwrite($server, "mn\r\n");
            fgets($server);
        }
        $took[] = hrtime(true) - $begin;
    }
    exit(json_encode($took) . "\n");
}
$value = substr(bin2hex(random_bytes(1024)), 0, 2020);
$took = [];
for ($i = -SESSIONS; $i < $cycles; $i++) {
    $begin = hrtime(true);
    session_id(sprintf('cost%026d', ($i + SESSIONS) % SESSIONS));
    session_start() or exit(1);
    $_SESSION['n'] = $i;
    $_SESSION['value'] = $value;
    session_write_close();
    if ($i >= 0) {
        $took[] = hrtime(true) - $begin;
    }
}
echo json_encode($took), "\n";
