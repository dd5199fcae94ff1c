<?php
/*
 * The PHP side of brim.py: php brim.php create|count|verify FILE ROUNDS, for the session ids in FILE, one a line.
 *
 *   create   begins each session with n = FIRST
 *   count    adds 1 to the n of each, ROUNDS times over, and gives it new content of another size
 *   verify   looks that each holds n = FIRST + ROUNDS and the content it was given
 *
 * Prints one JSON object: how many were refused, found empty or wrong, and the first message of the handler.
 */
declare(strict_types=1);

const FIRST = 1000; // so that a session that was lost and begun again shows

[, $action, $file, $rounds] = $argv;
$ids = file($file, FILE_IGNORE_NEW_LINES);
$report = ['refused' => 0, 'emptied' => 0, 'wrong' => 0, 'message' => ''];
$complained = false;

/* The handlers tell of trouble by warnings only: session_write_close() always returns true. */
set_error_handler(function (int $level, string $message) use (&$report, &$complained): bool {
    $complained = true;
    $report['message'] = $report['message'] ?: $message;
    return true;
});

function put(int $n): void
{
    $content = bin2hex(random_bytes(random_int(250, 1000)));
    $_SESSION = ['n' => $n, 'content' => $content, 'sum' => crc32($content)];
}

/* Opens the session, does it, closes; counts it as refused where the handler complained. */
function with_session(string $id, callable $do): void
{
    global $report, $complained;
    $complained = false;
    session_id($id);
    if (session_start()) {
        $do();
        session_write_close();
    }
    $report['refused'] += $complained ? 1 : 0;
}

function create(): void
{
    put(FIRST);
}

function count_on(): void
{
    global $report;
    $report['emptied'] += isset($_SESSION['n']) ? 0 : 1;
    put(($_SESSION['n'] ?? 0) + 1);
}

function verify(): void
{
    global $report, $rounds;
    $right = ($_SESSION['n'] ?? -1) === FIRST + (int) $rounds && crc32($_SESSION['content']) === $_SESSION['sum'];
    $report['wrong'] += $right ? 0 : 1;
}

$do = ['create' => create(...), 'count' => count_on(...), 'verify' => verify(...)][$action];
$passes = $action === 'count' ? (int) $rounds : 1;
for ($pass = 0; $pass < $passes; $pass++) {
    foreach ($ids as $id) {
        with_session($id, $do);
    }
}
echo json_encode($report);
