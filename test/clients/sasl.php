<?php
/* A session and plain functions after a login by SASL: user, password and what is expected come as arguments. */
declare(strict_types=1);

[, $port, $user, $password, $wanted] = $argv;
$client = new Memcached();
$client->setOption(Memcached::OPT_BINARY_PROTOCOL, true);
$client->setSaslAuthData($user, $password);
$client->addServer('127.0.0.1', (int) $port);
$stored = $client->set('key', 'value');
if ($stored !== ($wanted === 'in')) {
    exit("set: " . $client->getResultMessage() . "\n");
}
if ($wanted === 'in' && $client->get('key') !== 'value') {
    exit("get: " . $client->getResultMessage() . "\n");
}

session_id('0123456789abcdef0123456789');
$started = @session_start();
$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
$written = @session_write_close();
if (($started && $written) !== ($wanted === 'in')) {
    exit("session: started " . var_export($started, true) . ", written " . var_export($written, true) . "\n");
}
echo $wanted === 'in' ? "n={$_SESSION['n']}\n" : "refused\n";
