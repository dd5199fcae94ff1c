--TEST--
cloakroom.redundancy: what was destroyed, killed or succeeded while a server was away stays so; tags and age go along
--INI--
cloakroom.redundancy=2
error_log=/dev/null
--FILE--
<?php
require __DIR__ . '/helper.inc';
$servers = [new Server(), new Server()];
$paths = array_map(fn ($server) => $server->path(), $servers);
session_save_path(implode(',', $paths));
collect_warnings();

/** Does $what with each of 12 sessions, half of which have their lease at the first server, while that one is away. */
function away(callable $what): array
{
    global $servers;
    $ids = [];
    for ($i = 0; $i < 12; $i++) {
        store($ids[] = fresh_id(), ['secret' => $i]);
    }
    $servers[0]->halt();
    $new = array_map(function ($id) use ($what) {
        session_id($id);
        session_start();
        $found = $what($id);
        session_write_close();
        return $found;
    }, $ids);
    $servers[0]->start();
    return [$ids, $new];
}

function alive(array $ids): int
{
    return count(array_filter($ids, fn ($id) => stored($id) !== []));
}

[$ids] = away(fn ($id) => session_destroy());
echo "destroyed, alive: ", alive($ids), "\n";
ini_set('session.use_strict_mode', '1');
session_id($ids[0]);
session_start();
var_dump(session_id() !== $ids[0], $_SESSION);
session_write_close();
ini_set('session.use_strict_mode', '0');
store($ids[1], ['begun' => 'anew']);
var_dump(stored($ids[1]));

[$ids] = away(fn ($id) => cloakroom_tag("user:7") && $_SESSION['x'] = 1);
[$more] = away(fn ($id) => cloakroom_kill('user:7'));
echo "killed by tag, alive: ", alive($ids), " of 12, others ", alive($more), "\n";

[$ids, $new] = away(function ($id) {
    cloakroom_tag('user:8');
    session_regenerate_id(true);
    $_SESSION['more'] = 1;
    return session_id();
});
echo "regenerated, old: ", alive($ids), ", new: ", alive($new), ", tagged: ", cloakroom_count('user:8'), "\n";

[$ids, $new] = away(function ($id) {
    session_regenerate_id(false);
    $_SESSION['more'] = 1;
    return session_id();
});
session_id($ids[0]);
session_start();
var_dump($_SESSION);
$_SESSION = ['written' => 'under the old id'];
session_write_close();
echo substr(our_warnings()[0], -39), "\n";
echo "regenerated, old: ", alive($ids), ", new: ", alive($new), "\n";

echo "tags and age go along\n";
session_id($id = fresh_id());
session_start();
cloakroom_tag('user:9');
$_SESSION = ['a' => 1];
session_write_close();
sleep(2);
for ($i = 0; $i < 5; $i++) {
    session_id($id);
    session_start();
    session_regenerate_id(true);
    $id = session_id();
    session_write_close();
}
$found = cloakroom_sessions('user:9');
var_dump(count($found) <= 2, $found[0]['age'] >= 2 && $found[0]['age'] < 10);

echo "a server that hangs\n";
store($id = fresh_id(), ['a' => 1]);
$servers[1]->freeze();
ini_set('cloakroom.retry', '2000');
foreach (['first' => 1.6, 'second' => 0.2] as $page => $most) {
    session_id($id);
    $begin = hrtime(true);
    var_dump(session_start(), $_SESSION['a'] ?? null);
    $_SESSION['page'] = $page;
    session_write_close();
    $took = (hrtime(true) - $begin) / 1e9;
    echo $took < $most ? "in time\n" : "after $took s\n";
}
$servers[1]->signal(SIGCONT);
sleep(2);
var_dump(stored($id));
echo "warnings: ", count(our_warnings()), "\n";
?>
--EXPECT--
destroyed, alive: 0
bool(true)
array(0) {
}
array(1) {
  ["begun"]=>
  string(4) "anew"
}
killed by tag, alive: 0 of 12, others 12
regenerated, old: 0, new: 12, tagged: 12
array(1) {
  ["secret"]=>
  int(0)
}
changed under the old one is not stored
regenerated, old: 12, new: 12
tags and age go along
bool(true)
bool(true)
a server that hangs
bool(true)
int(1)
in time
bool(true)
int(1)
in time
array(2) {
  ["a"]=>
  int(1)
  ["page"]=>
  string(6) "second"
}
warnings: 1
