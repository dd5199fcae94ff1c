--TEST--
An application's error handler that ends the session about which it is called: what comes after takes nothing for it
--INI--
session.use_strict_mode=1
--FILE--
<?php
require __DIR__ . '/helper.inc';
$socket = ini_get('session.save_path');
$kept = [];
set_error_handler(function (int $level, string $text) use (&$kept): bool {
    @session_abort();
    for ($i = 0; $i < 8; $i++) {
        $kept[] = str_repeat('-', 1200); // where the session was, if its memory was free
    }
    return true;
});
$are_whole = function () use (&$kept): bool {
    return count($kept) > 0 && count(array_unique($kept)) === 1 && $kept[0] === str_repeat('-', 1200);
};
session_save_path('/nowhere/' . fresh_id());
session_id(fresh_id());
var_dump(session_start(), $are_whole());

session_save_path($socket);
$kept = [];
ini_set('session.use_strict_mode', '0');
ini_set('cloakroom.wait', '0');
$id = fresh_id();
$holder = stream_socket_client($socket);
fwrite($holder, "so $id T60\r\n");
fgets($holder);
session_id($id);
var_dump(session_start(), $are_whole());
fclose($holder);

restore_error_handler();
$id = fresh_id();
store($id, ['a' => 1]);
echo json_encode(stored($id)), "\n";
?>
--EXPECT--
bool(false)
bool(true)
bool(false)
bool(true)
{"a":1}
