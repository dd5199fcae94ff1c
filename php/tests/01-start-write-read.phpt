--TEST--
A session is stored and read, with one round trip to begin and one to end
--FILE--
<?php
/* One round trip each. */
require __DIR__ . '/helper.inc';
$id = fresh_id();
session_id($id);
session_start();
$before = round_trips();
$_SESSION = ['name' => "Zoë\0x", 'n' => [1, 2, 3]];
session_write_close();
var_dump(round_trips() - $before);
session_id($id);
$before = round_trips();
var_dump(session_start(), round_trips() - $before, $_SESSION === ['name' => "Zoë\0x", 'n' => [1, 2, 3]]);
session_write_close();
var_dump(cloakroom_status()['connects']);
?>
--EXPECT--
int(1)
bool(true)
int(1)
bool(true)
int(1)
