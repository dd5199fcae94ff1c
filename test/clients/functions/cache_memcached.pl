# Cache::Memcached's functions: the port is the argument.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Check;
use Cache::Memcached;

my $m = Cache::Memcached->new({ servers => ["127.0.0.1:$ARGV[0]"], namespace => 'app:',
    compress_threshold => 10_000, select_timeout => 20 });

is($m->set('a', 'one', 60), 1, 'set');
is($m->get('a'), 'one', 'get');
is($m->get('none'), undef, 'get none');
is($m->set('object', { list => [1, 2], text => 'x' }), 1, 'set an object');
is($m->get('object')->{list}[1], 2, 'get an object');
is($m->set('packed', 'pack ' x 10_000), 1, 'set compressed');
is($m->get('packed'), 'pack ' x 10_000, 'get compressed');
is($m->set('bytes', "\0\r\nEND\r\n\xff"), 1, 'set bytes');
is($m->get('bytes'), "\0\r\nEND\r\n\xff", 'get bytes');
my $many = $m->get_multi('a', 'none', 'packed');
is(join(' ', sort keys %$many), 'a packed', 'get_multi');
is($m->add('fresh', 'a'), 1, 'add');
is($m->add('fresh', 'b'), '', 'add again');
is($m->replace('fresh', 'c'), 1, 'replace');
is($m->replace('none', 'c'), '', 'replace none');
is($m->append('fresh', 'd'), 1, 'append');
is($m->prepend('fresh', 'b'), 1, 'prepend');
is($m->get('fresh'), 'bcd', 'appended');
is($m->append('none', 'd'), '', 'append none');
is($m->set('n', 10), 1, 'a number');
is($m->incr('n'), 11, 'incr');
is($m->incr('n', 5), 16, 'incr by');
is($m->decr('n', 100), 0, 'decr stops at 0');
is($m->incr('none'), undef, 'incr none');
is($m->delete('fresh'), 1, 'delete');
is($m->delete('fresh'), '', 'delete again');
is($m->set('past', 'x', time - 10), 1, 'set with a life that is over');
is($m->get('past'), undef, 'is gone');
my $stats = $m->stats(['misc', 'sizes', 'self']);
is($stats->{total}{cmd_get} > 5, 1, 'stats');
is($m->flush_all, 1, 'flush_all');
is($m->get('a'), undef, 'flushed');
$m->disconnect_all;
finish(30);
