--TEST--
session_start(['cloakroom_wait' => 0]) does not wait; with cloakroom.busy = read it reads what is stored, and stores nothing
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
store($id, ['a' => 1]);
[$process, $in, $out] = php("session_id('$id'); session_start(); echo \"held\n\"; fgets(STDIN); \$_SESSION['a'] = 2;");
fgets($out);
collect_warnings();
$begin = hrtime(true);
session_id($id);
var_dump(session_start(['cloakroom_wait' => '0']));
echo count(our_warnings()), ' ', preg_match('/another request has held this session .* waited 0 ms/', our_warnings()[0]), "\n";
ini_set('cloakroom.busy', 'read');
session_id($id);
var_dump(session_start());
echo json_encode($_SESSION), ' ', count(our_warnings()), "\n";
session_write_close(); // unchanged
session_id($id);
session_start();
$_SESSION['a'] = 3;
session_write_close();
echo count(our_warnings()), ' ', preg_match('/opened to read only/', our_warnings()[1]), "\n";
session_id(fresh_id()); // what nobody holds is opened as ever
session_start();
$_SESSION['b'] = 1;
session_write_close();
echo count(our_warnings()), ' ', (hrtime(true) - $begin) < 1e9 ? 'at once' : 'slow', "\n";
fwrite($in, "\n");
proc_close($process);
ini_set('session.cloakroom_wait', '-1');
echo json_encode(stored($id)), "\n";
var_dump(ini_set('cloakroom.busy', 'maybe'), ini_set('session.cloakroom_wait', '-2'), ini_set('cloakroom.compress', 'yes'));
?>
--EXPECT--
bool(false)
1 1
bool(true)
{"a":1} 1
2 1
2 at once
{"a":2}
bool(false)
bool(false)
bool(false)
