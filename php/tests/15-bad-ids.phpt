--TEST--
Ids that none can be are refused; strict mode replaces them
--FILE--
<?php
require __DIR__ . '/helper.inc';
collect_warnings();
foreach (['ä', str_repeat('x', 251), '../etc', 'a=b'] as $id) {
    ini_set('session.use_strict_mode', '0');
    session_id($id);
    var_dump(session_start());
    ini_set('session.use_strict_mode', '1');
    session_id($id);
    var_dump(session_start(), session_id() !== $id);
    session_abort();
}
var_dump(count(our_warnings()), str_contains(our_warnings()[0], 'too long or has characters'));
?>
--EXPECTF--
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
bool(false)
bool(true)
bool(true)
int(4)
bool(true)
