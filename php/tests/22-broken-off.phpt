--TEST--
A script that is broken off at its beginning does not empty the session, and leaves no lease
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
store($id, ['a' => str_repeat('x', 900000)]);
[$process, , $out] = php("\$fill = str_repeat('y', 1300000); session_id('$id'); session_start();
    echo 'not reached';", ['memory_limit' => '3M', 'display_errors' => '0', 'log_errors' => '0']);
echo stream_get_contents($out), "\n";
var_dump(proc_close($process) !== 0, strlen(stored($id)['a']));
[$process, , $out] = php("session_id('$id'); session_start(); \$_SESSION['b'] = 1; exit(3);");
var_dump(proc_close($process), stored($id)['b']);
?>
--EXPECT--

bool(true)
int(900000)
int(3)
int(1)
