--TEST--
Each of PHP's serializers, and a handler in PHP that passes all on
--FILE--
<?php
require __DIR__ . '/helper.inc';
foreach (['php', 'php_serialize', 'php_binary'] as $how) {
    ini_set('session.serialize_handler', $how);
    $id = fresh_id();
    store($id, ['a' => [1, 'x' => true]]);
    echo json_encode(stored($id)), "\n";
}
class Passes extends SessionHandler
{
    public function read(string $id): string|false
    {
        echo 'read ';
        return parent::read($id);
    }
}
$id = fresh_id();
session_set_save_handler(new Passes(), true);
store($id, ['a' => 1]);
session_id($id);
session_start();
session_regenerate_id(true);
$new = session_id();
session_write_close();
echo json_encode(stored($new)), json_encode(stored($id)), "\n";
?>
--EXPECT--
{"a":{"0":1,"x":true}}
{"a":{"0":1,"x":true}}
{"a":{"0":1,"x":true}}
read read read read {"a":1}read []
