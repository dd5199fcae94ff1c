--TEST--
With opcache, and igbinary as serializer; what one serializer has stored another does not misread
--FILE--
<?php
require __DIR__ . '/helper.inc';

$page = sys_get_temp_dir() . '/cloakroom-phpt-' . bin2hex(random_bytes(6)) . '.php';
file_put_contents($page, <<<'PAGE'
<?php
class Cart
{
    public array $lines = [];
    public ?Cart $again = null;
}
session_id($argv[1]);
session_start();
$cart = $_SESSION['cart'] ??= new Cart();
$cart->lines[] = str_repeat('coat ', 40);
$cart->again = $cart;
$_SESSION['on'] = opcache_get_status()['opcache_enabled'];
session_write_close();
echo count($cart->lines), ' ', json_encode($_SESSION['on']), ' ', ini_get('session.serialize_handler'), "\n";
PAGE);
$id = fresh_id();
foreach ([1, 2, 3] as $time) {
    $command = [PHP_BINARY, '-n'];
    foreach (['extension=igbinary', 'zend_extension=opcache', 'extension=' . getenv('CLOAKROOM_SO'), 'opcache.enable_cli=1',
        'session.save_handler=cloakroom', 'session.save_path="' . ini_get('session.save_path') . '"', 'session.use_cookies=0',
        'session.cache_limiter=', 'session.serialize_handler=igbinary'] as $setting) {
        array_push($command, '-d', $setting);
    }
    $process = proc_open([...$command, $page, $id], [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes);
    echo stream_get_contents($pipes[1]);
    proc_close($process);
}
unlink($page);
// this PHP has no igbinary: PHP's core refuses what it cannot read, and destroys it as with any handler
collect_warnings();
session_id($id);
var_dump(session_start());
var_dump(str_contains(implode(' ', $warnings), 'Failed to decode session object'), our_warnings());
?>
--EXPECT--
1 true igbinary
2 true igbinary
3 true igbinary
bool(false)
bool(true)
array(0) {
}
