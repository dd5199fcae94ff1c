<?php
/* A session of 500 KB that cannot be compressed, written twice, then made small again. */
require __DIR__ . '/lib.php';

const BIG = 500 * 1024;

$id = new_id();
foreach ([random_bytes(BIG), random_bytes(BIG)] as $big) {
    write($id, ['big' => base64_encode(substr($big, 0, BIG * 3 / 4)), 'hash' => md5($big)]);
    $found = read($id);
    expect_same(BIG, strlen($found['big']), 'size');
    expect(substr($big, 0, BIG * 3 / 4) === base64_decode($found['big']), 'the bytes differ');
}
expect_same($found, read_elsewhere($id), 'in another process');

write($id, ['big' => 'small', 'hash' => '']);
expect_same(['big' => 'small', 'hash' => ''], read($id), 'made small again');
done();
