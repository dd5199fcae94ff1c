--TEST--
With the server's limit raised (-I), sessions of several MiB: still one round trip to begin and one to end
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Server(['-I', '16m', '-m', '256']);
session_save_path($server->path());
$id = fresh_id();
$big = random_bytes(1 << 20);
foreach ([1, 3, 12] as $mib) {
    $trips = round_trips();
    store($id, ['big' => str_repeat($big, $mib)]);
    echo round_trips() - $trips, ' ';
    $found = stored($id)['big'];
    echo strlen($found) >> 20, ' ', json_encode($found === str_repeat($big, $mib)), "\n";
    unset($found);
}
collect_warnings();
store($id, ['big' => str_repeat($big, 17)]);
var_dump(count(our_warnings()), str_contains(our_warnings()[0], "this session has 17825"));
var_dump(strlen(stored($id)['big']) >> 20);
$server->halt();
$server->start(['-I', '16m', '-m', '256']);
var_dump(stored($id)['big'] === str_repeat($big, 12));
?>
--EXPECT--
2 1 true
2 3 true
2 12 true
int(1)
bool(true)
int(12)
bool(true)
