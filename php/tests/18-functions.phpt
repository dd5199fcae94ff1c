--TEST--
Tags, counts, lists and kills
--FILE--
<?php
require __DIR__ . '/helper.inc';
ini_set('cloakroom.application', 'shop-' . substr(fresh_id(), 0, 8));
$tag = 'user:' . fresh_id();
$ids = [];
foreach ([1, 2, 3] as $n) {
    session_id($ids[] = fresh_id());
    session_start();
    $_SESSION['n'] = $n;
    var_dump(cloakroom_tag($tag, "n:$n"));
    session_write_close();
}
var_dump(cloakroom_count(), cloakroom_count($tag), cloakroom_count('n:2'));
var_dump(count(cloakroom_sessions($tag)), count(cloakroom_sessions($tag, 2)));
$second = cloakroom_sessions('n:2')[0];
var_dump($second['tags'] === [$tag, 'n:2'], $second['application'] === ini_get('cloakroom.application'));
var_dump(cloakroom_kill($second['handle']), cloakroom_count($tag), stored($ids[1]));
session_id($ids[0]);
session_start();
var_dump(cloakroom_sessions('n:1')[0]['is_held'], str_contains(cloakroom_sessions('n:1')[0]['holder'], (string) getmypid()));
var_dump(cloakroom_kill($tag, true), cloakroom_count($tag));
$_SESSION['still'] = true;
session_write_close();
var_dump(stored($ids[0]));
// an unchanged session is tagged too
session_id($ids[0]);
session_start();
cloakroom_tag('late');
session_write_close();
var_dump(cloakroom_count('late'), cloakroom_count($tag));
foreach (['', 'a b', str_repeat('x', 65)] as $bad) {
    try {
        cloakroom_count($bad);
    } catch (ValueError $e) {
        echo $e->getMessage(), "\n";
    }
}
var_dump(@cloakroom_tag('x'));
?>
--EXPECT--
bool(true)
bool(true)
bool(true)
int(3)
int(3)
int(1)
int(3)
int(2)
bool(true)
bool(true)
int(1)
int(2)
array(0) {
}
bool(true)
bool(true)
int(1)
int(1)
array(2) {
  ["n"]=>
  int(1)
  ["still"]=>
  bool(true)
}
int(1)
int(0)
cloakroom_count(): Argument #1 ($tag) must have 1 to 64 bytes, no spaces and no control characters
cloakroom_count(): Argument #1 ($tag) must have 1 to 64 bytes, no spaces and no control characters
cloakroom_count(): Argument #1 ($tag) must have 1 to 64 bytes, no spaces and no control characters
bool(false)
