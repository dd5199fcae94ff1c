<?php
/* php-memcache's functions, in binary or ascii: port or socket, then the protocol, come as arguments. */
declare(strict_types=1);

require __DIR__ . '/lib.php';

[, $address, $protocol] = $argv;
ini_set('memcache.protocol', $protocol);
$m = new Memcache();
$unix = !ctype_digit($address);
check('connect', $m->connect($unix ? "unix://$address" : '127.0.0.1', (int) $address), true);

/* Every type comes back as it was. */
$values = ['string' => 'text', 'empty' => '', 'int' => 42, 'float' => 1.5, 'true' => true, 'false' => false,
    'array' => ['a' => 1, 'b' => [null, 'x']], 'bytes' => "\0\r\nEND\r\n\xff"];
foreach ($values as $name => $value) {
    check("set $name", $m->set($name, $value, 0, 60), true);
    check("get $name", $m->get($name), $value);
}
check('set compressed', $m->set('packed', str_repeat('pack ', 10000), MEMCACHE_COMPRESSED, 60), true);
check('get compressed', $m->get('packed'), str_repeat('pack ', 10000));
$long = noise(300000);
check('set long', $m->set('long', $long), true);
check('get long', $m->get('long'), $long);
check('miss', $m->get('none'), false);
check('get many', $m->get(['string', 'none', 'int']), ['string' => 'text', 'int' => 42]);

/* add, replace, append, prepend. */
check('add', $m->add('fresh', 'a', 0, 60), true);
check('add again', @$m->add('fresh', 'b', 0, 60), false);
check('replace', $m->replace('fresh', 'c', 0, 60), true);
if ($protocol === 'ascii') {
    check('replace none', @$m->replace('none', 'c', 0, 60), false);
    check('append', $m->append('fresh', 'd'), true);
    check('prepend', $m->prepend('fresh', 'b'), true);
    check('append none', @$m->append('none', 'd'), false);
} else {
    /* In binary it gives up the server when it has nothing to replace, and appends with flags and a life, which the
     * protocol forbids. */
    check('set for append', $m->set('fresh', 'bcd', 0, 60), true);
}
check('appended', $m->get('fresh'), 'bcd');

/* cas: the second of two writers is told. */
$flags = $cas = null;
check('gets', $m->get('fresh', $flags, $cas), 'bcd');
check('cas', $m->cas('fresh', 'mine', 0, 60, $cas), true);
check('cas, too late', @$m->cas('fresh', 'yours', 0, 60, $cas), false);
check('cas, kept', $m->get('fresh'), 'mine');

/* Numbers. */
check('counter', $m->set('n', 10), true);
check('increment', $m->increment('n'), 11);
check('increment by', $m->increment('n', 5), 16);
check('decrement', $m->decrement('n', 6), 10);
check('decrement stops at 0', $m->decrement('n', 100), 0);
check('increment none', @$m->increment('none'), false);

/* Life, and what ends it. */
check('set for a second', $m->set('brief', 'x', 0, 1), true);
sleep(3);
check('expired', $m->get('brief'), false);
check('delete', $m->delete('int'), true);
check('delete again', @$m->delete('int'), false);

/* Questions to the server. */
check('status', $m->getServerStatus($unix ? "unix://$address" : '127.0.0.1', (int) $address), 1);
check('version', preg_match('/^1\.6\.\d+/', (string) $m->getVersion()), 1);
if ($protocol === 'ascii') { /* in binary it has no statistics */
    check('stats', $m->getStats()['pid'] > 0, true);
    check('stats of each', array_values($m->getExtendedStats())[0]['pid'] > 0, true);
    check('stats items', is_array($m->getStats('items')), true);
}
check('flush', $m->flush(), true);
check('flushed', $m->get('string'), false);
check('close', $m->close(), true);
finish($protocol === 'ascii' ? 53 : 47);
