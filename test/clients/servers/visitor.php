<?php
/*
 * Opens sessions at random until its time is over, and tells of each page what it read and wrote: one line of JSON with
 * the session, when it began and ended (the clock is the same for all processes), what was read (null: session_start()
 * failed), what was written (null: nothing), and whether nobody has complained.
 *
 *     visitor.php SEED SECONDS SESSIONS          SECONDS 0: each session once, in order
 */
[, $seed, $seconds, $sessions] = array_map('intval', $argv);
mt_srand($seed);
ob_start();
$complaints = 0;
set_error_handler(function (int $level, string $text) use (&$complaints): bool {
    $complaints++;
    fwrite(STDERR, "$text\n");
    return true;
});

function page(int $which, int $dice): array
{
    global $complaints;
    $complaints = 0;
    $written = null;
    $begin = hrtime(true);
    session_id(sprintf('visitor%03d', $which));
    $is_open = session_start($dice < 20 ? ['read_and_close' => true] : []);
    $read = $is_open ? $_SESSION['n'] ?? 0 : null;
    if ($is_open && $dice >= 35) {
        $_SESSION['n'] = $written = $read + 1;
        $_SESSION['filler'] = str_repeat('x', mt_rand(0, 4000));
        usleep(mt_rand(0, 2000));
    }
    session_write_close();
    return [$which, $begin, hrtime(true), $read, $written, $complaints === 0];
}

$until = hrtime(true) + $seconds * 1000000000;
$pages = [];
for ($i = 0; $seconds > 0 ? hrtime(true) < $until : $i < $sessions; $i++) {
    $pages[] = page($seconds > 0 ? mt_rand(0, $sessions - 1) : $i, $seconds > 0 ? mt_rand(0, 99) : 34);
}
fwrite(STDOUT, json_encode($pages));
