<?php
/* The shop: what it sells, what a visitor may do, and what is kept in the session. */
declare(strict_types=1);

const TRAIL_LENGTH = 8;   // requests shown in the list
const MOST_OF_ONE = 99;   // pieces of one product in a cart

/* sku => name, what it is, price in cents */
const PRODUCTS = [
    'coat' => ['Wool coat', 'Warm, grey, missed by nobody', 18900],
    'umbrella' => ['Umbrella', 'Opens on the first try', 2450],
    'hat' => ['Felt hat', 'For people who mean it', 5900],
    'scarf' => ['Scarf', 'Two metres of lambswool', 3200],
];

function send_headers(): void
{
    header("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        . "base-uri 'none'; frame-ancestors 'none'");
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
    header('X-Answered-By: ' . web_server());
}

function web_server(): string
{
    return (string) getenv('DEMO_WEB');
}

function shop_session_start(): bool
{
    $started = session_start([
        'use_strict_mode' => true,
        'use_only_cookies' => true,
        'cookie_httponly' => true,
        'cookie_samesite' => 'Lax',
    ]);
    if ($started) {
        $_SESSION += [
            'since' => time(), 'requests' => 0, 'answered' => [], 'trail' => [],
            'user' => '', 'cart' => [], 'csrf' => bin2hex(random_bytes(16)),
        ];
    }
    return $started;
}

/* Counts this request and remembers which web server answered it. */
function count_request(string $what): void
{
    $web = web_server();
    $_SESSION['requests']++;
    $_SESSION['answered'][$web] = ($_SESSION['answered'][$web] ?? 0) + 1;
    $_SESSION['ticket'] = session_ticket();
    $_SESSION['browser'] = browser();
    $_SESSION['trail'][] = [$_SESSION['requests'], $what, $web];
    $_SESSION['trail'] = array_slice($_SESSION['trail'], -TRAIL_LENGTH);
}

function csrf_valid(mixed $token): bool
{
    return is_string($token) && hash_equals($_SESSION['csrf'], $token);
}

/* Does what a form asked for; what is not in the list does nothing. */
function shop_action(array $form): void
{
    $action = is_string($form['action'] ?? null) ? $form['action'] : '';
    $sku = is_string($form['sku'] ?? null) ? $form['sku'] : '';
    match ($action) {
        'login' => log_in(is_string($form['name'] ?? null) ? trim($form['name']) : ''),
        'logout' => log_out(),
        'add' => change_cart($sku, 1),
        'remove' => change_cart($sku, -1),
        'end' => end_device(is_string($form['device'] ?? null) ? $form['device'] : ''),
        'end-others' => end_other_devices(),
        'end-all' => end_all_devices(),
        default => count_request('unknown form'),
    };
}

function log_in(string $name): void
{
    if (!preg_match('/^[\p{L}\p{N}][\p{L}\p{N} .\'-]{0,29}$/u', $name)) {
        count_request('log in');
        $_SESSION['message'] = 'Please give a name of 1 to 30 letters.';
        return;
    }
    session_regenerate_id(true); // an id known before the login must not be worth anything after it
    $_SESSION['csrf'] = bin2hex(random_bytes(16));
    $_SESSION['user'] = $name;
    $_SESSION['user_id'] = substr(hash('sha256', $name), 0, 16);
    $_SESSION['message'] = "Welcome, $name.";
    count_request('log in');
}

function log_out(): void
{
    session_destroy();
    setcookie(session_name(), '', ['expires' => 1, 'path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
}

function change_cart(string $sku, int $by): void
{
    if (!isset(PRODUCTS[$sku])) {
        count_request('unknown product');
        return;
    }
    $pieces = max(0, min(MOST_OF_ONE, ($_SESSION['cart'][$sku] ?? 0) + $by));
    $_SESSION['cart'][$sku] = $pieces;
    $_SESSION['cart'] = array_filter($_SESSION['cart']);
    count_request(($by > 0 ? 'add ' : 'remove ') . PRODUCTS[$sku][0]);
}

function session_user(): string
{
    return $_SESSION['user'] ?? '';
}

/* One word for what the visitor has. */
function browser(): string
{
    preg_match('/Edg|OPR|Firefox|Chrome|Safari|curl/', $_SERVER['HTTP_USER_AGENT'] ?? '', $found);
    return ['Edg' => 'Edge', 'OPR' => 'Opera'][$found[0] ?? ''] ?? $found[0] ?? 'unknown';
}

function cart_pieces(): int
{
    return array_sum($_SESSION['cart']);
}

function cart_total(): int
{
    $total = 0;
    foreach ($_SESSION['cart'] as $sku => $pieces) {
        $total += PRODUCTS[$sku][2] * $pieces;
    }
    return $total;
}

/* A name for the session that can be shown: the id itself is as good as a password. */
function session_ticket(): string
{
    return substr(hash('sha256', session_id()), 0, 6);
}
