#!/usr/bin/env python3
"""Debian's phpMyAdmin and WordPress (with a plugin that has a session, as shops do), in Apache with mod_php (prefork), on the
PHP extension and a MariaDB of their own: log in, look around, log out, with the server started anew in between. And all
ways through the handler under valgrind.

Needs what `tools/deps full` installs. --only picks by a piece of the name.
"""

import contextlib
import html
import json
import pathlib
import re
import shutil
import sys

import harness
import php_web
import web

VALGRIND_S = 240
PHPMYADMIN, WORDPRESS = pathlib.Path("/usr/share/phpmyadmin"), pathlib.Path("/usr/share/wordpress")
THEME = "twentytwentythree"  # what a new WordPress of Debian 12 looks for, and is a package of its own
ADMIN = {"user_name": "admin", "password": "A-long-secret-9", "email": "admin@example.org"}
PLUGIN = """<?php
/* A plugin that has a session, as shops do: it counts pages, and remembers who was here. */
add_action('init', function () {
    if (PHP_SAPI === 'cli' || wp_doing_cron()) {
        return;
    }
    session_start() or wp_die('no session');
    $_SESSION['pages'] = ($_SESSION['pages'] ?? 0) + 1;
    $_SESSION['user'] = wp_get_current_user()->user_login ?: '';
    header('X-Shop: ' . json_encode(['pages' => $_SESSION['pages'], 'user' => $_SESSION['user'], 'name' => session_module_name()]));
    session_write_close();
});
add_action('wp_login', function () {
    session_start();
    session_regenerate_id(true);
    session_write_close();
});
"""


same = php_web.same


class Site:
    def __init__(self, where, port, restart):
        self.where, self.port, self.restart = where, port, restart

    def visitor(self):
        return web.Browser(self.port)


def copy_phpmyadmin(to, database, temporary):
    shutil.copytree(PHPMYADMIN, to)
    config = to / "config.inc.php"
    config.write_text(f"""<?php
$cfg['blowfish_secret'] = 'thirty-two-bytes-of-no-secret-00';
$cfg['Servers'][1] = ['auth_type' => 'cookie', 'host' => 'localhost', 'socket' => '{database}', 'AllowNoPassword' => false];
$cfg['TempDir'] = '{temporary}';
$cfg['SendErrorReports'] = 'never';
$cfg['VersionCheck'] = false;
""")
    vendor = to / "libraries/vendor_config.php"
    vendor.write_text(vendor.read_text().replace("/etc/phpmyadmin/config.inc.php", str(config))
                      .replace("/var/lib/phpmyadmin/tmp/", f"{temporary}/"))


def copy_wordpress(to, database):
    shutil.copytree(WORDPRESS, to, symlinks=False, ignore=shutil.ignore_patterns(".htaccess"), ignore_dangling_symlinks=True)
    (to / "wp-config.php").write_text(f"""<?php
define('DB_NAME', 'site');
define('DB_USER', 'root');
define('DB_PASSWORD', 'secret');
define('DB_HOST', 'localhost:{database}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('WP_AUTO_UPDATE_CORE', false);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_SITEURL', 'http://' . $_SERVER['HTTP_HOST'] . '/blog');
define('WP_HOME', WP_SITEURL);
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
""")
    for name, text in {"mu-plugins/shop.php": PLUGIN, f"themes/{THEME}/index.php": "<?php wp_head(); ?>Coats",
                       f"themes/{THEME}/style.css": "/* Theme Name: Coats */"}.items():
        (to / "wp-content" / name).parent.mkdir(parents=True, exist_ok=True)
        (to / "wp-content" / name).write_text(text)


def test_phpmyadmin(site):
    visitor = site.visitor()
    visitor.get("/pma/index.php")
    before = visitor.cookie("phpMyAdmin")
    form = visitor.hidden() | {"pma_username": "root", "pma_password": "wrong", "server": "1"}
    visitor.get("/pma/index.php?route=/", form)
    same(True, "Access denied" in visitor.page, "a wrong password is said to be wrong")
    visitor.get("/pma/index.php?route=/", visitor.hidden() | {"pma_username": "root", "pma_password": "secret", "server": "1"})
    same(True, "logout" in visitor.page, "logged in")
    same(False, before == visitor.cookie("phpMyAdmin"), "the id of before the login")
    token = re.search(r'token:"(\w+)"|name="token" value="(\w+)"', visitor.page)
    same(True, token is not None, "a token against forged forms")
    for n in range(3):
        visitor.get("/pma/index.php?route=/database/structure&db=mysql")
        same(True, "help_relation" in visitor.page or "global_priv" in visitor.page, "tables of a database")
        if n == 0:
            site.restart()
    token = token[1] or token[2]
    visitor.get("/pma/index.php?route=/sql", {"token": token, "db": "site", "ajax_request": "1", "sql_query": "SELECT 6199+1 AS n"})
    same(True, "6200" in visitor.page, "the answer of a query")
    visitor.get("/pma/index.php?route=/logout", {"token": token})
    same(True, "pma_username" in visitor.page, "logged out")
    visitor.get("/pma/index.php?route=/database/structure&db=mysql")
    same(True, "pma_username" in visitor.page, "after that a login is asked for")


def shop(visitor):
    return json.loads(visitor.headers["X-Shop"])


