"""Set-ups that are broken in one way each: (name, the ids that doctor must find and no others, what breaks it[, what the
real PHP says with these ini files]). The function gets a Root that is well, with the handler memcached, and the servers:
tcp, sock (a path on this machine), memcached, redis, nobody: ports."""

import os

from doctor_root import MEMCACHED_INI as MEMCACHED


def session(text, sapis=("cli", "fpm", "apache2"), extension=None, more=""):
    """A set-up whose 99-session.ini is this, for these kinds of PHP."""
    def build(root, servers):
        root.session(text.format(**servers) + more, sapis)
        if extension:
            root.extension(extension)
    return build


def pool(text):
    return lambda root, servers: root.pool(text.format(**servers))


def apache(site="", htaccess="", mod_php=True):
    def build(root, servers):
        root.apache(site.format(**servers), mod_php)
        if htaccess:
            root.write("var/www/shop/.htaccess", htaccess.format(**servers))
    return build


def extension_only_for_cli(root, servers):
    for sapi in ("fpm", "apache2"):
        os.unlink(root.path / f"etc/php/8.2/{sapi}/conf.d/25-memcached.ini")


def no_php(root, servers):
    os.rename(root.path / "etc/php", root.path / "etc/php-away")


def socket_closed(root, servers):
    os.mkdir(root.path / "run/closed", 0o700)
    os.chmod(root.path / "run/closed", 0o700)
    root.socket("run/closed/s", servers["sock"])
    root.session('session.save_handler = memcached\nsession.save_path = "/run/closed/s"\n', ("fpm",))
    root.session("", ("cli", "apache2"))
    if os.geteuid() != 0:
        root.write("etc/passwd", "www-data:x:33:33::/:/bin/sh\n")


def files_closed(root, servers):
    os.chmod(root.path / "var/lib/php/sessions", 0o700)
    root.session("")


def two_serializers(root, servers):
    root.extension("igbinary")
    root.session(MEMCACHED.format(**servers) + "session.serialize_handler = igbinary\n", ("cli",))


def another_version(root, servers):
    root.write("etc/php/8.3/fpm/php.ini", (root.path / "etc/php/8.2/fpm/php.ini").read_text())
    root.write("etc/php/8.3/fpm/php-fpm.conf", "include=/etc/php/8.3/fpm/pool.d/*.conf\n")
    root.write("etc/php/8.3/fpm/pool.d/www.conf", "[www]\nuser = www-data\nlisten = /run/php/php8.3-fpm.sock\n")


def user_ini(root, servers):
    root.write("etc/nginx/sites-enabled/shop", "server {\n    root /var/www/shop;\n}\n")
    root.write("var/www/shop/.user.ini", 'session.save_path = "127.0.0.1:1"\n')


def cut_by_nobody(root, servers):
    root.session("session.save_path = /srv/sessions\n", ("fpm",))
    root.session("", ("cli", "apache2"))
    os.makedirs(root.path / "srv/sessions")
    os.chmod(root.path / "srv/sessions", 0o1733)
    root.write("etc/php/8.2/fpm/conf.d/99-session.ini", "")
    root.pool("php_value[session.save_path] = /srv/sessions\n")


def shared_files(root, servers):
    root.session("")
    root.session("session.gc_maxlifetime = 600\nsession.gc_probability = 1\n", ("cli",))


def not_readable(root, servers):
    os.unlink(root.path / "etc/php/8.2/fpm/conf.d/99-session.ini")
    os.mkdir(root.path / "etc/php/8.2/fpm/conf.d/99-session.ini")
    root.pool('php_value[session.save_handler] = memcached\nphp_value[session.save_path] = "127.0.0.1:%d"\n' % servers["tcp"])


