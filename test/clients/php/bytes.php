<?php
/* Any byte survives: what ends a line or a block in the protocol, zeros, nothing at all. */
require __DIR__ . '/lib.php';

$values = [
    'line' => "a\r\nEND\r\nget x\r\n",
    'zeros' => "\0\0\0",
    'all' => base64_encode(implode('', array_map('chr', range(0, 255)))),
    'empty' => '',
    'text' => 'Grüße, ключ, 鍵',
];
$raw = implode('', array_map('chr', range(0, 255)));

$id = new_id();
write($id, $values + ['raw' => $raw]);
$found = read($id);
expect_same($raw, $found['raw'], 'all 256 bytes');
unset($found['raw']);
expect_same($values, $found, 'values');

write($id, ['raw' => '']);
expect_same($values + ['raw' => ''], read_elsewhere($id), 'in another process');

start($id);
$_SESSION = [];
session_write_close();
expect_same([], read($id), 'a session made empty');
done();
