--TEST--
A forked child opens a connection of its own
--SKIPIF--
<?php if (!function_exists('pcntl_fork')) die('skip no pcntl'); ?>
--FILE--
<?php
require __DIR__ . '/helper.inc';
ob_end_flush();
$id = fresh_id();
store($id, ['n' => 0]);
$pid = pcntl_fork();
for ($i = 0; $i < 50; $i++) {
    session_id($id);
    session_start();
    $_SESSION['n']++;
    session_write_close();
}
if ($pid === 0) {
    posix_kill(getmypid(), SIGKILL);
}
pcntl_waitpid($pid, $status);
var_dump(stored($id), cloakroom_status()['failures']);
?>
--EXPECT--
array(1) {
  ["n"]=>
  int(100)
}
int(0)
