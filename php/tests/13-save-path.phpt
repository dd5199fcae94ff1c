--TEST--
Mistakes in session.save_path are named, with the right form
--FILE--
<?php
require __DIR__ . '/helper.inc';
collect_warnings();
$paths = ['', 'localhost', 'tcp://127.0.0.1', '::1:11211', '127.0.0.1:11211, 127.0.0.2:11211', 'http://localhost:80',
    'tls://127.0.0.1:11211', 'unix://run/x.sock', 'tcp://127.0.0.1:11211?timeout=soon', 'tcp://127.0.0.1:11211?colour=1',
    '127.0.0.1:11211:5', '2;0600;/var/lib/php/sessions', sys_get_temp_dir()];
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
session_start(): Cloakroom: session.save_path: it is empty; write where cloakroomd listens: unix:///path/of/socket, /path/of/socket, tcp://host:port, host:port or tcp://[v6]:port
session_start(): Cloakroom: session.save_path: localhost: the port is missing; write localhost:11211
session_start(): Cloakroom: session.save_path: tcp://127.0.0.1: the port is missing; write 127.0.0.1:11211
session_start(): Cloakroom: session.save_path: ::1:11211: an IPv6 address goes between brackets, the port behind them: [::1]:11211
session_start(): Cloakroom: session.save_path: '127.0.0.1:11211, 127.0.0.2:11211' is a list; several servers are not there yet, name one: unix:///path/of/socket, /path/of/socket, tcp://host:port, host:port or tcp://[v6]:port
session_start(): Cloakroom: session.save_path: http://localhost:80: only tcp:// and unix:// may stand before an address; write host:port, [v6]:port, tcp://host:port, /path/of/socket or unix:///path/of/socket
session_start(): Cloakroom: session.save_path: 'tls://127.0.0.1:11211': TLS is not there yet; write tcp:// (in a network of your own) or unix://
session_start(): Cloakroom: session.save_path: unix://run/x.sock: a socket is written with its whole path, so with three slashes: unix:///path/of/socket
session_start(): Cloakroom: session.save_path: timeout=soon is no number of seconds to connect; write timeout=1
session_start(): Cloakroom: session.save_path: 'colour' behind the ? is no setting; there are timeout, persistent, weight, retry_interval
session_start(): Cloakroom: session.save_path: 127.0.0.1:11211:5: a weight behind the port, as in lists of php-memcached, means nothing here; leave it out
session_start(): Cloakroom: session.save_path: '2;0600;/var/lib/php/sessions' is written for session.save_handler = files; write unix:///path/of/socket, /path/of/socket, tcp://host:port, host:port or tcp://[v6]:port
session_start(): Cloakroom: session.save_path: '%s' is a folder, as for session.save_handler = files; write the path of the socket
