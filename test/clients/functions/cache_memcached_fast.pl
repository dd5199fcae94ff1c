# Cache::Memcached::Fast's functions: the port is the argument.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Check;
use Cache::Memcached::Fast;

my $m = Cache::Memcached::Fast->new({ servers => ["127.0.0.1:$ARGV[0]"], namespace => 'app:', io_timeout => 20,
    connect_timeout => 20 });

is($m->set('a', 'one', 60), 1, 'set');
is($m->get('a'), 'one', 'get');
is(scalar $m->get('none'), undef, 'get none');
is($m->set('object', { list => [1, 2] }), 1, 'set an object');
is($m->get('object')->{list}[1], 2, 'get an object');
my $set = $m->set_multi(map { ["m$_", $_, 60] } 1 .. 100);
is(scalar(grep { $_ } values %$set), 100, 'set_multi');
my $many = $m->get_multi(map { "m$_" } 51 .. 150);
is(scalar(keys %$many), 50, 'get_multi');
is($many->{m77}, 77, 'one of them');
is($m->add('fresh', 'a'), 1, 'add');
is($m->add('fresh', 'b'), '', 'add again');
is($m->replace('fresh', 'c'), 1, 'replace');
is($m->replace('none', 'c'), '', 'replace none');
is($m->append('fresh', 'd'), 1, 'append');
is($m->prepend('fresh', 'b'), 1, 'prepend');
my $pair = $m->gets('fresh');
is($pair->[1], 'bcd', 'gets');
is($m->cas('fresh', $pair->[0], 'mine'), 1, 'cas');
is($m->cas('fresh', $pair->[0], 'yours'), '', 'cas, too late');
is($m->cas('none', $pair->[0], 'yours'), '', 'cas none');
is($m->get('fresh'), 'mine', 'kept');
is($m->gets_multi('fresh', 'none')->{fresh}[1], 'mine', 'gets_multi');
is($m->set('n', 10), 1, 'a number');
is($m->incr('n', 5), 15, 'incr');
is($m->decr('n', 100), '0E0', 'decr stops at 0'); # the module's true zero
is($m->incr('none'), '', 'incr none');
is($m->touch('n', 60), 1, 'touch');
is($m->touch('none', 60), '', 'touch none');
is($m->gat(60, 'fresh'), 'mine', 'gat');
is($m->gats(60, 'fresh')->[1], 'mine', 'gats');
is(join(' ', sort keys %{ $m->gat_multi(60, 'fresh', 'none', 'a') }), 'a fresh', 'gat_multi');
is($m->delete('fresh'), 1, 'delete');
is($m->delete('fresh'), '', 'delete again');
is((values %{ $m->server_versions })[0] =~ /^1\.6\./, 1, 'server_versions');
$m->set('quiet', 'x'); # asks for no reply in void context
$m->nowait_push;
is($m->get('quiet'), 'x', 'without waiting');
is((values %{ $m->flush_all })[0], 1, 'flush_all');
is(scalar $m->get('a'), undef, 'flushed');
finish(35);
