--TEST--
session_start(['cloakroom_lock' => false]) waits for nobody, takes no lease and stores nothing
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
store($id, ['a' => 1]);
[$process, $in, $out] = php("session_id('$id'); session_start(); echo \"held\n\"; fgets(STDIN);");
echo fgets($out);
collect_warnings();
session_id($id);
var_dump(session_start(['cloakroom_lock' => false]), $_SESSION);
session_write_close();
var_dump(count(our_warnings()));
session_id($id);
session_start(['cloakroom_lock' => false]);
$_SESSION['a'] = 2;
session_write_close();
var_dump(count(our_warnings()), str_contains(our_warnings()[0], 'opened to read only'));
fwrite($in, "\n");
proc_close($process);
var_dump(stored($id));
?>
--EXPECT--
held
bool(true)
array(1) {
  ["a"]=>
  int(1)
}
int(0)
int(1)
bool(true)
array(1) {
  ["a"]=>
  int(1)
}
