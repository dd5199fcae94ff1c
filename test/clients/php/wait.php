<?php
/* Who comes while the session is held waits, and then finds what the holder wrote. */
require __DIR__ . '/lib.php';

const HELD_S = 0.3;

if (($argv[1] ?? '') === 'come') {
    fwrite(STDOUT, '.'); // as near to session_start() as can be told
    $began = microtime(true);
    start($argv[2]);
    $n = $_SESSION['n'];
    session_write_close();
    echo json_encode([$n, microtime(true) - $began]);
    exit(0);
}

$id = new_id();
write($id, ['n' => 1]);
start($id);
$other = begin_process('come', $id);
expect_same('.', fread($other[1], 1), 'the other process');
usleep((int) (HELD_S * 1e6));
$_SESSION['n'] = 2;
session_write_close();

[$n, $waited] = json_decode(finish($other), true);
expect_same(2, $n, 'what the other found');
expect($waited > HELD_S * 0.8, "the other waited only $waited s");
expect($waited < HELD_S + 0.5, "the other waited $waited s");
done();
