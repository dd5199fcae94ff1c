--TEST--
Strict mode: an id that exists is taken with one round trip, another is replaced by one of 256 bits
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
ini_set('session.use_strict_mode', '0');
store($id, ['a' => 1]);
ini_set('session.use_strict_mode', '1');
session_id($id);
$before = round_trips();
session_start();
var_dump(round_trips() - $before, session_id() === $id, $_SESSION);
session_write_close();
session_id(fresh_id());
session_start();
var_dump(session_id() !== $id, preg_match('/^[0-9a-v]{52}$/', session_id()), $_SESSION);
$new = session_id();
$_SESSION['b'] = 1;
session_write_close();
session_id($new);
session_start();
var_dump(session_id() === $new);
session_write_close();
// an id that only was made does not exist
$made = session_create_id();
session_id($made);
session_start();
var_dump(session_id() !== $made);
$seen = session_id();
session_abort(); // nor does one whose page has thrown it away
session_id($seen);
session_start();
var_dump(session_id() !== $seen);
// an empty session is kept, so that its visitor keeps the id
$empty = session_id();
session_write_close();
session_id($empty);
session_start();
var_dump(session_id() === $empty, $_SESSION);
session_write_close();
?>
--EXPECT--
int(1)
bool(true)
array(1) {
  ["a"]=>
  int(1)
}
bool(true)
int(1)
array(0) {
}
bool(true)
bool(true)
bool(true)
bool(true)
array(0) {
}
