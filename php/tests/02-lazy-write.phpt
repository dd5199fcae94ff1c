--TEST--
Nothing has changed: nothing is written, the lease is given back, the life begins anew
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
session_id($id);
session_start();
$_SESSION['a'] = 1;
cloakroom_tag("t$id");
session_write_close();
ini_set('session.gc_maxlifetime', '100');
session_id($id);
session_start();
session_write_close();
var_dump(cloakroom_sessions("t$id")[0]['ttl'] <= 100);
ini_set('session.gc_maxlifetime', '5000');
session_id($id);
session_start();
$before = round_trips();
session_write_close();
var_dump(round_trips() - $before);
$found = cloakroom_sessions("t$id")[0];
var_dump($found['ttl'] > 4000, $found['is_held'], stored($id));
// and with lazy_write off it is written
ini_set('session.lazy_write', '0');
session_id($id);
session_start();
session_write_close();
var_dump(stored($id));
?>
--EXPECT--
bool(true)
int(1)
bool(true)
bool(false)
array(1) {
  ["a"]=>
  int(1)
}
array(1) {
  ["a"]=>
  int(1)
}
