<?php
/*
 * One process of contention.py: prints "ready", waits for a line, does as its arguments say, and prints one line of JSON.
 * Times are of the clock that Python calls monotonic, in seconds.
 *
 *     cycles ID N HOLD_US    start, add 1, hold, close: N times
 *     hold ID                start, and keep it until killed
 *     come ID                start and say when
 *     ideal N HOLD_US        the holding alone, without sessions
 *     stopped                has a session, waits for a line, then tries two pages; how long each took
 */
declare(strict_types=1);

$warnings = 0;
set_error_handler(function () use (&$warnings): bool {
    $warnings++;
    return true;
});

function now(): float
{
    return hrtime(true) / 1e9;
}

function cycle(string $id, int $hold_us): int
{
    session_id($id);
    if (!session_start()) {
        return 1;
    }
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    usleep($hold_us);
    session_write_close();
    return 0;
}

fwrite(STDOUT, "ready\n");
fgets(STDIN);
$refused = 0;
[, $what, $id] = $argv + ['', '', ''];
switch ($what) {
    case 'ideal':
        for ($i = 0; $i < (int) $argv[2]; $i++) {
            usleep((int) $argv[3]);
        }
        break;
    case 'cycles':
        for ($i = 0; $i < (int) $argv[3]; $i++) {
            $refused += cycle($id, (int) $argv[4]);
        }
        break;
    case 'hold':
        session_id($id);
        $refused += (int) !session_start();
        fwrite(STDOUT, "held\n");
        sleep(60);
        break;
    case 'stopped':
        cycle($id = bin2hex(random_bytes(16)), 0);
        fwrite(STDOUT, "had\n");
        fgets(STDIN);
        for ($page = 0; $page < 2; $page++) {
            $begin = now();
            try {
                cycle($id, 0);
            } catch (Throwable) { // of phpredis
                session_abort();
            }
            $took[] = now() - $begin;
        }
        exit(json_encode($took) . "\n");
    case 'come':
        session_id($id);
        $refused += (int) !session_start();
        break;
}
fwrite(STDOUT, json_encode(['at' => now(), 'refused' => $refused, 'warnings' => $warnings,
    'n' => $_SESSION['n'] ?? null]) . "\n");
