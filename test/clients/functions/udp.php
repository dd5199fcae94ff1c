<?php
/* Over UDP: php-memcache reads several keys at once by it, when it has been given the port; libmemcached sends what needs
 * no answer. Arguments: port of TCP and UDP. memcached splits the answer to a get of several keys into several
 * messages, which php-memcache takes for packet loss: so this runs against Cloakroom alone. */
require __DIR__ . '/lib.php';

$port = (int)$argv[1];
$pool = new MemcachePool();
$pool->addServer('127.0.0.1', $port, $port, true, 1, 1, 15, true);
$requests = fn() => (int)array_values($pool->getExtendedStats())[0]['cloakroom_udp_requests'];
$values = [];
foreach (range(1, 30) as $i) {
    $values["k$i"] = str_repeat(chr(64 + $i), 100 * $i);
    check("set k$i", $pool->set("k$i", $values["k$i"]), true);
}
$before = $requests();
check('get of all', $pool->get([...array_keys($values), 'none']), $values);
check('requests by UDP', $requests() > $before, true);

$silent = new Memcached();
$silent->setOptions([Memcached::OPT_USE_UDP => true, Memcached::OPT_NO_BLOCK => true]);
$silent->addServer('127.0.0.1', $port);
$before = $requests();
$silent->set('silent', 'by udp');
for ($try = 0; $try < 200 && $pool->get('silent') === false; $try++)
    usleep(10000);
check('set that is not answered', $pool->get('silent'), 'by udp');
check('its requests', $requests() > $before, true);
finish(34);
