<?php
/* What the visitor sees. Every value goes through e(). */
declare(strict_types=1);

const ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    . "%3Cpath d='M8 4a2 2 0 1 1 1 1.7V7l6 4.5H1L7 7V5' fill='none' stroke='%231f5c4a' stroke-width='1.6'/%3E%3C/svg%3E";

const DRAWINGS = [
    'coat' => '<path d="M18 8l6 4 6-4 10 5 3 14-6 2-2-7v19H13V22l-2 7-6-2 3-14z"/><path d="M24 12v29M28 22h3M28 28h3"/>',
    'umbrella' => '<path d="M5 25a19 17 0 0 1 38 0q-5-4-9.500 0-5-4-9.500 0-5-4-9.500 0-5-4-9.500 0z"/><path d="M24 25v13a4 4 0 0 0 8 0M24 8V5"/>',
    'hat' => '<path d="M12 31l3-17q9-6 18 0l3 17"/><path d="M4 31q20 11 40 0-4-3-8 0-12 5-24 0-4-3-8 0zM13 26q11 5 22 0"/>',
    'scarf' => '<path d="M14 9q10 7 20 0l4 7q-14 10-28 0z"/><path d="M27 19l4 22h-9l-3-21M24 36v5M27 36v5"/>',
];

function e(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function money(int $cents): string
{
    return '€ ' . number_format($cents / 100, 2, '.', ',');
}

/* A form of one button; $label is what a screen reader says where the button shows only a sign. */
function button(string $action, string $text, string $sku = '', string $label = '', string $class = ''): string
{
    return '<form method="post" action="/">' . csrf_field()
        . ($sku === '' ? '' : '<input type="hidden" name="sku" value="' . e($sku) . '">')
        . '<button class="' . e($class) . '" name="action" value="' . e($action) . '"'
        . ($label === '' ? '' : ' aria-label="' . e($label) . '"') . '>' . e($text) . '</button></form>';
}

function csrf_field(): string
{
    return '<input type="hidden" name="csrf" value="' . e($_SESSION['csrf']) . '">';
}

function page_head(): void
{
    header('Content-Type: text/html; charset=utf-8'); ?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The Cloakroom shop</title>
<link rel="icon" href="<?= ICON ?>">
<link rel="stylesheet" href="/style.css">
<?php
}

function page_without_session(): void
{
    page_head(); ?>
<main class="sorry">
  <h1>The session could not be opened</h1>
  <p><?= e(web_server()) ?> answers, but the session server does not. The logs are in demo/run/log.</p>
  <p><a class="button" href="/">Try again</a></p>
</main>
<?php
}

function page(string $message): void
{
    page_head(); ?>
<header>
  <h1>The Cloakroom shop</h1>
  <?php page_visitor() ?>
</header>
<?php page_main() ?>
<?php if ($message !== '') { ?>
  <p class="message" role="status"><?= e($message) ?></p>
<?php }
    page_answer();
    page_products();
    page_cart();
    page_trail(); ?>
</main>
<footer>
  <p>The load balancer sends each request to the next web server in turn. After a click you see the second of two
  requests: the form, and the page after it. Both find the same session, because it lives in Cloakroom.</p>
</footer>
<?php
}

/* Its attributes are what demo/demo and the tests read. */
function page_main(string $more = ''): void
{ ?>
<main data-server="<?= e(web_server()) ?>" data-requests="<?= e($_SESSION['requests']) ?>"
      data-user="<?= e($_SESSION['user']) ?>" data-pieces="<?= e(cart_pieces()) ?>"
      data-ticket="<?= e(session_ticket()) ?>"<?= $more ?>>
<?php
}

function page_visitor(): void
{
    if ($_SESSION['user'] !== '') { ?>
  <div class="visitor"><span>Logged in as <strong><?= e($_SESSION['user']) ?></strong></span>
    <?php if (devices_offered()) { ?><a href="/devices">My devices</a><?php } ?>
    <?= button('logout', 'Log out', '', '', 'quiet') ?></div>
<?php } else { ?>
  <form class="visitor" method="post" action="/">
    <?= csrf_field() ?>
    <label for="name">Your name</label>
    <input id="name" name="name" maxlength="30" required autocomplete="off" placeholder="any name, no password">
    <button name="action" value="login">Log in</button>
  </form>
<?php }
}

/* Who answered, and from which session. */
function page_answer(): void
{
    $handler = ini_get('session.save_handler'); ?>
  <section class="answer" aria-label="Who answered">
    <ul class="webs">
<?php foreach (['web-1', 'web-2'] as $web) {
        $lit = $web === web_server(); ?>
      <li<?= $lit ? ' class="lit" aria-current="true"' : '' ?>>
        <b><?= e($web) ?></b>
        <span><?= $lit ? 'drew this page' : 'is next' ?></span>
        <span><?= e($_SESSION['answered'][$web] ?? 0) ?> answered</span>
      </li>
<?php } ?>
    </ul>
    <div class="ticket">
      <dl>
        <div><dt>Session</dt><dd><code><?= e(session_ticket()) ?></code></dd></div>
        <div><dt>Requests</dt><dd><?= e($_SESSION['requests']) ?></dd></div>
        <div><dt>Since</dt><dd><?= e(gmdate('H:i:s', $_SESSION['since'])) ?> UTC</dd></div>
      </dl>
      <p><code>session.save_handler = <?= e($handler) ?></code><br>
         <code>session.save_path = "<?= e(ini_get('session.save_path')) ?>"</code></p>
    </div>
    <nav aria-label="Again">
      <a class="button" href="/">Ask again</a>
      <?php page_other_handler($handler) ?>
    </nav>
  </section>
<?php
}

function page_other_handler(string $handler): void
{
    $names = ['memcached' => 'php-memcached', 'memcache' => 'php-memcache', 'cloakroom' => "Cloakroom's extension"];
    foreach (array_diff_key($names, [$handler => true]) as $other => $name) {
        $url = $_SERVER['DEMO_' . strtoupper($other) . '_URL'] ?? '/'; ?>
      <a href="<?= e($url) ?>">Through <?= e($name) ?> instead</a>
<?php
    }
}

function page_products(): void
{ ?>
  <section class="shelf" aria-labelledby="shelf">
    <h2 id="shelf">On the shelf</h2>
    <ul class="products">
<?php foreach (PRODUCTS as $sku => [$name, $about, $price]) { ?>
      <li>
        <svg viewBox="0 0 48 48" aria-hidden="true"><?= DRAWINGS[$sku] ?></svg>
        <h3><?= e($name) ?></h3>
        <p><?= e($about) ?></p>
        <div><span class="price"><?= e(money($price)) ?></span>
          <?= button('add', 'Add to cart', $sku, "Add to cart: $name") ?></div>
      </li>
<?php } ?>
    </ul>
  </section>
<?php
}

function page_cart(): void
{ ?>
  <section class="cart" aria-labelledby="cart">
    <h2 id="cart">Your cart</h2>
<?php if ($_SESSION['cart'] === []) { ?>
    <p class="empty">Nothing in it yet.</p>
<?php } else { ?>
    <ul>
<?php foreach ($_SESSION['cart'] as $sku => $pieces) {
            [$name, , $price] = PRODUCTS[$sku]; ?>
      <li><span><?= e($name) ?></span>
        <?= button('remove', '−', $sku, "One $name less", 'step') ?>
        <b><?= e($pieces) ?></b>
        <?= button('add', '+', $sku, "One $name more", 'step') ?>
        <span class="price"><?= e(money($price * $pieces)) ?></span></li>
<?php } ?>
    </ul>
    <p class="total"><span>Total</span><span class="price"><?= e(money(cart_total())) ?></span></p>
<?php } ?>
  </section>
<?php
}

function page_trail(): void
{ ?>
  <section class="trail" aria-labelledby="trail">
    <h2 id="trail">Requests of this session</h2>
    <ol>
<?php foreach (array_reverse($_SESSION['trail']) as [$n, $what, $web]) { ?>
      <li><span>#<?= e($n) ?></span> <span><?= e($what) ?></span> <b class="<?= e($web) ?>"><?= e($web) ?></b></li>
<?php } ?>
    </ol>
  </section>
<?php
}
