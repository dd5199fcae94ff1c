--TEST--
Settings that make no sense are refused with a warning; phpinfo() shows the module
--FILE--
<?php
require __DIR__ . '/helper.inc';
collect_warnings();
var_dump(ini_set('cloakroom.wait', 'long'), ini_set('cloakroom.wait', '-1'), ini_set('cloakroom.application', 'a b'));
var_dump(ini_get('cloakroom.wait'), our_warnings()[2]);
restore_error_handler();
store(fresh_id(), ['a' => 1]);
$before = ob_get_clean();
ob_start();
phpinfo(INFO_MODULES);
$info = ob_get_clean();
echo $before;
var_dump((bool) preg_match('/Cloakroom.s session handler => enabled/', $info), str_contains($info, 'connected'),
    str_contains($info, 'cloakroom.read_timeout => 1000 => 1000'));
?>
--EXPECT--
bool(false)
bool(false)
bool(false)
string(5) "30000"
string(121) "ini_set(): Cloakroom: cloakroom.application = "a b" is refused; it may have letters, digits, '.', '_' and '-', 64 at most"
bool(true)
bool(true)
bool(true)
