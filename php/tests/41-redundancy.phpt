--TEST--
cloakroom.redundancy: one server down, back without data, then the other down: no session is lost, none is old
--INI--
cloakroom.redundancy=2
error_log=/dev/null
--FILE--
<?php
require __DIR__ . '/helper.inc';
$key = tempnam(sys_get_temp_dir(), 'cloakroom-key-');
file_put_contents($key, bin2hex(random_bytes(32)) . "\n");
register_shutdown_function(fn () => unlink($key));
$options = ['--id-key', $key]; // so that a handle is the same on all servers
$servers = [new Server($options), new Server($options)];
$paths = array_map(fn ($server) => $server->path(), $servers);
session_save_path(implode(',', $paths));
ini_set('session.use_strict_mode', '1');
collect_warnings();

function all(array $ids, callable $wanted): int
{
    $bad = 0;
    foreach ($ids as $i => $id) {
        session_id($id);
        $ok = session_start() && session_id() === $id;
        $bad += !$ok || $_SESSION !== $wanted($i);
        session_write_close();
    }
    return $bad;
}

function update(array $ids, callable $data): int
{
    $bad = 0;
    foreach ($ids as $i => $id) {
        session_id($id);
        $bad += !session_start() || session_id() !== $id;
        $_SESSION = $data($i);
        session_write_close();
    }
    return $bad;
}

$ids = [];
for ($i = 0; $i < 100; $i++) {
    session_id('');
    session_start();
    $ids[] = session_id();
    $_SESSION = ['i' => $i];
    cloakroom_tag('all', "n:$i");
    session_write_close();
}
$before = round_trips();
echo "all there: ", all($ids, fn ($i) => ['i' => $i]), "\n";
echo "round trips each: ", (round_trips() - $before) / 100, "\n";
$before = round_trips();
echo "updated: ", update($ids, fn ($i) => ['i' => $i, 'v' => 2]), "\n";
echo "round trips each: ", (round_trips() - $before) / 100, "\n";
var_dump(cloakroom_count(), cloakroom_count('all'), count(cloakroom_sessions('all')));

echo "one is down\n";
$servers[0]->halt();
echo "wrong: ", all($ids, fn ($i) => ['i' => $i, 'v' => 2]), "\n";
echo "updated: ", update($ids, fn ($i) => ['i' => $i, 'v' => 3]), "\n";
session_id('');
var_dump(session_start());
$_SESSION['made'] = 'meanwhile';
$new = session_id();
session_write_close();
var_dump(cloakroom_count('all'));

echo "it is back, with what it had\n";
$servers[0]->start($options);
echo "wrong: ", all(array_slice($ids, 0, 50), fn ($i) => ['i' => $i, 'v' => 3]), "\n";

echo "the other is down\n";
$servers[1]->halt();
echo "wrong: ", all(array_slice($ids, 0, 50), fn ($i) => ['i' => $i, 'v' => 3]), "\n";
echo "by tag: ", cloakroom_count('all'), "\n";
echo "it is back, without what it had\n";
$servers[1]->start($options, true);
echo "wrong: ", all(array_slice($ids, 0, 50), fn ($i) => ['i' => $i, 'v' => 3]), "\n";
$servers[0]->halt();
echo "wrong: ", all(array_slice($ids, 0, 50), fn ($i) => ['i' => $i, 'v' => 3]), "\n";
echo "by tag: ", cloakroom_count('n:7'), ", not mended yet: ", cloakroom_count('n:70'), "\n";
$servers[0]->start($options);

echo "warnings: ", count(our_warnings()), "\n";
foreach (our_warnings() as $warning) {
    echo $warning, "\n";
}
?>
--EXPECT--
all there: 0
round trips each: 2
updated: 0
round trips each: 2
int(100)
int(100)
int(100)
one is down
wrong: 0
updated: 0
bool(true)
int(50)
it is back, with what it had
wrong: 0
the other is down
wrong: 0
by tag: 50
it is back, without what it had
wrong: 0
wrong: 0
by tag: 1, not mended yet: 0
warnings: 0
