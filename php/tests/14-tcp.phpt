--TEST--
The forms of session.save_path over TCP and by socket, with php-memcache's settings behind them, all reach the server
--FILE--
<?php
require __DIR__ . '/helper.inc';
$port = getenv('CLOAKROOM_PORT');
$socket = getenv('CLOAKROOM_SOCKET');
$id = fresh_id();
store($id, ['a' => 1]);
foreach (["127.0.0.1:$port", "tcp://127.0.0.1:$port", "localhost:$port", "tcp://127.0.0.1:$port?weight=1&timeout=0.5&persistent=1",
    $socket, "unix://$socket", "unix://$socket:0"] as $path) {
    session_save_path($path);
    echo json_encode(stored($id)), cloakroom_status()['server'] === $path ? '' : ' another', "\n";
}
?>
--EXPECT--
{"a":1}
{"a":1}
{"a":1}
{"a":1}
{"a":1}
{"a":1}
{"a":1}
