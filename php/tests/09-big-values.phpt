--TEST--
A session of nearly 1 MiB is kept; a larger one is refused with one warning, and the one before stays
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
$big = random_bytes(1 << 20);
store($id, ['big' => substr($big, 0, 1000000)]);
var_dump(stored($id)['big'] === substr($big, 0, 1000000));
collect_warnings();
store($id, ['big' => $big]);
var_dump(count(our_warnings()), our_warnings()[0]);
preg_match('/too large for cache by (\d+) bytes.*this session has (\d+) bytes/', our_warnings()[0], $told);
var_dump($told[2] - $told[1] === 1 << 20, (int) $told[2] === strlen(serialize($big)) + strlen('big|'));
restore_error_handler();
var_dump(strlen(stored($id)['big']));
store($id, ['small' => 1]);
var_dump(stored($id));
?>
--EXPECTF--
bool(true)
int(1)
string(%d) "session_write_close(): Cloakroom: %s: refused with 'SERVER_ERROR object too large for cache by %d bytes': what was stored before is still there; store less, or raise the server's limit (-I) (this session has 10485%d bytes)"
bool(true)
bool(true)
int(1000000)
array(1) {
  ["small"]=>
  int(1)
}
