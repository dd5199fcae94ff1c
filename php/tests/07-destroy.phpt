--TEST--
session_destroy(): gone, its tags too, and what begins then is no successor
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
var_dump(session_destroy(), session_status() === PHP_SESSION_NONE);
session_id('');
session_start();
$_SESSION['b'] = 1;
session_write_close();
var_dump(cloakroom_count("t$id"), stored($id));
?>
--EXPECT--
bool(true)
bool(true)
int(0)
array(0) {
}
