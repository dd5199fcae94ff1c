--TEST--
session_gc() is the server's business; session.gc_maxlifetime is the idle life, over 30 days too
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
session_id($id);
ini_set('session.gc_maxlifetime', (string) (60 * 86400));
session_start();
var_dump(session_gc());
$_SESSION['a'] = 1;
cloakroom_tag("t$id");
session_write_close();
$ttl = cloakroom_sessions("t$id")[0]['ttl'];
var_dump($ttl > 59 * 86400 && $ttl <= 60 * 86400);
$short = fresh_id();
ini_set('session.gc_maxlifetime', '1');
store($short, ['a' => 1]);
sleep(3);
var_dump(stored($short));
?>
--EXPECT--
int(0)
bool(true)
array(0) {
}
