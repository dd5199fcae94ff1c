--TEST--
The server is down: one warning of ours, session_start() is false, fast; it comes back, and so do the sessions
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Server();
session_save_path($server->path());
$id = fresh_id();
store($id, ['a' => 1]);
$server->halt();
collect_warnings();
session_id($id);
$begin = hrtime(true);
var_dump(session_start(), hrtime(true) - $begin < 1e9, session_status() === PHP_SESSION_NONE);
var_dump(count(our_warnings()), our_warnings()[0]);
ini_set('session.use_strict_mode', '1');
session_id($id);
var_dump(session_start(), session_id() === $id || session_id() === '', count(our_warnings()));
ini_set('session.use_strict_mode', '0');
$server->start();
var_dump(stored($id));
// a restart between the beginning and the end: what was opened can still be written. Fences of two starts within the
// same second are not told apart.
session_id($id);
session_start();
sleep(1);
$_SESSION['a'] = 2;
$server->halt();
$server->start();
session_write_close();
var_dump(stored($id), count(our_warnings()));
?>
--EXPECTF--
bool(false)
bool(true)
bool(true)
int(1)
string(%d) "session_start(): Cloakroom: %s: there is no such socket; start cloakroomd with it (-s), or correct the path"
bool(false)
bool(true)
int(2)
array(1) {
  ["a"]=>
  int(1)
}
array(1) {
  ["a"]=>
  int(2)
}
int(2)
