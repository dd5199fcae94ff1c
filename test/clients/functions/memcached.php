<?php
/* php-memcached's functions, in binary or text: port or socket, then the protocol, come as arguments. */
declare(strict_types=1);

require __DIR__ . '/lib.php';

[, $address, $protocol] = $argv;
$binary = $protocol === 'binary';
$m = new Memcached();
check('options', $m->setOptions([
    Memcached::OPT_BINARY_PROTOCOL => $binary,
    Memcached::OPT_PREFIX_KEY => 'app:',
    Memcached::OPT_COMPRESSION => false,
]), true);
check('server', $m->addServer(ctype_digit($address) ? '127.0.0.1' : $address, (int) $address), true);

/* Every type comes back as it was. */
$values = ['string' => 'text', 'empty' => '', 'int' => 42, 'float' => 1.5, 'true' => true, 'false' => false,
    'array' => ['a' => 1, 'b' => [null, 'x']], 'bytes' => "\0\r\nEND\r\n\xff", 'long' => str_repeat('x', 300000)];
foreach ($values as $name => $value) {
    check("set $name", $m->set($name, $value, 60), true);
    check("get $name", $m->get($name), $value);
}
check('miss', $m->get('none'), false);
check('miss, code', $m->getResultCode(), Memcached::RES_NOTFOUND);

/* Many at once; the order asked for is kept where it is wanted. */
check('setMulti', $m->setMulti(['m1' => 'one', 'm2' => 'two', 'm3' => 'three'], 60), true);
check('getMulti', $m->getMulti(['m3', 'none', 'm1'], Memcached::GET_PRESERVE_ORDER),
    ['m3' => 'three', 'none' => null, 'm1' => 'one']);
check('getDelayed', $m->getDelayed(['m1', 'm2'], true), true);
$all = $m->fetchAll();
usort($all, fn ($a, $b) => strcmp($a['key'], $b['key']));
check('fetchAll', array_column($all, 'value', 'key'), ['m1' => 'one', 'm2' => 'two']);
check('cas of each', min(array_column($all, 'cas')) > 0, true);
check('deleteMulti', $m->deleteMulti(['m1', 'm2', 'none']), ['m1' => true, 'm2' => true,
    'none' => Memcached::RES_NOTFOUND]);
$hundred = array_map(strval(...), range(1, 100));
$pairs = array_combine(array_map(fn ($n) => "many-$n", $hundred), $hundred);
check('set a hundred', $m->setMulti($pairs), true);
check('get a hundred', $m->getMulti(array_keys($pairs), Memcached::GET_PRESERVE_ORDER), $pairs);

/* add, replace, append, prepend. */
check('add', $m->add('fresh', 'a', 60), true);
check('add again', $m->add('fresh', 'b', 60), false);
check('add again, code', $m->getResultCode(), $binary ? Memcached::RES_DATA_EXISTS : Memcached::RES_NOTSTORED);
check('replace', $m->replace('fresh', 'c', 60), true);
check('replace none', $m->replace('none', 'c', 60), false);
check('append', $m->append('fresh', 'd'), true);
check('prepend', $m->prepend('fresh', 'b'), true);
check('appended', $m->get('fresh'), 'bcd');
check('append none', $m->append('none', 'd'), false);
check('append none, code', $m->getResultCode(), Memcached::RES_NOTSTORED);

/* cas: the second of two writers is told. */
$first = $m->get('fresh', null, Memcached::GET_EXTENDED);
check('cas', $m->cas($first['cas'], 'fresh', 'mine', 60), true);
check('cas, too late', $m->cas($first['cas'], 'fresh', 'yours', 60), false);
check('cas, too late, code', $m->getResultCode(), Memcached::RES_DATA_EXISTS);
check('cas, kept', $m->get('fresh'), 'mine');
check('cas none', $m->cas($first['cas'], 'none', 'x'), false);
check('cas none, code', $m->getResultCode(), Memcached::RES_NOTFOUND);

/* Numbers. A start value is for the binary protocol alone. */
check('counter', $m->set('n', 10), true);
check('increment', $m->increment('n'), 11);
check('increment by', $m->increment('n', 5), 16);
check('decrement', $m->decrement('n', 6), 10);
check('decrement stops at 0', $m->decrement('n', 100), 0);
check('increment none', $m->increment('none'), false);
check('increment none, code', $m->getResultCode(), Memcached::RES_NOTFOUND);
if ($binary) {
    check('initial', $m->increment('hits', 1, 100, 60), 100);
    check('after initial', $m->increment('hits', 1, 100, 60), 101);
} else {
    check('increment text', @$m->increment('string'), false);
    check('increment text, code', $m->getResultCode(), Memcached::RES_CLIENT_ERROR);
}

/* Life, and what ends it. */
check('touch', $m->touch('fresh', 60), true);
check('touch none', $m->touch('none', 60), false);
check('touch none, code', $m->getResultCode(), Memcached::RES_NOTFOUND);
check('touch to a second', $m->touch('fresh', 1), true);
check('set for a second', $m->set('brief', 'x', 1), true);
sleep(3);
check('expired', $m->get('brief'), false);
check('expired by touch', $m->get('fresh'), false);
check('delete', $m->delete('int'), true);
check('delete again', $m->delete('int'), false);
check('delete again, code', $m->getResultCode(), Memcached::RES_NOTFOUND);

/* Values large enough are compressed by the client, with a flag that has to come back. */
$m->setOption(Memcached::OPT_COMPRESSION, true);
check('set compressed', $m->set('packed', str_repeat('pack ', 10000)), true);
check('get compressed', $m->get('packed'), str_repeat('pack ', 10000));
check('too large', $m->set('huge', noise(2 << 20)), false);
check('too large, code', $m->getResultCode(), Memcached::RES_E2BIG);
check('goes on', $m->get('float'), 1.5);

/* Questions to the server. */
$server = array_key_first($m->getStats());
check('stats', $m->getStats()[$server]['pid'] > 0, true);
check('stats settings', $m->getStats('settings')[$server]['maxbytes'] > 0, true);
check('version', preg_match('/^1\.6\.\d+/', $m->getVersion()[$server]), 1);
check('flush', $m->flush(), true);
check('flushed', $m->get('float'), false);
check('quit', $m->quit(), true);
finish(76);
