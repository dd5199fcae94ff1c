--TEST--
What answers is no cloakroomd: it is said who it may be, and the connection is not used again
--FILE--
<?php
require __DIR__ . '/helper.inc';
collect_warnings();
$answers = ["HTTP/1.1 400 Bad Request\r\n", "VA 1 K1-1 c1 f0 t1 a0 w0 O999999\r\nx\r\n", "STORED\r\n",
    "VA 18446744073709551600 K1-1 c1 f0 t1 a0 w0 O4\r\n" . str_repeat('x', 10000)]; // longer than memory: not a byte is taken
$code = '$s = stream_socket_server("tcp://127.0.0.1:0"); echo stream_socket_get_name($s, false), "\n"; '
    . 'foreach (' . var_export($answers, true) . ' as $a) { $c[] = $one = stream_socket_accept($s); fgets($one); fwrite($one, $a); }';
[$process, , $out] = php($code);
session_save_path('tcp://' . trim(fgets($out)));
foreach ($answers as $answer) {
    session_id('abc');
    var_dump(session_start());
}
foreach (our_warnings() as $warning) {
    echo preg_replace('/127.0.0.1:\d+/', 'there', $warning), "\n";
}
proc_close($process);
?>
--EXPECTF--
bool(false)
bool(false)
bool(false)
bool(false)
session_start(): Cloakroom: tcp://there: answered 'HTTP/1.1 400 Bad Request': this is a web server, not cloakroomd; correct the address
session_start(): Cloakroom: tcp://there: answered 'VA 1 K1-1 c1 f0 t1 a0 w0 O999999': is this a memcached server, and of this version?
session_start(): Cloakroom: tcp://there: answered 'STORED': is this a memcached server, and of this version?
session_start(): Cloakroom: tcp://there: answered 'VA 18446744073709551600 K1-1 c1 f0 t1 a0 w0 O4': is this a memcached server, and of this version?
