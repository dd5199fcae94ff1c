--TEST--
read_and_close and session_abort() give the lease back at once
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
store($id, ['a' => 1]);
$held = function () use ($id) {
    [$process, , $out] = php("session_id('$id'); \$begin = hrtime(true); var_dump(session_start());
        var_dump((hrtime(true) - \$begin) / 1e6 < 200); session_write_close();", ['cloakroom.wait' => 2000]);
    echo stream_get_contents($out);
    proc_close($process);
};
session_id($id);
session_start(['read_and_close' => true]);
var_dump($_SESSION, session_status() === PHP_SESSION_NONE);
$held();
session_id($id);
session_start();
$_SESSION['a'] = 2;
session_abort();
$held();
var_dump(stored($id));
?>
--EXPECT--
array(1) {
  ["a"]=>
  int(1)
}
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
array(1) {
  ["a"]=>
  int(1)
}