def test_wordpress(site):
    visitor = site.visitor()
    visitor.get("/blog/wp-admin/install.php?step=2", {
        "weblog_title": "Coats", "user_name": ADMIN["user_name"], "admin_password": ADMIN["password"],
        "admin_password2": ADMIN["password"], "admin_email": ADMIN["email"], "blog_public": "0", "Submit": "Install"})
    same(True, "Success" in visitor.page or "wp-login.php" in visitor.page, "installed")

    visitor = site.visitor()
    visitor.get("/blog/")
    same({"pages": 1, "user": "", "name": "cloakroom"}, shop(visitor), "the first page")
    visitor.get("/blog/")
    same(2, shop(visitor)["pages"], "the second")
    before = visitor.cookie("PHPSESSID")
    visitor.get("/blog/wp-login.php")
    visitor.get("/blog/wp-login.php", {"log": ADMIN["user_name"], "pwd": ADMIN["password"], "testcookie": "1",
                                       "redirect_to": f"http://127.0.0.1:{site.port}/blog/wp-admin/"})
    same(True, "wp-admin" in visitor.address and "Dashboard" in visitor.page, "logged in")
    same(False, before == visitor.cookie("PHPSESSID"), "the id of before the login")
    pages = shop(visitor)["pages"]
    same("admin", shop(visitor)["user"], "whom the session knows")
    site.restart()
    for n, page in enumerate(("edit.php", "profile.php", "options-general.php", "")):
        visitor.get(f"/blog/wp-admin/{page}")
        same((pages + 1 + n, "admin"), (shop(visitor)["pages"], shop(visitor)["user"]), f"wp-admin/{page}")
    visitor.get(html.unescape(re.search(r'href=[\'"]([^\'"]*action=logout[^\'"]*)', visitor.page)[1]))
    visitor.get("/blog/")
    same("", shop(visitor)["user"], "whom the session knows after the logout")


def test_logs_are_clean(site):
    log = site.where / "php.log"
    lines = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"Cloakroom: |session_\w+\(", line)] \
        if log.exists() else []
    same([], lines, "lines about sessions in PHP's log")


TESTS = [test_phpmyadmin, test_wordpress, test_logs_are_clean]


def valgrind(where, extension, socket, name):
    """All of what one process does with the handler, without opcache or any extension but ours and posix."""
    settings = php_web.php_settings(extension, socket, where / f"{name}-php.log") | {"session.use_cookies": "0",
                                                                                     "session.cache_limiter": ""}
    ini = web.write_php_ini(where / f"ini-{name}", settings, ["posix", extension])
    command = ["valgrind", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
               "--child-silent-after-fork=yes", "php", "-n", "-c", str(ini / "php.ini"), str(harness.HERE / "php_valgrind.php")]
    code, out = harness.run(command, VALGRIND_S, {"USE_ZEND_ALLOC": "0", "ZEND_DONT_UNLOAD_MODULES": "1",
                                                  "PHP_INI_SCAN_DIR": ""})
    good = code == 0 and "all done" in out
    print(f"{'ok  ' if good else 'FAIL'} apps: valgrind, {name}", flush=True)
    if not good:
        print(out[-6000:])
    return good


def run_tests(site, only):
    passed = failed = 0
    for test in TESTS:
        name = test.__name__.removeprefix("test_").replace("_", " ")
        if only not in name and test is not test_logs_are_clean:
            continue
        try:
            test(site)
            print(f"ok   apps: {name}", flush=True)
            passed += 1
        except (AssertionError, OSError, ValueError, KeyError, TypeError) as error:
            failed += 1
            print(f"FAIL apps: {name}: {error}", flush=True)
    return passed, failed


def run_apps(where, store, extension, only):
    temporary = where / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    log = where / "php.log"
    log.touch()
    log.chmod(0o666)
    settings = php_web.php_settings(extension, store.socket, log) | {"session.save_handler": "cloakroom",
                                                                    "sys_temp_dir": str(temporary), "memory_limit": "256M"}
    modules = ["mysqlnd", "mysqli", "mbstring", "posix", "ctype", "iconv", "tokenizer", "fileinfo", "xml", "dom", "simplexml",
               "opcache"]
    ini = web.write_php_ini(where / "ini", settings, [*modules, extension])
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(web.mariadb(where))
        copy_phpmyadmin(where / "pma", database, temporary)
        copy_wordpress(where / "blog", database)
        port = stack.enter_context(web.apache(where, ini, {"/pma": where / "pma", "/blog": where / "blog"}))
        return run_tests(Site(where, port, store.restart), only)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="only tests with these words in the name")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    extension = php_web.extension_beside(options.server)
    passed = failed = 0
    with harness.folder() as where:
        store = php_web.Store(options.server, where, mode="777")
        store.start()
        try:
            if options.only not in "valgrind" or not options.only:
                passed, failed = run_apps(where, store, extension, options.only)
            if options.only in "valgrind":
                (where / "plain").mkdir()
                with harness.unix_server("memcached", where / "plain") as plain:
                    for name, socket in (("cloakroomd", store.socket), ("memcached", plain)):
                        good = valgrind(where, extension, socket, name)
                        passed, failed = passed + good, failed + (not good)
        finally:
            store.stop()
    print(f"apps: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
