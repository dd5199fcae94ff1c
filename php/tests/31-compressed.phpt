--TEST--
cloakroom.compress: smaller on the way and on the server, in php-memcache's form, which either reads of the other
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
$data = ['text' => str_repeat('Hand in a coat, get a ticket. ', 2000), 'random' => random_bytes(1000)];
$size = function () use ($id): int {
    return cloakroom_sessions("t$id")[0]['size'];
};
$save = function (array $data) use ($id): void {
    session_id($id);
    session_start();
    $_SESSION = $data;
    cloakroom_tag("t$id");
    session_write_close();
};
foreach (['0', '100000', '1000'] as $least) {
    ini_set('cloakroom.compress', $least);
    $save($data);
    echo $least, ': ', $size() < 5000 ? 'small' : 'large', ' ', json_encode(stored($id) === $data), "\n";
}
$save(['random' => $noise = random_bytes(3000)]); // gets no smaller
echo $size() > 3000 ? 'as it is ' : 'packed ', json_encode(stored($id) === ['random' => $noise]), "\n";
$save($data);
ini_set('cloakroom.compress', '0'); // what is compressed is read all the same
echo json_encode(stored($id) === $data), "\n";
$trips = round_trips();
session_id($id);
session_start();
session_write_close(); // unchanged: lazy_write compares what was unpacked
echo round_trips() - $trips, ' ', $size() < 5000 ? 'small' : 'large', "\n";

echo "-- php-memcache\n";
$of_memcache = ['session.save_handler' => 'memcache', 'session.save_path' => ini_get('session.save_path'),
    'memcache.compress_threshold' => '1000'];
$of_ours = ['cloakroom.compress' => '1000'] + $of_memcache;
$write = "session_id('%s'); session_start(); \$_SESSION['t'] = str_repeat('coat', 5000); session_write_close(); echo 'written';";
$read = "session_id('%s'); session_start(); echo strlen(\$_SESSION['t'] ?? '');";
foreach ([[['memcache'], $of_memcache, ['CLOAKROOM'], $of_ours], [['CLOAKROOM'], $of_ours, ['memcache'], $of_memcache]]
    as [$writer, $its, $reader, $others]) {
    $id = fresh_id();
    echo say($writer, sprintf($write, $id), $its), ' ', say($reader, sprintf($read, $id), $others), "\n";
}

echo "-- damaged\n";
$id = fresh_id();
$socket = stream_socket_client(ini_get('session.save_path'));
foreach (["so $id T60\r\n", "sw $id 5 %s F2\r\nbytes\r\n"] as $line) {
    fwrite($socket, sprintf($line, $token ?? ''));
    preg_match('/ (K\S+)/', fgets($socket), $found);
    $token = $found[1] ?? '';
}
collect_warnings();
session_id($id);
var_dump(session_start());
echo preg_replace('/.*s.sock|unix:\S+/', 'there', our_warnings()[0]), "\n";
fwrite($socket, "so $id r\r\n");
echo substr(fgets($socket), 0, 4), "\n"; // it is still there
?>
--EXPECTF--
0: large true
100000: large true
1000: small true
as it is true
true
2 small
-- php-memcache
written 20000
written 20000
-- damaged
bool(false)
session_start(): Cloakroom: %s: what is stored is said to be compressed (client flags 2), and is not; who else writes sessions there? Nothing was changed
VA 5
