<?php
/*
 * "My devices": where a visitor is logged in, and how to end that. It needs the extension cloakroom; the tags by which it
 * finds the sessions are made of session variables, by cloakroom.tag_from in php-fpm.conf.
 */
declare(strict_types=1);

function devices_offered(): bool
{
    return ini_get('session.save_handler') === 'cloakroom';
}

/* The tag that all sessions of this visitor have. */
function devices_tag(): string
{
    return 'user_id:' . ($_SESSION['user_id'] ?? 'nobody');
}

/* Each: handle (a name of the session that is no secret), ticket, browser, is_this, age and idle in seconds. */
function devices(): array
{
    $found = [];
    foreach (cloakroom_sessions(devices_tag()) ?: [] as $session) {
        $about = ['ticket' => '', 'browser' => ''];
        foreach ($session['tags'] as $tag) {
            [$name, $value] = explode(':', $tag, 2) + [1 => ''];
            $about[$name] = $value;
        }
        $found[] = ['is_this' => $about['ticket'] === session_ticket()] + $about + $session;
    }
    usort($found, fn ($a, $b) => [$b['is_this'], $a['idle']] <=> [$a['is_this'], $b['idle']]);
    return $found;
}

/* Only one that is the visitor's own: a form can say anything. */
function end_device(string $handle): void
{
    count_request('end a device');
    $own = devices_offered() && in_array($handle, array_column(devices(), 'handle'), true);
    $_SESSION['message'] = $own && cloakroom_kill($handle) === 1 ? 'That device is logged out.' : 'That device was logged out already.';
}

function end_other_devices(): void
{
    count_request('end other devices');
    $ended = devices_offered() && $_SESSION['user'] !== '' ? cloakroom_kill(devices_tag(), true) : 0;
    $_SESSION['message'] = "Logged out elsewhere: $ended.";
}

function end_all_devices(): void
{
    if (devices_offered() && $_SESSION['user'] !== '') {
        cloakroom_kill(devices_tag());
    }
    log_out();
}

function device_button(string $action, string $text, string $handle = '', string $label = ''): string
{
    return '<form method="post" action="/devices">' . csrf_field()
        . ($handle === '' ? '' : '<input type="hidden" name="device" value="' . e($handle) . '">')
        . '<button class="quiet" name="action" value="' . e($action) . '"'
        . ($label === '' ? '' : ' aria-label="' . e($label) . '"') . '>' . e($text) . '</button></form>';
}

function duration(int $seconds): string
{
    return match (true) {
        $seconds < 60 => "$seconds s",
        $seconds < 3600 => intdiv($seconds, 60) . ' min',
        default => intdiv($seconds, 3600) . ' h ' . intdiv($seconds, 60) % 60 . ' min',
    };
}

function page_devices(string $message, array $devices): void
{
    page_head(); ?>
<header>
  <h1>My devices</h1>
  <?php page_visitor() ?>
</header>
<?php page_main(' data-devices="' . count($devices) . '"') ?>
<?php if ($message !== '') { ?>
  <p class="message" role="status"><?= e($message) ?></p>
<?php } ?>
  <section class="devices" aria-labelledby="devices">
    <h2 id="devices"><?= $_SESSION['user'] === '' ? 'Log in to see where you are logged in' : 'Where you are logged in' ?></h2>
    <ul>
<?php foreach ($devices as $device) { ?>
      <li>
        <b><?= e($device['browser']) ?></b>
        <code><?= e($device['ticket']) ?></code>
        <span>for <?= e(duration($device['age'])) ?>, last seen <?= e(duration($device['idle'])) ?> ago</span>
        <?= $device['is_this'] ? '<strong>this one</strong>'
            : device_button('end', 'Log out', $device['handle'], "Log out {$device['browser']} {$device['ticket']}") ?>
      </li>
<?php } ?>
    </ul>
<?php if ($_SESSION['user'] !== '') { ?>
    <nav aria-label="All devices">
      <?= device_button('end-others', 'Log out everywhere else') ?>
      <?= device_button('end-all', 'Log out everywhere') ?>
    </nav>
<?php } ?>
    <p class="empty">A session is shown by its ticket, never by its id, which is as good as a password. What is ended here
    stays ended: a page that is open elsewhere at this moment cannot bring it back.</p>
    <p><a href="/">Back to the shop</a></p>
  </section>
</main>
<?php
}
