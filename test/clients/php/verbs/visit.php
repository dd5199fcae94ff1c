<?php
/* One request to a session: prints what is in it, and adds the values. See visit_by_other_handler(). */
require __DIR__ . '/../lib.php';

start($argv[1]);
$seen = $_SESSION;
foreach (json_decode($argv[2], true) as $name => $value) {
    $_SESSION[$name] = $value;
}
session_write_close();
echo json_encode($seen);
