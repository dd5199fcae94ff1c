--TEST--
In a process that serves many pages: one connection, cookies, and the lease of a page that ended in an error is given back
--FILE--
<?php
require __DIR__ . '/helper.inc';

$page = sys_get_temp_dir() . '/cloakroom-phpt-' . bin2hex(random_bytes(6)) . '.php';
file_put_contents($page, <<<'PAGE'
<?php
ini_set('display_errors', '0');
switch ($_GET['do']) {
    case 'count':
        session_start();
        $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
        echo $_SESSION['n'], ' ', cloakroom_status()['connects'];
        break;
    case 'fill':
        session_start();
        $_SESSION['big'] = str_repeat('x', 900000);
        break;
    case 'fatal':
        session_start();
        $_SESSION['n'] = 50;
        no_such_function();
    case 'login':
        session_start();
        session_regenerate_id(true);
        echo session_id();
        break;
    case 'logout':
        session_start();
        session_destroy();
        break;
    case 'left-open': // a destroyed session whose id goes on to be used
        session_start();
        session_destroy();
        session_start();
        echo count($_SESSION);
}
PAGE);
$command = [PHP_BINARY, '-n', '-d', 'extension=' . getenv('CLOAKROOM_SO'), '-d', 'session.save_handler=cloakroom',
    '-d', 'session.save_path=' . ini_get('session.save_path'), '-d', 'session.use_strict_mode=1',
    '-d', 'cloakroom.wait=3000', '-d', 'log_errors=0', '-S', '127.0.0.1:0', $page];
$process = proc_open($command, [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w']], $pipes);
preg_match('~http://([\d.:]+)~', fgets($pipes[2]), $found) or die('no address');

$cookie = '';
function get(string $what): string
{
    global $cookie, $found;
    $context = stream_context_create(['http' => ['header' => $cookie, 'ignore_errors' => true, 'timeout' => 10]]);
    $begin = hrtime(true);
    $body = file_get_contents("http://$found[1]/?do=$what", false, $context);
    foreach ($http_response_header as $line) {
        if (preg_match('/^Set-Cookie: (PHPSESSID=[^;]+)/', $line, $set)) {
            $cookie = "Cookie: $set[1]";
        }
    }
    return $body . (hrtime(true) - $begin < 1e9 ? '' : ' slow');
}

echo get('count'), "\n", get('count'), "\n", get('fill'), get('count'), "\n";
$before = $cookie;
echo get('fatal'), get('count'), "\n";
var_dump($cookie === $before);
$id = get('login');
var_dump("Cookie: PHPSESSID=$id" === $cookie, $cookie !== $before);
$new = $cookie;
echo get('count'), "\n";
$cookie = $before;
echo get('count'), "\n";
var_dump($cookie !== $before); // strict mode
$cookie = $new;
get('logout');
echo get('count'), "\n";
var_dump($cookie !== $new);
echo get('left-open'), "\n";
proc_terminate($process);
proc_close($process);
unlink($page);
?>
--EXPECT--
1 1
2 1
3 1
51 1
bool(true)
bool(true)
bool(true)
52 1
1 1
bool(true)
1 1
bool(true)
0
