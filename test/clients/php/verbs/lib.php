<?php
/* A connection of its own for the session verbs, which the stock handlers know nothing of. */
declare(strict_types=1);
require __DIR__ . '/../lib.php';

/* Where the handler's server is, as PHP's streams write it. */
function server_address(): string
{
    $path = preg_replace('/\?.*/', '', ini_get('session.save_path'));
    return match (true) {
        str_contains($path, '://') => $path,
        str_starts_with($path, '/') => "unix://$path",
        default => "tcp://$path",
    };
}

/* The lines that answer a verb, of which `value` is the data block. */
function verb(string $line, ?string $value = null): array
{
    static $stream = null;
    $stream ??= stream_socket_client(server_address());
    fwrite($stream, "$line\r\n" . ($value === null ? '' : "$value\r\n"));
    $lines = [rtrim(fgets($stream), "\r\n")];
    if (preg_match('/^VA (\d+)/', $lines[0], $found)) {
        $lines[] = substr(stream_get_contents($stream, (int)$found[1] + 2), 0, -2);
    }
    while (str_starts_with(end($lines), 'SE ')) {
        $lines[] = rtrim(fgets($stream), "\r\n");
    }
    return $lines;
}

/* Opens a session by verbs: its value, or null, and the token. */
function open_by_verbs(string $id): array
{
    $lines = verb("so $id W5000");
    preg_match('/ K(\S+)/', $lines[0], $found) || fail("no lease: $lines[0]");
    return [$lines[1] ?? null, $found[1]];
}

/* What PHP warned of meanwhile. */
function warnings_of(callable $function): array
{
    $warnings = [];
    set_error_handler(function (int $level, string $message) use (&$warnings): bool {
        $warnings[] = $message;
        return true;
    });
    $function();
    restore_error_handler();
    return $warnings;
}

/* Another PHP process with the other stock handler, on the same server: writes the values into the session, after it has
 * read it; returns what it read. */
function visit_by_other_handler(string $id, array $values): array
{
    $place = preg_replace('/^tcp:\/\//', '', server_address());
    $settings = handler() === 'memcached'
        ? ['session.save_handler' => 'memcache', 'session.save_path' => server_address()]
        : ['session.save_handler' => 'memcached', 'session.save_path' => preg_replace('/^unix:\/\//', '', $place)];
    $words = [];
    foreach ($settings as $name => $value) {
        array_push($words, '-d', "$name=$value");
    }
    $process = proc_open([PHP_BINARY, ...$words, __DIR__ . '/visit.php', $id, json_encode($values)],
        [['file', '/dev/null', 'r'], ['pipe', 'w'], STDERR], $pipes);
    expect($process !== false, 'no process');
    return json_decode(finish([$process, $pipes[1]]), true);
}
