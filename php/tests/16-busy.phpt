--TEST--
Waiting for a session has an end: session_start() is false, and says who holds it; a write of the other is not lost
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
[$process, $in, $out] = php("session_id('$id'); session_start(); \$_SESSION['by'] = 'holder'; echo \"held\n\"; fgets(STDIN);");
echo fgets($out);
collect_warnings();
ini_set('cloakroom.wait', '1300'); // longer than cloakroom.read_timeout: the server tells that it is alive
session_id($id);
$begin = hrtime(true);
$trips = round_trips();
var_dump(session_start());
$took = (hrtime(true) - $begin) / 1e9;
var_dump($took > 1.25 && $took < 2, round_trips() - $trips); // it does not ask again
echo preg_replace('/\d+ ms|[\w.-]+:\d+:/', '_', our_warnings()[0]), "\n";
fwrite($in, "\n");
proc_close($process);
var_dump(stored($id), count(our_warnings()));
?>
--EXPECTF--
held
bool(false)
bool(true)
int(1)
session_start(): Cloakroom: %s: another request has held this session for _ (_%s), and %d wait for it; waited _. End it sooner (session_write_close()), or wait longer (cloakroom.wait)
array(1) {
  ["by"]=>
  string(6) "holder"
}
int(1)
