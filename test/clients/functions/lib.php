<?php
/* What the scripts of checks share: a check compares, and ok is printed only if every one held. */
declare(strict_types=1);

error_reporting(E_ALL & ~E_DEPRECATED); /* php-memcache makes properties of its own */
$failed = 0;
$checks = 0;

function check(string $what, mixed $got, mixed $wanted): void
{
    global $failed, $checks;
    $checks++;
    if ($got !== $wanted) {
        $failed++;
        echo "$what: " . shown($got) . ", not " . shown($wanted) . "\n";
    }
}

/* A value in one short line of plain ASCII. */
function shown(mixed $value): string
{
    return addcslashes(substr(is_string($value) ? "'$value'" : json_encode($value), 0, 200), "\0..\37\177..\377");
}

/* Bytes of all kinds that do not compress, the same in every run. */
function noise(int $len): string
{
    mt_srand(1);
    return implode('', array_map(fn ($n) => chr(mt_rand(0, 255)), range(1, $len)));
}

function finish(int $wanted): void
{
    global $failed, $checks;
    check('number of checks', $checks, $wanted);
    echo $failed === 0 ? "ok\n" : "$failed failed\n";
    exit($failed === 0 ? 0 : 1);
}
