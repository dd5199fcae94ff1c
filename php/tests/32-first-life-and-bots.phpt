--TEST--
cloakroom.first_life: a session that is used once lives shortly; cloakroom.bot_pattern tells the server who is a bot
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Server(['--bot-life', '100']);
session_save_path($server->path());
ini_set('session.gc_maxlifetime', '1440');
ini_set('cloakroom.first_life', '60');
$ttl = fn (string $tag): int => cloakroom_sessions($tag)[0]['ttl'];
$id = fresh_id();
session_id($id);
session_start();
$_SESSION['a'] = 1;
cloakroom_tag('one');
session_write_close();
echo 'new: ', $ttl('one') <= 60 ? 'short' : 'long', "\n";
session_id($id);
session_start();
session_write_close();
echo 'used again, unchanged: ', $ttl('one') > 1400 ? 'long' : 'short', "\n";
session_id($id);
session_start();
session_regenerate_id(true); // takes the place of one, so it is not new
$_SESSION['a'] = 2;
session_write_close();
echo 'under a new id: ', $ttl('one') > 1400 ? 'long' : 'short', "\n";

$code = "session_start(); \$_SESSION['a'] = 1; cloakroom_tag('%s'); session_write_close(); session_start(); session_write_close();"
    . "echo cloakroom_sessions('%s')[0]['ttl'];";
$settings = ['session.save_handler' => 'cloakroom', 'session.save_path' => $server->path()];
$agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' => [], '' => [],
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' => [], 'YandexCRAWLER' => [],
    'my own' => ['cloakroom.bot_pattern' => 'x|OWN'], 'a bot' => ['cloakroom.bot_pattern' => ''],
    'other' => ['cloakroom.bot_pattern' => '|'], 'at the end of a b' => ['cloakroom.bot_pattern' => 'bo']];
foreach ($agents as $agent => $more) {
    $tag = 't' . fresh_id();
    $said = say(['CLOAKROOM'], sprintf($code, $tag, $tag), $settings + $more, ['HTTP_USER_AGENT' => $agent]);
    echo substr($agent, 0, 24), ': ', (int) $said <= 100 ? 'bot' : 'human', "\n";
}
?>
--EXPECT--
new: short
used again, unchanged: long
under a new id: long
Mozilla/5.0 (X11; Linux : human
: human
Mozilla/5.0 (compatible;: bot
YandexCRAWLER: bot
my own: bot
a bot: human
other: human
at the end of a b: human