CASES = [
    # the files
    ("no PHP at all", {"no-php"}, no_php),
    ("= outside of quotes", {"ini-syntax"},
     session("session.save_handler = memcache\nsession.save_path = tcp://127.0.0.1:{tcp}?persistent=1\n",
             extension="memcache"),
     r"PHP:  syntax error, unexpected '=' in \S+99-session.ini on line 2"),
    ("a ; outside of quotes", {"ini-cut", "path-no-port"},
     session("session.save_handler = memcached\nsession.save_path = 127.3.2.1;127.0.0.2\n"),
     r"Failed to write session lock: CONNECTION FAILURE"),
    ("a file that is none", {"file-unreadable"}, not_readable),
    # the extension
    ("memcached is loaded for the command line alone", {"extension-missing"}, extension_only_for_cli,
     r'Cannot find session save handler "memcached" - session startup failed'),
    ("the extension's file is missing", {"extension-file"},
     lambda root, servers: os.unlink(root.path / "usr/lib/php/20220829/memcached.so")),
    ("the extension is loaded twice", {"extension-twice"},
     lambda root, servers: root.write("etc/php/8.2/fpm/conf.d/26-again.ini", "extension=memcached\n"),
     r'Module "memcached" is already loaded'),
    ("a misspelt handler", {"handler-unknown"},
     session('session.save_handler = memcahced\nsession.save_path = "127.0.0.1:{tcp}"\n'),
     r'Cannot find session save handler "memcahced" - session startup failed'),
    ("a serializer without its extension", {"serializer-missing"}, session(MEMCACHED, more="session.serialize_handler = nope\n"),
     r'Cannot find session serialization handler "nope" - session startup failed'),
    # save_path; the handlers then take 11211, where something may be listening at 127.0.0.1, so another address of loopback
    ("memcached without a path", {"path-empty"}, session("session.save_handler = memcached\nsession.save_path =\n"),
     r"failed to parse session.save_path"),
    ("tcp:// for memcached", {"path-scheme"},
     session('session.save_handler = memcached\nsession.save_path = "tcp://127.0.0.1:{tcp}"\n'),
     r"Failed to write session lock: getaddrinfo\(\) or getnameinfo\(\) HOSTNAME LOOKUP FAILURE"),
    ("unix:// for memcached", {"path-scheme"},
     session('session.save_handler = memcached\nsession.save_path = "unix:///run/s"\n'),
     r"Failed to read session data: memcached \(path: unix:///run/s\)"),
    ("a bare socket for memcache", {"path-bare-socket"},
     session('session.save_handler = memcache\nsession.save_path = "/run/s"\n', extension="memcache"),
     r"Failed to initialize storage module: memcache \(path: /run/s\)"),
    ("no port for memcached", {"path-no-port"}, session("session.save_handler = memcached\nsession.save_path = 127.3.2.1\n"),
     r"Failed to write session lock: CONNECTION FAILURE"),
    ("no port for memcache", {"path-no-port"},
     session('session.save_handler = memcache\nsession.save_path = "tcp://127.3.2.1"\n', extension="memcache"),
     r"Failed to write session data \(memcache\). Please verify that the current setting of session.save_path is correct"),
    ("the directory of files left for memcached", {"path-directory"},
     session("session.save_handler = memcached\nsession.save_path = /var/lib/php/sessions\n"),
     r"Failed to read session data: memcached \(path: /var/lib/php/sessions\)"),
    ("a server for files", {"path-server-for-files"},
     session('session.save_handler = files\nsession.save_path = "tcp://127.0.0.1:{tcp}"\n'),
     r"open\(tcp://127.0.0.1:\d+/sess_\w+, O_RDWR\) failed: No such file or directory \(2\)"),
    ("a scheme that nobody knows", {"path-invalid"},
     session('session.save_handler = cloakroom\nsession.save_path = "http://127.0.0.1:{tcp}"\n', extension="cloakroom")),
    ("?persistent=1 for memcached", {"path-ignored"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{tcp}?persistent=1"\n')),
    ("memcache.session_save_path wins", {"path-memcache-wins"},
     session('session.save_handler = memcache\nsession.save_path = "tcp://127.0.0.1:{nobody}"\n'
             'memcache.session_save_path = "tcp://127.0.0.1:{tcp}"\n', extension="memcache")),
    ("several servers", {"path-several", "server-unreachable"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{tcp}, 127.0.0.1:{nobody}"\n')),
    # set twice
    ("set twice", {"set-twice"},
     lambda root, servers: root.append("etc/php/8.2/fpm/php.ini", 'session.save_path = "127.0.0.1:1"\n')),
    ("overridden in a pool", {"overridden-by-pool", "server-unreachable"},
     pool('php_admin_value[session.save_path] = "127.0.0.1:{nobody}"\n')),
    ("overridden in a site", {"overridden-by-apache", "server-unreachable"},
     apache('    php_value session.save_path "127.0.0.1:{nobody}"\n')),
    ("overridden in .htaccess", {"overridden-by-htaccess", "server-unreachable"},
     apache(htaccess='<IfModule mod_php.c>\nphp_value session.save_path "127.0.0.1:{nobody}"\n</IfModule>\n')),
    ("overridden in .user.ini", {"overridden-by-user-ini", "server-unreachable"}, user_ini),
    (".htaccess without mod_php", {"htaccess-without-php"},
     apache(htaccess="php_value session.gc_maxlifetime 3600\n", mod_php=False)),
    ("php-fpm has other settings than Apache's PHP", {"views-differ"},
     lambda root, servers: (root.apache(), root.session("", ("apache2",)))),
    ("an upgrade of PHP left the settings behind", {"views-differ"}, another_version),
    ("one serializer for pages, another for cron", {"serializers-differ"}, two_serializers),
    # files
    ("no such directory", {"files-no-directory"},
     lambda root, servers: root.session("session.save_handler = files\nsession.save_path = /nowhere\n"),
     r"open\(/nowhere/sess_\w+, O_RDWR\) failed: No such file or directory \(2\)"),
    ("a directory that the pool may not write to", {"files-not-writable"}, files_closed),
    ("a directory that nobody cleans", {"files-never-cleaned"}, cut_by_nobody),
    ("a directory that somebody cleans too early", {"files-cleaned-early"}, shared_files),
    # lives, locks, safety
    ("no life", {"life-zero"}, session(MEMCACHED, more="session.gc_maxlifetime = 0\n")),
    ("the server ends sessions sooner", {"life-longer-than-server"}, session(
        'session.save_handler = memcached\nsession.save_path = "127.0.0.1:{short}"\nsession.gc_maxlifetime = 7200\n')),
    ("the cookie lives longer", {"cookie-outlives"}, session(MEMCACHED, more="session.cookie_lifetime = 604800\n")),
    ("no locks", {"locking-off"}, session(MEMCACHED, more="memcached.sess_locking = Off\n")),
    ("Redis without locks", {"locking-off"},
     session('session.save_handler = redis\nsession.save_path = "tcp://127.0.0.1:{redis}"\n', extension="redis")),
    ("locks without an end", {"lock-never-ends", "server-is-memcached"}, session(
        'session.save_handler = memcached\nsession.save_path = "127.0.0.1:{memcached}"\nmax_execution_time = 0\n')),
    ("connections that outlive the server", {"persistent"}, session(MEMCACHED, more="memcached.sess_persistent = On\n")),
    ("no lazy writes", {"lazy-write-off"}, session(MEMCACHED, more="session.lazy_write = 0\n")),
    ("made-up ids", {"strict-mode-off"}, session(MEMCACHED, more="session.use_strict_mode = 0\n")),
    ("an open cookie", {"cookie-flags"}, session(MEMCACHED, more="session.cookie_httponly =\n")),
    ("ids in URLs", {"id-in-url"}, session(MEMCACHED, more="session.use_only_cookies = 0\n")),
    # the server
    ("nobody listens", {"server-unreachable"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{nobody}"\n'),
     r"Failed to write session lock: CONNECTION FAILURE"),
    ("no such socket", {"socket-missing"}, session('session.save_handler = memcached\nsession.save_path = "/run/nowhere"\n'),
     r"Failed to write session lock: SYSTEM ERROR"),
    ("a socket that the pool may not open", {"socket-permission"}, socket_closed),
    ("memcached on the port", {"server-is-memcached"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{memcached}"\n')),
    ("Redis on the port", {"server-is-other"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{redis}"\n')),
    ("a Redis handler for cloakroomd", {"server-is-other", "locking-off"},
     session('session.save_handler = redis\nsession.save_path = "tcp://127.0.0.1:{tcp}"\n', extension="redis"),
     r"RedisException: protocol error, got 'E' as reply type byte"),
    ("a login is wanted", {"server-login"},
     session('session.save_handler = memcache\nsession.save_path = "tcp://127.0.0.1:{login}"\n', extension="memcache")),
    ("a server without --data", {"server-forgets"},
     session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:{forgets}"\n')),
    ("sessions under a prefix of cache", {"server-prefix"}, session(MEMCACHED, more="memcached.sess_prefix = mine.\n")),
]

# What is well with each handler: nothing may be found.
GOOD = [
    ("memcached over TCP", session(MEMCACHED)),
    ("memcached through a socket", session('session.save_handler = memcached\nsession.save_path = /run/s\n')),
    ("memcache", session('session.save_handler = memcache\nsession.save_path = "tcp://127.0.0.1:{tcp}"\n', extension="memcache")),
    ("memcache through a socket",
     session('session.save_handler = memcache\nsession.save_path = "unix:///run/s:0"\n', extension="memcache")),
    ("cloakroom", session('session.save_handler = cloakroom\nsession.save_path = "unix:///run/s"\n', extension="cloakroom")),
    ("servers with weights", session('session.save_handler = cloakroom\nsession.save_path = "127.0.0.1:{tcp}:2, tcp://127.0.0.1:{tcp}?weight=3"\n',
                                     extension="cloakroom")),
    ("redis", session('session.save_handler = redis\nredis.session.locking_enabled = 1\n'
                      'session.save_path = "tcp://127.0.0.1:{redis}?auth=very-secret"\n', extension="redis")),
    ("files", session("")),
    ("a pool of its own, where php.ini has what was shipped", lambda root, servers: (
        root.session(""), root.pool('php_value[session.save_handler] = memcached\n'
                                    'php_value[session.save_path] = "127.0.0.1:%d"\n' % servers["tcp"]))),
    ("Apache, too", apache()),
]
