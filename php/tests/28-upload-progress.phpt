--TEST--
session.upload_progress: told in the session of the upload, whose own data stays; each report gives the session back
--FILE--
<?php
require __DIR__ . '/helper.inc';

$page = sys_get_temp_dir() . '/cloakroom-phpt-' . bin2hex(random_bytes(6)) . '.php';
file_put_contents($page, <<<'PAGE'
<?php
session_start();
$before = $_SESSION;
if (isset($_GET['count'])) {
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
}
echo json_encode([$before, array_map(fn ($file) => $file['size'], $_FILES), cloakroom_status()['connects']]);
PAGE);
$settings = ['session.save_handler' => 'cloakroom', 'session.save_path' => ini_get('session.save_path'), 'log_errors' => '0',
    'session.upload_progress.enabled' => '1', 'session.upload_progress.cleanup' => '0', 'session.upload_progress.freq' => '1%',
    'session.upload_progress.min_freq' => '0', 'cloakroom.wait' => '2000', 'upload_max_filesize' => '8M', 'post_max_size' => '8M'];
$command = [PHP_BINARY, '-n', '-d', 'extension=' . getenv('CLOAKROOM_SO')];
foreach ($settings as $name => $value) {
    array_push($command, '-d', "$name=\"$value\"");
}
$process = proc_open([...$command, '-S', '127.0.0.1:0', $page], [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'],
    ['pipe', 'w']], $pipes);
preg_match('~http://([\d.:]+)~', fgets($pipes[2]), $found) or die('no address');
$id = fresh_id();

function ask(string $query, array $options = []): array
{
    global $found, $id;
    $options['header'] = ["Cookie: PHPSESSID=$id", ...($options['header'] ?? [])];
    $context = stream_context_create(['http' => $options + ['timeout' => 10, 'ignore_errors' => true]]);
    return json_decode(file_get_contents("http://$found[1]/?$query", false, $context), true);
}

ask('count');
ask('count');
$parts = [['name="PHP_SESSION_UPLOAD_PROGRESS"', 'mine'], ['name="file"; filename="a.bin"', random_bytes(3_000_000)]];
$body = '';
foreach ($parts as [$name, $value]) {
    $body .= "--frontier\r\nContent-Disposition: form-data; $name\r\n\r\n$value\r\n";
}
[$before, $files] = ask('count', ['method' => 'POST', 'content' => "$body--frontier--\r\n",
    'header' => ['Content-Type: multipart/form-data; boundary=frontier']]);
echo $before['n'], ' ', $files['file'], ' ', json_encode($before['upload_progress_mine']['done']), "\n";
[$after, , $connects] = ask('');
$progress = $after['upload_progress_mine'];
echo $after['n'], ' ', $progress['files'][0]['bytes_processed'], ' ', $progress['files'][0]['name'], "\n";
echo $progress['content_length'] === strlen("$body--frontier--\r\n") ? 'whole' : 'in part', ', connections: ', $connects, "\n";
proc_terminate($process);
proc_close($process);
unlink($page);
?>
--EXPECT--
2 3000000 true
3 3000000 a.bin
whole, connections: 1
