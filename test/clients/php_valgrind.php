<?php
/*
 * One process that goes all the ways through the handler, for valgrind; run by php_apps.py. Says "all done" at the end.
 */
declare(strict_types=1);

ob_start();
set_error_handler(fn () => true);

function start(string $id, array $options = []): bool
{
    session_id($id);
    return session_start($options);
}

$id = bin2hex(random_bytes(16));
for ($n = 0; $n < 20; $n++) {
    start($id);
    $_SESSION['n'] = $n;
    cloakroom_tag("user:$n", 'x');
    session_write_close();
}
foreach ([['read_and_close' => true], ['cloakroom_lock' => '0']] as $options) {
    start($id, $options);
    session_abort();
}
ini_set('session.cloakroom_lock', '1');
start($id);
session_write_close(); // unchanged
start($id);
$_SESSION['big'] = random_bytes(900_000);
session_write_close();
start($id);
$_SESSION['big'] = random_bytes(1_500_000); // refused
session_write_close();
start($id);
session_regenerate_id(true);
session_regenerate_id(false);
$_SESSION['big'] = null;
cloakroom_sessions('x');
cloakroom_count('x');
cloakroom_kill('x', true);
cloakroom_status();
phpinfo(INFO_MODULES);
session_destroy();
ini_set('cloakroom.tag_from', 'user_id other');
session_create_id('a-');
start($id);
$_SESSION['user_id'] = 42;
session_write_close();
start($id);
cloakroom_kill('user_id:42');
$_SESSION['user_id'] = 43;
session_write_close(); // refused
foreach (['no/such', str_repeat('x', 251)] as $bad) {
    start($bad);
}
session_id('');
session_start(['use_strict_mode' => '1']);
session_write_close();
foreach (['', 'nowhere', 'tcp://127.0.0.1:1', '/no/socket', 'tcp://127.0.0.1:1?timeout=x'] as $path) {
    session_save_path($path);
    start($id);
    cloakroom_count();
}
foreach ([['cloakroom.wait', 'x'], ['cloakroom.application', 'a b'], ['cloakroom.lease', '-1']] as [$name, $value]) {
    ini_set($name, $value);
}
ob_end_clean();
echo "all done\n";
