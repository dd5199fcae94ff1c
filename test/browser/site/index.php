<?php
/*
 * A small site to be logged out of: ?user=NAME logs in and tags the session user:NAME, ?hold=SECONDS keeps the session open
 * for so long, and every page says who is logged in.
 */
if (is_file(__DIR__ . $_SERVER["SCRIPT_NAME"]) && $_SERVER["SCRIPT_NAME"] !== "/index.php") {
    return false;
}
session_start();
if (isset($_GET["user"])) {
    session_regenerate_id(true);
    $_SESSION["user"] = $_GET["user"];
    cloakroom_tag("user:" . $_GET["user"], "plan:gold");
}
if (isset($_GET["hold"])) {
    usleep((int) ($_GET["hold"] * 1e6));
}
header("Content-Type: text/html; charset=utf-8");
$user = isset($_SESSION["user"]) ? "Hello, " . htmlspecialchars($_SESSION["user"]) : "You are not logged in";
session_write_close();
?>
<!doctype html>
<html lang="en"><head><title>Shop</title><link rel="icon" href="data:,"></head>
<body><p id="who"><?= $user ?></p></body></html>
