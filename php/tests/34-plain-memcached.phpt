--TEST--
On a memcached that knows no session verbs: locks by add, as php-memcached has them, and beside it; never an older session over a newer one
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Memcached(['-I', '1m']);
session_save_path($server->path());
$settings = ['session.save_path' => $server->path()];
$id = fresh_id();
store($id, ['a' => 1]);
echo json_encode(stored($id)), ' ', json_encode(cloakroom_status()['plain'] ?? cloakroom_status()['servers'][0]['plain']), "\n";
ob_start();
phpinfo(INFO_MODULES);
echo json_encode(str_contains(ob_get_clean(), "State => connected; a plain memcached: waiting requests ask again and again")), "\n";
$trips = round_trips();
store($id, ['a' => 2]);
echo round_trips() - $trips, " round trips\n";

echo "-- one at a time\n";
[$process, $in, $out] = php("session_id('$id'); session_start(); echo \"held\n\"; fgets(STDIN); \$_SESSION['b'] = 1;", $settings);
fgets($out);
collect_warnings();
ini_set('session.cloakroom_wait', '200');
session_id($id);
var_dump(session_start());
echo preg_match('/another request holds this session .* waited 2\d\d ms/', our_warnings()[0]), "\n";
ini_set('session.cloakroom_wait', '-1');
session_id($id);
session_start(['cloakroom_lock' => '0']);
echo json_encode($_SESSION), "\n";
session_write_close();
ini_set('session.cloakroom_lock', '1');
fwrite($in, "\n");
$begin = hrtime(true);
store($id, ['c' => 1] + stored($id));
proc_close($process);
echo json_encode(stored($id)), ' ', (hrtime(true) - $begin) < 1e9 ? 'soon' : 'late', "\n";

echo "-- a lock that was outlived\n";
[$process, $in, $out] = php("session_id('$id'); session_start(); echo \"held\n\"; fgets(STDIN); \$_SESSION['late'] = 1;"
    . 'set_error_handler(function ($n, $text) { echo str_contains($text, "another request has written") ? "refused\n" : ""; return true; });'
    . 'session_write_close();', $settings + ['cloakroom.lease' => '1']);
fgets($out);
store($id, ['d' => 1]); // waits a second or two
session_id($id);
session_start();
$_SESSION['e'] = 1;
fwrite($in, "\n");
echo fgets($out);
proc_close($process);
[$other, , $out] = php("session_id('$id'); echo json_encode(@session_start(['cloakroom_wait' => 0]));", $settings);
echo stream_get_contents($out), "\n"; // the lock of this one was not taken away
proc_close($other);
session_write_close();
echo json_encode(stored($id)), "\n";

echo "-- ids\n";
ini_set('session.use_strict_mode', '1');
session_id($unknown = fresh_id());
session_start();
echo json_encode(session_id() !== $unknown), "\n";
session_abort();
session_id($id);
session_start();
echo json_encode(session_id() === $id), "\n";
session_regenerate_id(true);
$new = session_id();
session_write_close();
ini_set('session.use_strict_mode', '0');
echo json_encode(stored($new)), json_encode(stored($id)), "\n";
session_id($new);
session_start();
session_regenerate_id(false);
$_SESSION['f'] = 1;
$newer = session_id();
session_write_close();
echo json_encode(stored($newer)), json_encode(stored($new)), "\n";
session_id($newer);
session_start();
session_destroy();
echo json_encode(stored($newer)), "\n";

echo "-- limits\n";
$GLOBALS['warnings'] = [];
store($id, ['kept' => 1]);
store($id, ['big' => random_bytes(1 << 20)]);
echo count(our_warnings()), ' ', preg_match('/too large.*still there \(this session has 10485\d\d bytes, of 1048576 that fit with its key; raise -I\)/', our_warnings()[0]), ' ',
    json_encode(stored($id)), "\n";
ini_set('session.gc_maxlifetime', (string) (60 * 86400));
store($id, ['long' => 1]);
echo json_encode(stored($id)), "\n";
ini_set('session.gc_maxlifetime', '1');
store($id, ['short' => 1]);
sleep(3);
echo json_encode(stored($id)), "\n";
ini_set('session.gc_maxlifetime', '1440');
$GLOBALS['warnings'] = [];
session_id($id);
session_start();
var_dump(cloakroom_tag('x'), cloakroom_count());
session_abort();
echo count(our_warnings()), ' ', preg_match('/tags.* need cloakroomd/', our_warnings()[0]), "\n";

echo "-- beside php-memcached\n";
$theirs = ['session.save_handler' => 'memcached'] + $settings;
$extensions = ['igbinary', 'msgpack', 'memcached'];
$count = "session_id('%s'); session_start(); \$_SESSION['n'] = (\$_SESSION['n'] ?? 0) + 1; session_write_close(); echo \$_SESSION['n'];";
$id = fresh_id();
foreach ([$extensions, ['CLOAKROOM'], $extensions, ['CLOAKROOM']] as $who) {
    $handler = $who === ['CLOAKROOM'] ? ['session.save_handler' => 'cloakroom'] + $settings : $theirs;
    echo say($who, sprintf($count, $id), $handler), ' ';
}
session_id($id);
session_start();
echo say($extensions, "session_id('$id'); echo json_encode(@session_start());", $theirs + ['memcached.sess_lock_retries' => '1']), "\n";
session_abort();
$settings['cloakroom.application'] = 'shop';
echo say(['CLOAKROOM'], sprintf($count, $id), ['session.save_handler' => 'cloakroom'] + $settings), ' ',
    say($extensions, sprintf($count, $id), $theirs + ['memcached.sess_prefix' => 'shop.']), "\n";
?>
--EXPECT--
{"a":1} true
true
2 round trips
-- one at a time
bool(false)
1
{"a":2}
{"c":1,"a":2,"b":1} soon
-- a lock that was outlived
refused
false
{"d":1,"e":1}
-- ids
true
true
{"d":1,"e":1}[]
{"d":1,"e":1,"f":1}{"d":1,"e":1}
[]
-- limits
1 1 {"kept":1}
{"long":1}
[]
bool(false)
bool(false)
2 1
-- beside php-memcached
1 2 3 4 false
1 2
