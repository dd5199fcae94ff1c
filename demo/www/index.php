<?php
/*
 * The demo: a small shop in plain PHP. It does nothing special for Cloakroom: $_SESSION is all it knows. The page of a
 * visitor's devices is there where the extension is, see devices.php.
 */
declare(strict_types=1);

require __DIR__ . '/shop.php';
require __DIR__ . '/devices.php';
require __DIR__ . '/page.php';

send_headers();
if (!shop_session_start()) {
    http_response_code(503);
    page_without_session();
    exit;
}

$wants_devices = devices_offered() && $_SERVER['REQUEST_URI'] === '/devices';
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    count_request($wants_devices ? 'my devices' : 'page');
    $message = $_SESSION['message'] ?? '';
    unset($_SESSION['message']);
    session_write_close(); // give the session back before the page is drawn
    $wants_devices ? page_devices($message, devices()) : page($message);
} elseif (!csrf_valid($_POST['csrf'] ?? null)) {
    count_request('form refused');
    session_write_close();
    http_response_code(403);
    page('That form was not from this page, or too old. Please try again.');
} else {
    shop_action($_POST);
    session_write_close();
    header('Location: ' . ($wants_devices && session_user() !== '' ? '/devices' : '/'), true, 303);
}
