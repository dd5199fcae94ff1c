--TEST--
cloakroom_status() and phpinfo() tell version, servers, state, round trips, waits and the last error
--FILE--
<?php
require __DIR__ . '/helper.inc';
$server = new Server();
session_save_path($server->path());
$id = fresh_id();

/** What phpinfo() has of the extension. */
function shown(string $name): string
{
    ob_start();
    phpinfo(INFO_MODULES);
    preg_match("/^Cloakroom's session handler => enabled\n.*^" . preg_quote($name) . ' => ([^\n]*)$/msU', ob_get_clean(), $found);
    return $found[1] ?? "no $name";
}

[$process, $in, $out] = php("session_id('$id'); session_start(); echo \"held\n\"; fgets(STDIN); usleep(400000);");
fgets($out);
fwrite($in, "\n");
session_id($id);
session_start();
session_write_close();
proc_close($process);
$status = cloakroom_status();
var_dump($status['version'] === shown('Version'), $status['servers'][0]['server'] === shown('Server'), shown('State'));
var_dump($status['connects'], $status['round_trips'], $status['waits'], $status['waited_ms'] > 0, $status['failures']);
var_dump(shown('Round trips of this process') === "2, over 1 connections; 1 waits for a lease, $status[waited_ms] ms");
var_dump($status['last_error'], shown('Last error'));

$server->halt();
collect_warnings();
session_id($id);
session_start();
restore_error_handler();
$status = cloakroom_status();
var_dump($status['connected'], $status['failures'], shown('State'), $status['last_error'] === shown('Last error'));
echo str_replace($server->path(), '_', shown('Last error')), "\n";
var_dump(our_warnings()[0] === "session_start(): Cloakroom: $status[last_error]");
?>
--EXPECT--
bool(true)
bool(true)
string(9) "connected"
int(1)
int(2)
int(1)
bool(true)
int(0)
bool(true)
string(0) ""
string(4) "none"
bool(false)
int(1)
string(13) "not connected"
bool(true)
_: there is no such socket; start cloakroomd with it (-s), or correct the path
bool(true)
