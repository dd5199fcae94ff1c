--TEST--
A lease that ended and went to another: what that one has stored stays
--INI--
cloakroom.lease=1
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
session_id($id);
session_start();
$_SESSION['by'] = 'first';
[$process, , $out] = php("session_id('$id'); var_dump(session_start()); \$_SESSION['by'] = 'second';");
echo stream_get_contents($out);
proc_close($process);
collect_warnings();
session_write_close();
var_dump(count(our_warnings()), str_contains(our_warnings()[0], 'nothing was stored'), stored($id));
?>
--EXPECT--
bool(true)
int(1)
bool(true)
array(1) {
  ["by"]=>
  string(6) "second"
}
