"""A root folder like that of a Debian machine with PHP, as far as `cloakroom doctor --root` looks at it; and doctor run on it."""

import json
import os
import pathlib
import re
import subprocess
import textwrap

DOCTOR_S = 20
MEMCACHED_INI = 'session.save_handler = memcached\nsession.save_path = "127.0.0.1:{tcp}"\n'
VERSION = "8.2"
SAPIS = ("cli", "fpm", "apache2")
EXTENSIONS = ("memcached", "memcache", "redis", "cloakroom", "igbinary", "msgpack")
PRIORITY = {"memcached": 25}  # which needs igbinary and msgpack before it
ZEND_API = "20220829"

# What each finding has, and the ids of those that had not, in any report.
PARTS = ("what", "why", "change")
SAY_TOO_LITTLE = set()

# As php-cli, php-fpm and libapache2-mod-php ship it, with what doctor warns of made good.
PHP_INI = """
[Session]
session.save_handler = files
;session.save_path = "/var/lib/php/sessions"
session.use_strict_mode = 1
session.use_cookies = 1
session.use_only_cookies = 1
session.name = PHPSESSID
session.cookie_lifetime = 0
session.cookie_path = /
session.cookie_domain =
session.cookie_httponly = 1
session.cookie_secure = 1
session.cookie_samesite = Lax
session.serialize_handler = php
session.gc_probability = 0
session.gc_divisor = 1000
session.gc_maxlifetime = 1440
session.use_trans_sid = 0
"""
FPM_CONF = "[global]\npid = /run/php/php8.2-fpm.pid\ninclude=/etc/php/8.2/fpm/pool.d/*.conf\n"
POOL = "; as shipped\n[www]\nuser = www-data\ngroup = www-data\nlisten = /run/php/php8.2-fpm.sock\npm = static\npm.max_children = 2\n"
APACHE_CONF = """
<Directory />
    AllowOverride None
</Directory>
<Directory /var/www/>
    AllowOverride All
</Directory>
IncludeOptional mods-enabled/*.load
IncludeOptional sites-enabled/*.conf
"""
SITE = "<VirtualHost *:80>\n    ServerName shop.example\n    DocumentRoot /var/www/shop\n{more}</VirtualHost>\n"
MOD_PHP = "LoadModule php_module /usr/lib/apache2/modules/libphp8.2.so\n"


class Root:
    """`settings` is what 99-session.ini says: for all, or {"fpm": …} for some."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for sapi in SAPIS:
            self.write(f"etc/php/{VERSION}/{sapi}/php.ini", PHP_INI)
        for extension in EXTENSIONS:
            self.write(f"usr/lib/php/{ZEND_API}/{extension}.so", "")
        self.write(f"etc/php/{VERSION}/fpm/php-fpm.conf", FPM_CONF)
        self.write(f"etc/php/{VERSION}/fpm/pool.d/www.conf", POOL)
        self.write("usr/lib/php/sessionclean", "#!/bin/sh\n")
        self.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nshop:x:1001:1001::/:/bin/sh\n")
        self.write("etc/group", "root:x:0:\nwww-data:x:33:\nshop:x:1001:\n")
        for folder in ("var/lib/php/sessions", "var/www/shop", "run"):
            (self.path / folder).mkdir(parents=True)
        os.chmod(self.path / "var/lib/php/sessions", 0o1733)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name, text):
        self.write(name, (self.path / name).read_text() + text)

    def session(self, text, sapis=SAPIS):
        """99-session.ini for these kinds of PHP."""
        for sapi in sapis:
            self.write(f"etc/php/{VERSION}/{sapi}/conf.d/99-session.ini", textwrap.dedent(text))

    def extension(self, name, sapis=SAPIS, text=None):
        for sapi in sapis:
            self.write(f"etc/php/{VERSION}/{sapi}/conf.d/{PRIORITY.get(name, 20)}-{name}.ini", text or f"extension={name}.so\n")

    def pool(self, text, name="www"):
        self.append(f"etc/php/{VERSION}/fpm/pool.d/www.conf", textwrap.dedent(text))

    def apache(self, site="", mod_php=True):
        self.write("etc/apache2/apache2.conf", APACHE_CONF)
        self.write("etc/apache2/mods-enabled/php8.2.load", MOD_PHP if mod_php else "")
        self.write("etc/apache2/sites-enabled/shop.conf", SITE.format(more=site))

    def socket(self, name, server):
        """The socket of a server that runs, below this root, too."""
        os.link(server, self.path / name)


def new_root(where, name, servers):
    root = Root(where / re.sub(r"\W+", "-", name))
    for extension in ("igbinary", "msgpack", "memcached"):
        root.extension(extension)
    root.session(MEMCACHED_INI.format(**servers))
    root.socket("run/s", servers["sock"])
    return root


class Check:
    """Counts, and says what is wrong."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, is_good, name, why=""):
        self.passed += bool(is_good)
        self.failed += not is_good
        print(f"{'ok  ' if is_good else 'FAIL'} {name}{'' if is_good else ': ' + str(why)}", flush=True)


def run(tool, *arguments):
    """(exit code, what it printed as JSON)."""
    done = subprocess.run([tool, "doctor", "--json", *map(str, arguments)], capture_output=True, text=True, timeout=DOCTOR_S,
                          stdin=subprocess.DEVNULL)
    try:
        report = json.loads(done.stdout)
        SAY_TOO_LITTLE.update(finding["id"] for finding in report["findings"] if not all(finding[word] for word in PARTS))
        return done.returncode, report
    except ValueError:
        return done.returncode, {"findings": [], "error": done.stdout + done.stderr}


def ids(report):
    return {finding["id"] for finding in report["findings"]}
