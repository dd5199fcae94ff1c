<?php
/*
 * What the test scripts share. A script prints "ok" and ends with 0, or says what failed and ends with 1. Every PHP
 * warning or notice is a failure: the handlers tell of trouble in no other way.
 *
 * The ini settings (handler, save_path) come from the environment, so child processes have them too.
 */
declare(strict_types=1);

set_error_handler(function (int $level, string $message): bool {
    fail($message);
});

function fail(string $what): never
{
    $at = array_filter(debug_backtrace(), fn($frame) => !in_array($frame['file'] ?? '', [__FILE__, ''], true));
    $line = $at === [] ? '' : ' (line ' . reset($at)['line'] . ')';
    fwrite(STDERR, "$what$line\n");
    exit(1);
}

function expect(bool $condition, string $what): void
{
    $condition || fail($what);
}

function expect_same(mixed $wanted, mixed $got, string $what): void
{
    $wanted === $got || fail("$what: wanted " . brief($wanted) . ', got ' . brief($got));
}

function brief(mixed $value): string
{
    return substr(var_export($value, true), 0, 120);
}

/* The end of a script, and its only output: sessions do not start once something was printed. */
function done(): void
{
    echo "ok\n";
}

function handler(): string
{
    return ini_get('session.save_handler');
}

function new_id(): string
{
    return bin2hex(random_bytes(16));
}

function start(string $id, array $options = []): void
{
    session_id($id);
    expect(session_start($options), 'session_start() returned false');
}

/* Start, set, close. */
function write(string $id, array $values): void
{
    start($id);
    foreach ($values as $name => $value) {
        $_SESSION[$name] = $value;
    }
    session_write_close();
}

/* What the session holds; through an ordinary start, as read_and_close is a test of its own. */
function read(string $id): array
{
    start($id);
    $values = $_SESSION;
    session_write_close();
    return $values;
}

/* A new PHP process that runs this same script with an argument; `finish` waits for it. */
function begin_process(string ...$arguments): array
{
    $process = proc_open([PHP_BINARY, $_SERVER['SCRIPT_FILENAME'], ...$arguments],
        [['file', '/dev/null', 'r'], ['pipe', 'w'], STDERR], $pipes);
    expect($process !== false, 'no process');
    return [$process, $pipes[1]];
}

/* What the process printed; a process that failed is a failure here. */
function finish(array $begun): string
{
    $printed = stream_get_contents($begun[1]);
    expect_same(0, proc_close($begun[0]), 'exit code of the other process');
    return $printed;
}

/* What another process finds in the session. */
function read_elsewhere(string $id): array
{
    return json_decode(finish(begin_process('read', $id)), true);
}

/* The other side of read_elsewhere(). */
if (($argv[1] ?? '') === 'read') {
    echo json_encode(read($argv[2]));
    exit(0);
}
