--TEST--
session_regenerate_id(false): the old id can be read for cloakroom.grace, and nothing comes through it to the new one
--INI--
cloakroom.grace=2
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
session_id($id);
session_start();
$_SESSION['a'] = 1;
cloakroom_tag("t$id");
session_write_close();
session_id($id);
session_start();
$_SESSION['moved'] = true;
var_dump(session_regenerate_id(false));
$new = session_id();
unset($_SESSION['moved']);
$_SESSION['b'] = 2;
session_write_close();
var_dump(stored($id), stored($new));
collect_warnings();
session_id($id);
session_start();
$_SESSION['c'] = 'from the old one';
session_write_close();
var_dump(count(our_warnings()), str_contains(our_warnings()[0], 'old id of a session that has a new one'));
session_id($id);
session_start();
var_dump(session_regenerate_id(true), session_status() === PHP_SESSION_NONE);
sleep(3);
var_dump(stored($id), stored($new), cloakroom_count("t$id"));
?>
--EXPECT--
bool(true)
array(2) {
  ["a"]=>
  int(1)
  ["moved"]=>
  bool(true)
}
array(2) {
  ["a"]=>
  int(1)
  ["b"]=>
  int(2)
}
int(1)
bool(true)
bool(false)
bool(true)
array(0) {
}
array(2) {
  ["a"]=>
  int(1)
  ["b"]=>
  int(2)
}
int(1)
