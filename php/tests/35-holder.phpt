--TEST--
Who holds a session is told with the path that was asked for: no query, and no piece that may be a secret; without a web server with its script
--FILE--
<?php
require __DIR__ . '/helper.inc';

$id = fresh_id();
$page = sys_get_temp_dir() . '/cloakroom-phpt-' . bin2hex(random_bytes(6)) . '.php';
file_put_contents($page, <<<PAGE
<?php
session_id('$id');
session_start();
cloakroom_tag('page:$id');
echo json_encode(cloakroom_sessions('page:$id')[0]['holder'] ?? 'not tagged', JSON_UNESCAPED_SLASHES), "\\n";
PAGE);
$php = [PHP_BINARY, '-n', '-d', 'extension=' . getenv('CLOAKROOM_SO'), '-d', 'session.save_handler=cloakroom',
    '-d', 'session.save_path=' . ini_get('session.save_path'), '-d', 'session.use_cookies=0', '-d', 'session.cache_limiter='];
$null = ['file', '/dev/null', 'r'];

function hide(string $holder): string
{
    return preg_replace('/"[\w.-]+:\d+:(cloakroom-phpt-\w+)?/', '"_:', $holder, 1);
}

function run(array $command): string
{
    global $null;
    $process = proc_open($command, [$null, ['pipe', 'w']], $pipes);
    $said = stream_get_contents($pipes[1]);
    proc_close($process);
    return hide($said);
}

echo run([...$php, $page]), run([...$php, $page]);

$process = proc_open([...$php, '-S', '127.0.0.1:0', $page], [$null, ['file', '/dev/null', 'w'], ['pipe', 'w']], $pipes);
preg_match('~http://([\d.:]+)~', fgets($pipes[2]), $found) or die('no address');

function ask(string $target): void
{
    global $found;
    $socket = stream_socket_client("tcp://$found[1]");
    fwrite($socket, "GET $target HTTP/1.0\r\n\r\n");
    [, $body] = explode("\r\n\r\n", stream_get_contents($socket));
    echo $target, "\n    ", strlen($body) > 150 ? strlen($body) . ' bytes' : hide($body);
}

ask('/');
ask('/shop/cart.php?coupon=secret');
ask('/shop/;jsessionid=secret/x?y');
ask('/reset/0123456789abcdef/form');
ask('/reset/abcdefghijklmnopqrstu/form');
ask('/reset/abcdefghijklmnopqrst/abcdefghij12/form');
ask('/%3Cb%3E/');
ask('/' . str_repeat('abc/', 30));
proc_terminate($process);
proc_close($process);
unlink($page);
?>
--EXPECTF--
"not tagged"
"_:.php"
/
    "_:/"
/shop/cart.php?coupon=secret
    "_:/shop/cart.php"
/shop/;jsessionid=secret/x?y
    "_:/shop/"
/reset/0123456789abcdef/form
    "_:/reset/*/form"
/reset/abcdefghijklmnopqrstu/form
    "_:/reset/*/form"
/reset/abcdefghijklmnopqrst/abcdefghij12/form
    "_:/reset/abcdefghijklmnopqrst/abcdefghij12/form"
/%3Cb%3E/
    "_:/%3Cb%3E/"
/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/abc/
    "_:/abc/abc/abc/%s"
