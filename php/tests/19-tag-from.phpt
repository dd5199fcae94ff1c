--TEST--
cloakroom.tag_from tags by session variables, and takes the tag away with the variable
--INI--
cloakroom.tag_from="user_id, role"
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
$user = random_int(1, PHP_INT_MAX);
store($id, ['user_id' => $user, 'role' => 'admin', 'x' => 1]);
var_dump(cloakroom_sessions("user_id:$user")[0]['tags'] === ["user_id:$user", 'role:admin']);
store($id, ['user_id' => $user, 'x' => 2]);
var_dump(cloakroom_sessions("user_id:$user")[0]['tags'] === ["user_id:$user"]);
store($id, ['x' => 2]);
var_dump(cloakroom_count("user_id:$user"));
store($id, ['user_id' => 'has spaces', 'role' => [1]]);
var_dump(stored($id));
?>
--EXPECT--
bool(true)
bool(true)
int(0)
array(2) {
  ["user_id"]=>
  string(10) "has spaces"
  ["role"]=>
  array(1) {
    [0]=>
    int(1)
  }
}
