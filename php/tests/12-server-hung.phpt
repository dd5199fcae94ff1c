--TEST--
The server hangs: the page has lost a second, the next one nothing; then all is as before
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Server();
session_save_path($server->path());
$id = fresh_id();
store($id, ['a' => 1]);
ini_set('cloakroom.retry', '2000');
collect_warnings();
$server->freeze();
foreach (['first' => 1.5, 'second' => 0.1] as $page => $most) {
    session_id($id);
    $begin = hrtime(true);
    var_dump(session_start());
    var_dump((hrtime(true) - $begin) / 1e9 < $most);
}
$server->signal(SIGCONT);
var_dump(our_warnings());
sleep(2);
var_dump(stored($id));
?>
--EXPECTF--
bool(false)
bool(true)
bool(false)
bool(true)
array(2) {
  [0]=>
  string(%d) "session_start(): Cloakroom: %s: no answer within 1000 ms; the server hangs or has too much to do, or the time-out is too short"
  [1]=>
  string(%d) "session_start(): Cloakroom: %s; it is not asked again for 2000 ms (cloakroom.retry)"
}
array(1) {
  ["a"]=>
  int(1)
}
