--TEST--
Several servers: each session on one of them, in both ways of writing the list; one that is down fails its own alone
--FILE--
<?php
require __DIR__ . '/helper.inc';
$servers = [new Server(), new Server(), new Server()];
$paths = array_map(fn ($server) => $server->path(), $servers);
session_save_path(implode(',', $paths));
$ids = [];
for ($i = 0; $i < 60; $i++) {
    store($ids[] = fresh_id(), ['i' => $i]);
}
$counts = [];
foreach ($paths as $path) {
    session_save_path($path);
    $counts[] = cloakroom_count();
}
var_dump(array_sum($counts), min($counts) > 5);
// another order and the other way of writing: the same ranking
session_save_path('unix://' . implode(':0?persistent=1 unix://', array_reverse($paths)));
$wrong = 0;
foreach ($ids as $i => $id) {
    $wrong += stored($id) !== ['i' => $i];
}
var_dump($wrong, cloakroom_count());
$before = round_trips();
store($ids[0], ['i' => 0, 'more' => 1]);
var_dump(round_trips() - $before);

echo "functions\n";
foreach ([0, 1, 2, 3] as $i) {
    session_id($ids[$i]);
    session_start();
    cloakroom_tag('user:42');
    $_SESSION['tagged'] = true;
    session_write_close();
}
var_dump(cloakroom_count('user:42'), count(cloakroom_sessions('user:42')), count(cloakroom_sessions('user:42', 2)));
session_id($ids[3]);
session_start();
var_dump(cloakroom_kill('user:42', true));
session_write_close();
var_dump(stored($ids[2]), cloakroom_count('user:42'), cloakroom_kill(cloakroom_sessions('user:42')[0]['handle']));
var_dump(count(cloakroom_status()['servers']));

echo "regenerate: tags and age go along, whichever server has the new id\n";
session_save_path(implode(',', $paths));
for ($i = 10; $i < 22; $i++) {
    session_id($ids[$i]);
    session_start();
    cloakroom_tag("old:$i");
    $_SESSION['before'] = $i;
    session_regenerate_id($i % 2 === 0);
    $new = session_id();
    session_write_close();
    if (stored($new)['before'] !== $i || cloakroom_count("old:$i") !== ($i % 2 === 0 ? 1 : 2)) {
        echo "lost $i\n";
    }
}

echo "one is down\n";
$servers[1]->halt();
collect_warnings();
$failed = $lost = 0;
foreach (array_slice($ids, 30) as $id) {
    session_id($id);
    $ok = @session_start(['read_and_close' => true]);
    $failed += !$ok;
    $lost += $ok && !isset($_SESSION['i']);
}
var_dump($failed > 0, $failed < 30, $lost, count(our_warnings()) === $failed);
var_dump(cloakroom_count());
$refused = 0;
for ($i = 0; $i < 40; $i++) {
    session_id('');
    $refused += !session_start();
    $_SESSION['new'] = $i;
    session_write_close();
}
echo "new visitors refused: $refused\n";
$servers[1]->start();
$lost = 0;
foreach (array_slice($ids, 30) as $i => $id) {
    $lost += stored($id) !== ['i' => $i + 30];
}
var_dump($lost);
?>
--EXPECT--
int(60)
bool(true)
int(0)
int(60)
int(2)
functions
int(4)
int(4)
int(2)
int(3)
array(0) {
}
int(1)
int(1)
int(3)
regenerate: tags and age go along, whichever server has the new id
one is down
bool(true)
bool(true)
int(0)
bool(true)
bool(false)
new visitors refused: 0
int(0)
