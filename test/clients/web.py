"""Web servers of the tests: nginx before php-fpm, and Apache with mod_php, each with php.ini and folders of its own, on free
ports of loopback, as the user who runs the test. What a program says goes to a log in the test's folder.
"""

import contextlib
import glob
import http.client
import http.cookiejar
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import harness

START_S, STOP_S = 30, 20
SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def find(*patterns):
    """The newest program of these names; ends the test with one line where there is none."""
    for pattern in patterns:
        found = sorted(glob.glob(f"/usr/sbin/{pattern}"), reverse=True) or [shutil.which(pattern, path=SBIN)]
        if found[0]:
            return found[0]
    sys.exit(f"no {patterns[0]}: `tools/deps check` and `tools/deps full` install what the tests need")


@contextlib.contextmanager
def process(name, command, where, is_ready, environment=None, ends_by=signal.SIGTERM):
    """A program that stays in the foreground, from when it is ready; it and its children are gone at the end."""
    log = where / f"{name}.out"
    with open(log, "ab") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                 cwd=where, env=os.environ | (environment or {}))
    try:
        deadline = time.monotonic() + START_S
        while not is_ready():
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield child
    finally:
        child.send_signal(ends_by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def listens(port):
    return lambda: harness.connects(socket.AF_INET, ("127.0.0.1", port))


def write_php_ini(where, settings, extensions=()):
    """The folder of a php.ini that reads no others; `extensions`: names, or paths of files."""
    where.mkdir(exist_ok=True)
    lines = [f"{'zend_' if name == 'opcache' else ''}extension = {name}" for name in extensions]
    lines += [f'{name} = "{value}"' for name, value in settings.items()]
    (where / "php.ini").write_text("\n".join(lines) + "\n")
    return where


@contextlib.contextmanager
def fpm(where, ini, children=4):
    """Yields the socket of a php-fpm with this php.ini; its log is fpm.log."""
    path = where / "fpm.sock"
    as_root = os.geteuid() == 0
    (where / "fpm.conf").write_text(f"""
[global]
daemonize = no
error_log = {where}/fpm.log
[www]
{'user = root' if as_root else ''}
{'group = root' if as_root else ''}
listen = {path}
pm = static
pm.max_children = {children}
catch_workers_output = yes
""")
    command = [find("php-fpm*"), "-c", str(ini), "--fpm-config", str(where / "fpm.conf"), *(["-R"] if as_root else [])]
    with process("php-fpm", command, where, lambda: harness.connects(socket.AF_UNIX, str(path)), {"PHP_INI_SCAN_DIR": ""},
                 signal.SIGQUIT):
        yield path


@contextlib.contextmanager
def nginx(where, root, fpm_socket):
    """Yields the port of an nginx that gives .php to php-fpm as it comes in, and the rest from `root`."""
    port = harness.free_port()
    temporary = "\n".join(f"{kind}_temp_path {where}/nginx-{kind};" for kind in
                          ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
    (where / "nginx.conf").write_text(f"""
daemon off;
worker_processes 1;
{'user root root;' if os.geteuid() == 0 else ''}
pid {where}/nginx.pid;
error_log {where}/nginx.log;
events {{ }}
http {{
    access_log off;
    {temporary}
    client_max_body_size 64m;
    include /etc/nginx/mime.types;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        index index.php index.html;
        location ~ \\.php$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_request_buffering off;
            fastcgi_pass unix:{fpm_socket};
        }}
    }}
}}
""")
    with process("nginx", [find("nginx"), "-p", str(where), "-c", str(where / "nginx.conf"), "-e", str(where / "nginx.log")],
                 where, listens(port)):
        yield port


class Browser:
    """A visitor with cookies, who follows redirects; the last page is kept."""

    def __init__(self, port):
        self.port = port
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPCookieProcessor(self.cookies))
        self.address = self.page = ""

    def get(self, path, form=None, timeout_s=30):
        """The page that a GET, or with a form a POST, leads to; its status does not matter."""
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(urllib.parse.urljoin(f"http://127.0.0.1:{self.port}/", path), data)
        try:
            answer = self.opener.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.page, self.address = answer.read().decode(errors="replace"), answer.url
            self.status, self.headers = answer.status, answer.headers
        return self.page

    def cookie(self, name):
        return next((cookie.value for cookie in self.cookies if cookie.name == name), None)

    def hidden(self):
        """The fields of the page that a form would send along without being filled in."""
        tags = re.findall(r"<input[^>]*type=[\"']hidden[\"'][^>]*>", self.page)
        pairs = [(re.search(r"name=[\"']([^\"']*)", tag), re.search(r"value=[\"']([^\"']*)", tag)) for tag in tags]
        return {name[1]: value[1] if value else "" for name, value in pairs if name}


class Upload:
    """A form with a file that is sent bit by bit, in the session of this cookie."""

    def __init__(self, port, path, cookie, fields, size):
        head = "".join(f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                       for name, value in fields.items())
        head += '--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        tail = "\r\n--frontier--\r\n"
        self.tail = tail.encode()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.putrequest("POST", path)
        for name, value in {"Cookie": cookie, "Content-Type": "multipart/form-data; boundary=frontier",
                            "Content-Length": str(len(head) + size + len(tail))}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(head.encode())

    def send(self, n):
        self.connection.send(b"x" * n)

    def end(self):
        self.connection.send(self.tail)
        with self.connection.getresponse() as answer:
            page = answer.read().decode()
        self.connection.close()
        return page


def plain_user():
    """Whom servers become that will not run as root."""
    return "www-data" if os.geteuid() == 0 else None


@contextlib.contextmanager
def apache(where, ini, roots):
    """Yields the port of an Apache (prefork) with mod_php and this php.ini; `roots`: path of a URL -> folder."""
    port = harness.free_port()
    modules = "/usr/lib/apache2/modules"
    php = os.path.basename(find_module(modules))
    user = plain_user()
    aliases = "\n".join(f'Alias "{path}" "{folder}"' for path, folder in roots.items())
    (where / "apache.conf").write_text(f"""
ServerRoot "{where}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{where}/apache.pid"
ErrorLog "{where}/apache.log"
LogLevel warn
Mutex file:{where}
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule {'php_module' if php.startswith('libphp8') else 'php7_module'} {modules}/{php}
PHPINIDir "{ini}"
TypesConfig /etc/mime.types
StartServers 4
MinSpareServers 4
MaxSpareServers 4
MaxRequestWorkers 4
{f'User {user}' if user else ''}
{f'Group {user}' if user else ''}
DirectoryIndex index.php index.html
<FilesMatch "\\.php$">
    SetHandler application/x-httpd-php
</FilesMatch>
{aliases}
<Directory "{where}">
    Require all granted
</Directory>
""")
    with process("apache", [find("apache2"), "-f", str(where / "apache.conf"), "-D", "FOREGROUND"], where, listens(port),
                 {"PHP_INI_SCAN_DIR": ""}):
        yield port


def find_module(folder):
    found = sorted(glob.glob(f"{folder}/libphp*.so"), reverse=True)
    if not found:
        sys.exit("no mod_php: `tools/deps full` installs it")
    return found[0]


@contextlib.contextmanager
def mariadb(where):
    """Yields the socket of a MariaDB, without network, whose administrator root has the password `secret`."""
    home = where / "mariadb"
    data, path = home / "data", home / "socket"
    data.mkdir(parents=True)
    user = "mysql" if os.geteuid() == 0 else None
    as_user = [f"--user={user}"] if user else []
    if user:
        shutil.chown(home, user)
        shutil.chown(data, user)
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
               "--skip-test-db", *as_user]
    code, out = harness.run(install, 120)
    if code != 0:
        sys.exit(f"mariadb-install-db: {out[-2000:]}")
    init = home / "first.sql"
    init.write_text("ALTER USER root@localhost IDENTIFIED BY 'secret';\nCREATE DATABASE IF NOT EXISTS site;\n")
    command = [find("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={path}", "--skip-networking",
               f"--pid-file={home}/pid", f"--init-file={init}", "--innodb-buffer-pool-size=16M", *as_user]
    with process("mariadb", command, where, lambda: path.exists() and harness.connects(socket.AF_UNIX, str(path))):
        yield str(path)
