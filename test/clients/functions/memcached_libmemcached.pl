# libmemcached's functions through Perl: the port, then the protocol, come as arguments.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Check;
use Memcached::libmemcached qw(:DEFAULT :memcached_behavior_t);

my ($port, $protocol) = @ARGV;
my $m = Memcached::libmemcached->new;
my $binary = $protocol eq 'binary';
is($m->memcached_behavior_set(MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, $binary ? 1 : 0), 1, 'protocol');
is($m->memcached_behavior_set(MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1), 1, 'support of cas');
is($m->memcached_server_add('127.0.0.1', $port), 1, 'server');

is($m->memcached_set('a', 'one', 60, 77), 1, 'set');
is($m->memcached_get('a', my $flags, my $status), 'one', 'get');
is($flags, 77, 'flags');
is($m->memcached_get('none'), undef, 'get none');
is($m->memcached_set("m$_", $_), 1, "set m$_") for 1 .. 10;
is($m->memcached_mget([map { "m$_" } 6 .. 15]), 1, 'mget');
my %got;
while (defined(my $value = $m->memcached_fetch(my $key, my $f, my $s))) {
    $got{$key} = $value;
}
is(join(' ', map { "$_=$got{$_}" } sort keys %got), 'm10=10 m6=6 m7=7 m8=8 m9=9', 'fetched');
is($m->memcached_add('fresh', 'a'), 1, 'add');
is(!$m->memcached_add('fresh', 'b'), 1, 'add again');
is($m->memcached_replace('fresh', 'c'), 1, 'replace');
is(!$m->memcached_replace('none', 'c'), 1, 'replace none');
is($m->memcached_append('fresh', 'd'), 1, 'append');
is($m->memcached_prepend('fresh', 'b'), 1, 'prepend');
is($m->memcached_get('fresh'), 'bcd', 'appended');
is($m->memcached_set('n', 10), 1, 'a number');
is($m->memcached_increment('n', 5, my $more = 0), 1, 'increment');
is($more, 15, 'incremented');
is($m->memcached_decrement('n', 100, my $less = 0), 1, 'decrement');
is($less, 0, 'stops at 0');
is(!$m->memcached_increment('none', 1, my $none = 0), 1, 'increment none');
if ($binary) {
    is($m->memcached_increment_with_initial('hits', 1, 100, 60, my $hits = 0), 1, 'increment with initial');
    is($hits, 100, 'the initial value');
}
is($m->memcached_delete('fresh'), 1, 'delete');
is(!$m->memcached_delete('fresh'), 1, 'delete again');
is($m->memcached_set('past', 'x', time - 10), 1, 'set with a life that is over');
is($m->memcached_get('past'), undef, 'is gone');
my %stats;
is($m->walk_stats('', sub { $stats{ $_[0] } = $_[1]; return }), 1, 'stats');
is($stats{cmd_get} > 3, 1, 'gets counted');
is(join('.', ($m->memcached_version)[0, 1]), '1.6', 'version');
is($m->memcached_flush(0), 1, 'flush');
is($m->memcached_get('a'), undef, 'flushed');
$m->memcached_quit;
finish($binary ? 43 : 41);
