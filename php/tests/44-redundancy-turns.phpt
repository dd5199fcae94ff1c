--TEST--
cloakroom.redundancy: who has a session at the second server, as the first was down, has it until he is done, also when it is back
--INI--
cloakroom.redundancy=2
error_log=/dev/null
--FILE--
<?php
require __DIR__ . '/helper.inc';
$servers = [new Server(), new Server()];
$paths = array_map(fn ($server) => $server->path(), $servers);
session_save_path(implode(',', $paths));
collect_warnings();
$settings = ['session.save_path' => session_save_path(), 'cloakroom.redundancy' => '2', 'error_log' => '/dev/null'];
for ($i = 0; $i < 8; $i++) {
    store($id = fresh_id(), ['n' => 0]);
    $servers[0]->halt();
    [$holder, $in, $out] = php("session_id('$id'); session_start(); echo 'has'; fgets(STDIN); \$_SESSION['n']++; session_write_close();"
        . "echo 'done';", $settings);
    if (fread($out, 3) !== 'has') {
        echo "not had\n";
    }
    $servers[0]->start();
    [$next, , $next_out] = php("session_id('$id'); session_start(); \$_SESSION['n']++; session_write_close(); echo 'done';", $settings);
    stream_set_blocking($next_out, false);
    usleep(150000);
    if (fread($next_out, 4) !== '') {
        echo "two have it\n";
    }
    fwrite($in, "\n");
    stream_set_blocking($next_out, true);
    if (fread($out, 4) . fread($next_out, 4) !== 'donedone') {
        echo "not done\n";
    }
    proc_close($holder);
    proc_close($next);
    if (stored($id) !== ['n' => 2]) {
        echo "lost: ", json_encode(stored($id)), "\n";
    }
}
// and it is not waited for for ever
store($id = fresh_id(), ['n' => 0]);
ini_set('cloakroom.wait', '300');
foreach ([0, 1] as $which) {
    $servers[$which]->halt();
    [$holder, $in, $out] = php("session_id('$id'); session_start(); echo 'has'; fgets(STDIN);", $settings);
    fread($out, 3);
    $servers[$which]->start();
    session_id($id);
    var_dump(session_start());
    fwrite($in, "\n");
    proc_close($holder);
    var_dump(stored($id));
}
foreach (our_warnings() as $warning) {
    echo preg_replace(['~/\S+/s.sock~', '/\d+ ms \(\S+\)/'], ['THERE', 'SOME ms (IT)'], $warning), "\n";
}
?>
--EXPECT--
bool(false)
array(1) {
  ["n"]=>
  int(0)
}
bool(false)
array(1) {
  ["n"]=>
  int(0)
}
session_start(): Cloakroom: THERE: another request has held this session for SOME ms (IT), and 0 wait for it; waited 300 ms. End it sooner (session_write_close()), or wait longer (cloakroom.wait)
session_start(): Cloakroom: THERE: another request has held this session for SOME ms (IT), and 0 wait for it; waited 300 ms. End it sooner (session_write_close()), or wait longer (cloakroom.wait)
