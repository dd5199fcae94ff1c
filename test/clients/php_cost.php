<?php
/*
 * One process of php_cost.py: CYCLES times start, change, close over 64 sessions of 2 KiB, and the nanoseconds of each
 * as one line of JSON, with the microseconds of processor time of all. The first 64 make the sessions and are not told. With an ADDRESS behind CYCLES: two round trips
 * that do nothing, for comparison.
 */
declare(strict_types=1);

const SESSIONS = 64;

function processor_us(): int
{
    $used = getrusage();
    return ($used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']) * 1000000 + $used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec'];
}

function tell(array $took, int $used_us): never
{
    exit(json_encode(['took' => $took, 'used_us' => $used_us]) . "\n");
}

$cycles = (int) $argv[1];
if (isset($argv[2])) {
    $server = stream_socket_client($argv[2]);
    $before = processor_us();
    for ($i = 0, $took = []; $i < $cycles; $i++) {
        $begin = hrtime(true);
        foreach ([1, 2] as $trip) {
            fwrite($server, "mn\r\n");
            fgets($server);
        }
        $took[] = hrtime(true) - $begin;
    }
    tell($took, processor_us() - $before);
}
$value = substr(bin2hex(random_bytes(1024)), 0, 2020);
$took = [];
for ($i = -SESSIONS; $i < $cycles; $i++) {
    $before = $i === 0 ? processor_us() : ($before ?? 0);
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
tell($took, processor_us() - $before);
