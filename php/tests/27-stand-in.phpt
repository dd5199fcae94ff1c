--TEST--
Under the names memcached and memcache, where those extensions are not loaded: the same sessions as theirs, in any order of loading
--FILE--
<?php
require __DIR__ . '/helper.inc';

const OURS = ['CLOAKROOM'];
const THEIRS = ['igbinary', 'msgpack', 'memcached', 'memcache'];
const PATHS = ['memcached' => '%s', 'memcache' => 'unix://%s'];
$server = new Server(['--session-prefix', 'memc.sess.key.', '--session-prefix', 'shop.']);

/** Under the name of a stock handler, on our server. */
function say_as(array $extensions, string $handler, string $code, array $settings = []): string
{
    global $server;
    return say($extensions, $code, $settings + ['session.save_handler' => $handler,
        'session.save_path' => sprintf(PATHS[$handler], $server->path())]);
}

/** Counts a session, and says the count, the handler's name, and whether it was ours. */
function count_with(array $extensions, string $handler, string $id, array $settings = []): string
{
    return say_as($extensions, $handler, 'session_id("' . $id . '"); session_start() or exit("no session");'
        . '$_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; session_write_close();'
        . 'echo $_SESSION["n"], " ", session_module_name(), " ",'
        . 'function_exists("cloakroom_status") && cloakroom_status()["round_trips"] > 0 ? "ours" : "theirs";', $settings);
}

echo "-- in turns\n";
foreach (array_keys(PATHS) as $handler) {
    $id = fresh_id();
    foreach ([THEIRS, OURS, THEIRS, [...THEIRS, ...OURS], [...OURS, ...THEIRS], OURS] as $extensions) {
        echo count_with($extensions, $handler, $id), "\n";
    }
}
echo "-- a prefix\n";
$prefix = ['memcached.sess_prefix' => 'shop.'];
$id = fresh_id();
foreach ([THEIRS, OURS, THEIRS] as $extensions) {
    echo count_with($extensions, 'memcached', $id, $prefix), "\n";
}
echo count_with(OURS, 'memcached', $id), "\n", count_with(OURS, 'memcached', $id, ['cloakroom.application' => 'shop']), "\n";
echo say_as(OURS, 'memcached', 'echo cloakroom_count();', $prefix), "\n";
echo count_with(OURS, 'memcached', $id, ['memcached.sess_prefix' => 'shop:x:']), "\n";

echo "-- memcache.session_save_path\n";
$path = ['session.save_path' => '/nowhere', 'memcache.session_save_path' => 'unix://' . $server->path()];
foreach ([THEIRS, OURS] as $extensions) {
    echo count_with($extensions, 'memcache', $id = fresh_id(), $path), "\n";
}
echo say_as(OURS, 'memcache', 'echo cloakroom_count() > 0 ? "counted" : "none";', $path), "\n";

echo "-- each name once\n";
foreach ([OURS, THEIRS, [...THEIRS, ...OURS], [...OURS, ...THEIRS], ['igbinary', 'msgpack', 'CLOAKROOM', 'memcached']] as $extensions) {
    $info = say_as($extensions, 'memcached', 'phpinfo(INFO_MODULES);');
    preg_match('/Registered save handlers => (.*)/', $info, $found);
    $names = explode(' ', trim($found[1]));
    sort($names);
    echo implode(' ', $names), preg_match('/^session.save_handler => (cloakroom.*)/m', $info, $own) ? ", ours: $own[1]" : '', "\n";
}
echo "-- switched off\n";
echo count_with(OURS, 'memcached', $id, ['cloakroom.stand_in' => '0']), "\n";
?>
--EXPECTF--
-- in turns
1 memcached theirs
2 memcached ours
3 memcached theirs
4 memcached theirs
5 memcached theirs
6 memcached ours
1 memcache theirs
2 memcache ours
3 memcache theirs
4 memcache theirs
5 memcache theirs
6 memcache ours
-- a prefix
1 memcached theirs
2 memcached ours
3 memcached theirs
1 memcached ours
4 memcached ours
1
%AWarning: session_start(): Cloakroom: memcached.sess_prefix = "shop:x:" makes no name of an application; give the server --session-prefix=shop:x:=NAME, and PHP cloakroom.application = NAME%A
no session
-- memcache.session_save_path
1 memcache theirs
1 memcache ours
counted
-- each name once
cloakroom files memcache memcached user, ours: cloakroom, memcached, memcache
files memcache memcached user
cloakroom files memcache memcached user, ours: cloakroom
cloakroom files memcache memcached user, ours: cloakroom
cloakroom files memcache memcached user, ours: cloakroom, memcache
-- switched off
%AWarning: session_start(): Cannot find session save handler "memcached" - session startup failed%A
no session
