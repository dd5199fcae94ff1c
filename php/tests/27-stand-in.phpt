--TEST--
Under the names memcached and memcache, where those extensions are not loaded: the same sessions as theirs, in any order of loading
--FILE--
<?php
require __DIR__ . '/helper.inc';

const OURS = ['CLOAKROOM'];
const THEIRS = ['igbinary', 'msgpack', 'memcached', 'memcache'];
const PATHS = ['memcached' => '%s', 'memcache' => 'unix://%s'];
$server = new Server(['--session-prefix', 'memc.sess.key.', '--session-prefix', 'shop.']);

/** What a new PHP with these extensions says to the code; what it warns of, too. */
function say(array $extensions, string $handler, string $code, array $settings = []): string
{
    global $server;
    $settings += ['session.save_handler' => $handler, 'session.save_path' => sprintf(PATHS[$handler], $server->path()),
        'session.use_cookies' => '0', 'session.cache_limiter' => '', 'display_errors' => '1', 'html_errors' => '0'];
    $command = [PHP_BINARY, '-n'];
    foreach ($extensions as $extension) {
        array_push($command, '-d', 'extension=' . ($extension === 'CLOAKROOM' ? getenv('CLOAKROOM_SO') : $extension));
    }
    foreach ($settings as $name => $value) {
        array_push($command, '-d', "$name=\"$value\"");
    }
    $process = proc_open([...$command, '-r', $code], [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes);
    $said = stream_get_contents($pipes[1]);
    proc_close($process);
    return trim($said);
}

/** Counts a session, and says the count, the handler's name, and whether it was ours. */
function count_with(array $extensions, string $handler, string $id, array $settings = []): string
{
    return say($extensions, $handler, 'session_id("' . $id . '"); session_start() or exit("no session");'
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
echo say(OURS, 'memcached', 'echo cloakroom_count();', $prefix), "\n";
echo count_with(OURS, 'memcached', $id, ['memcached.sess_prefix' => 'shop:x:']), "\n";

echo "-- memcache.session_save_path\n";
$path = ['session.save_path' => '/nowhere', 'memcache.session_save_path' => 'unix://' . $server->path()];
foreach ([THEIRS, OURS] as $extensions) {
    echo count_with($extensions, 'memcache', $id = fresh_id(), $path), "\n";
}
echo say(OURS, 'memcache', 'echo cloakroom_count() > 0 ? "counted" : "none";', $path), "\n";

echo "-- each name once\n";
foreach ([OURS, THEIRS, [...THEIRS, ...OURS], [...OURS, ...THEIRS], ['igbinary', 'msgpack', 'CLOAKROOM', 'memcached']] as $extensions) {
    $info = say($extensions, 'memcached', 'phpinfo(INFO_MODULES);');
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
