--TEST--
session_regenerate_id(true): the old one is gone at once, tags and age go on, and it stays so without strict mode too
--FILE--
<?php
require __DIR__ . '/helper.inc';
foreach (['0', '1'] as $strict) {
    ini_set('session.use_strict_mode', '0');
    $id = fresh_id();
    session_id($id);
    session_start();
    $_SESSION['a'] = 1;
    cloakroom_tag("t$id", 'other');
    session_write_close();
    sleep(1);
    ini_set('session.use_strict_mode', $strict);
    session_id($id);
    session_start();
    $_SESSION['b'] = 2;
    $before = round_trips();
    var_dump(session_regenerate_id(true), round_trips() - $before);
    $new = session_id();
    var_dump($new !== $id);
    session_write_close();
    $found = cloakroom_sessions("t$id");
    var_dump(count($found), $found[0]['tags'] === ["t$id", 'other'], $found[0]['age'] >= 1);
    ini_set('session.use_strict_mode', '0');
    var_dump(stored($id), stored($new));
}
?>
--EXPECT--
bool(true)
int(2)
bool(true)
int(1)
bool(true)
bool(true)
array(0) {
}
array(2) {
  ["a"]=>
  int(1)
  ["b"]=>
  int(2)
}
bool(true)
int(2)
bool(true)
int(1)
bool(true)
bool(true)
array(0) {
}
array(2) {
  ["a"]=>
  int(1)
  ["b"]=>
  int(2)
}
