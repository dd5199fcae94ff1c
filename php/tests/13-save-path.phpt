--TEST--
Mistakes in session.save_path are named, with the right form
--FILE--
<?php
require __DIR__ . '/helper.inc';
collect_warnings();
$paths = ['', 'localhost', 'tcp://127.0.0.1', '::1:11211', '127.0.0.1:11211, tcp://127.0.0.2:11211', 'http://localhost:80',
    'tls://127.0.0.1', 'unix://run/x.sock', 'tcp://127.0.0.1:11211?timeout=soon', 'tcp://127.0.0.1:11211?colour=1',
    'tcp://127.0.0.1:11211:5', 'no-such-host.invalid:11211', '2;0600;/var/lib/php/sessions', sys_get_temp_dir()];
foreach ($paths as $path) {
    $GLOBALS['warnings'] = [];
    session_save_path($path);
    session_id(fresh_id());
    if (session_start()) {
        echo "taken: $path\n";
    }
    echo implode("\n", our_warnings()), "\n";
}
?>
--EXPECTF--
session_start(): Cloakroom: session.save_path: it is empty; write where cloakroomd listens: unix:///path/of/socket, tcp://host:port, tcp://[v6]:port, tls://host:port or host:port
session_start(): Cloakroom: session.save_path: localhost: the port is missing; write localhost:11211
session_start(): Cloakroom: session.save_path: tcp://127.0.0.1: the port is missing; write tcp://127.0.0.1:11211
session_start(): Cloakroom: session.save_path: ::1:11211: an IPv6 address goes between brackets, the port behind them: [::1]:11211
session_start(): Cloakroom: session.save_path: two kinds of lists are mixed: tcp://127.0.0.2:11211 has a scheme, 127.0.0.1:11211 has none; write all of them in one way
session_start(): Cloakroom: session.save_path: http://localhost:80: only tcp://, tls:// and unix:// may stand before an address; write host:port, [v6]:port, tcp://host:port, tls://host:port, /path/of/socket or unix:///path/of/socket
session_start(): Cloakroom: session.save_path: tls://127.0.0.1: the port is missing; write tls://127.0.0.1:11211
session_start(): Cloakroom: session.save_path: unix://run/x.sock: a socket is written with its whole path, so with three slashes: unix:///path/of/socket
session_start(): Cloakroom: session.save_path: tcp://127.0.0.1:11211: timeout=soon is no number of seconds to connect; write timeout=1
session_start(): Cloakroom: session.save_path: tcp://127.0.0.1:11211: 'colour' behind the ? is no setting; there are weight, timeout, persistent, retry_interval, and with tls:// ca, cert, key, name, verify
session_start(): Cloakroom: session.save_path: tcp://127.0.0.1:11211:5: a weight behind the port is php-memcached's way, which has no scheme; write tcp://127.0.0.1:11211?weight=5
session_start(): Cloakroom: tcp://no-such-host.invalid:11211: %s
session_start(): Cloakroom: session.save_path: '2;0600;/var/lib/php/sessions' is written for session.save_handler = files; write unix:///path/of/socket, tcp://host:port, tcp://[v6]:port, tls://host:port or host:port
session_start(): Cloakroom: session.save_path: '%s' is a folder, as for session.save_handler = files; write the path of the socket
