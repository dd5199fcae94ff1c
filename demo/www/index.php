<?php
/* The demo's one page: a small shop in plain PHP. It does nothing special for Cloakroom: $_SESSION is all it knows. */
declare(strict_types=1);

require __DIR__ . '/shop.php';
require __DIR__ . '/page.php';

send_headers();
if (!shop_session_start()) {
    http_response_code(503);
    page_without_session();
    exit;
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    count_request('page');
    $message = $_SESSION['message'] ?? '';
    unset($_SESSION['message']);
    session_write_close(); // give the session back before the page is drawn
    page($message);
} elseif (!csrf_valid($_POST['csrf'] ?? null)) {
    count_request('form refused');
    session_write_close();
    http_response_code(403);
    page('That form was not from this page, or too old. Please try again.');
} else {
    shop_action($_POST);
    session_write_close();
    header('Location: /', true, 303);
}
