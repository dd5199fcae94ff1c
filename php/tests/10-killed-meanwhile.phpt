--TEST--
A session that is killed while it is open does not come back, neither by a write nor under a new id
--FILE--
<?php
require __DIR__ . '/helper.inc';
$id = fresh_id();
collect_warnings();
foreach (['write', 'regenerate'] as $how) {
    session_id($id);
    session_start();
    $_SESSION['a'] = 1;
    cloakroom_tag("t$id");
    session_write_close();
    session_id($id);
    session_start();
    $_SESSION['b'] = 2;
    var_dump(cloakroom_kill("t$id"));
    if ($how === 'regenerate') {
        var_dump(session_regenerate_id(true), session_status() === PHP_SESSION_NONE);
    } else {
        session_write_close();
    }
    var_dump(cloakroom_count("t$id"), stored($id));
}
var_dump(count(our_warnings()), str_contains(our_warnings()[0], 'was killed'), str_contains(our_warnings()[1], 'was killed'));
?>
--EXPECT--
int(1)
int(0)
array(0) {
}
int(1)
bool(false)
bool(true)
int(0)
array(0) {
}
int(2)
bool(true)
bool(true)
