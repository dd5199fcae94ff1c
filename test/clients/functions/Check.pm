# What the scripts in Perl share: is() compares, finish() prints ok if every comparison held.
package Check;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(is finish);

my ($checks, $failed) = (0, 0);

sub shown {
    my ($value) = @_;
    return 'undef' unless defined $value;
    $value = substr $value, 0, 200;
    $value =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
    return "'$value'";
}

sub is {
    my ($got, $wanted, $what) = @_;
    $checks++;
    return if defined $got && defined $wanted ? $got eq $wanted : !defined $got && !defined $wanted;
    $failed++;
    print "$what: ", shown($got), ', not ', shown($wanted), "\n";
}

sub finish {
    my ($wanted) = @_;
    is($checks, $wanted, 'number of checks');
    print $failed ? "$failed failed\n" : "ok\n";
    exit($failed ? 1 : 0);
}

1;
