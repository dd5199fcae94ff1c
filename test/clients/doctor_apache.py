#!/usr/bin/env python3
"""`cloakroom doctor` beside a real Apache with mod_php: site, .htaccess and php_admin_value. Both see one folder as /etc/php,
/etc/apache2 and /var/www, in a mount namespace of their own, so that nothing of the machine changes; needs root.
"""

import http.client
import json
import os
import subprocess
import sys
import time

import harness
from doctor_root import MEMCACHED_INI, Check, Root

NAMES = ["session.save_handler", "session.save_path", "session.gc_maxlifetime", "session.name"]
MODULES = "/usr/lib/apache2/modules/"
CONF = """
ServerRoot /etc/apache2
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {where}/apache.pid
ErrorLog {where}/error.log
Mutex file:{where}
User www-data
Group www-data
IncludeOptional mods-enabled/*.load
<FilesMatch "\\.php$">
    SetHandler application/x-httpd-php
</FilesMatch>
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory /var/www/>
    AllowOverride All
    Require all granted
</Directory>
IncludeOptional sites-enabled/*.conf
"""
SITE = """    php_admin_value session.name SITE
    php_value session.gc_maxlifetime 77
    php_value session.save_path "127.0.0.1:1"
"""
HTACCESS = """<IfModule mod_php.c>
php_value session.gc_maxlifetime 88
php_value session.name HTACCESS
</IfModule>
<IfModule mod_php7.c>
php_value session.gc_maxlifetime 99
</IfModule>
"""


def build(root, where, port):
    for extension in ("igbinary", "msgpack", "memcached"):
        root.extension(extension)
    root.session(MEMCACHED_INI.format(tcp=2))
    root.apache(SITE)
    site = root.path / "etc/apache2/sites-enabled/shop.conf"
    site.write_text(site.read_text().replace(":80", f":{port}"))
    root.write("etc/apache2/apache2.conf", CONF.format(port=port, where=where))
    for module in ("mpm_prefork", "authz_core"):
        root.write(f"etc/apache2/mods-enabled/{module}.load", f"LoadModule {module}_module {MODULES}mod_{module}.so\n")
    page = f"<?php foreach ({json.dumps(NAMES)} as $n) $o[$n] = ini_get($n); echo json_encode($o);"
    root.write("var/www/shop/x.php", page)
    root.write("var/www/shop/below/x.php", page)
    root.write("var/www/shop/below/.htaccess", HTACCESS)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": "shop.example"})
    answer = connection.getresponse().read()
    return json.loads(answer) if answer.startswith(b"{") else {"said": answer.decode()}


def inside(tool, path, port):
    """In the namespace: prints what doctor, and what Apache says."""
    for folder in ("etc/php", "etc/apache2", "var/www"):
        subprocess.run(["mount", "--bind", f"{path}/{folder}", f"/{folder}"], check=True)
    apache = subprocess.Popen(["/usr/sbin/apache2", "-DFOREGROUND", "-f", "/etc/apache2/apache2.conf"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=sys.stderr,
                              start_new_session=True)  # it ends its whole process group
    try:
        deadline = time.monotonic() + 10
        while not harness.connects(harness.socket.AF_INET, ("127.0.0.1", port)) and time.monotonic() < deadline:
            time.sleep(0.05)
        report = subprocess.run([tool, "doctor", "--json"], capture_output=True, text=True, timeout=30).stdout
        print(json.dumps({"doctor": json.loads(report), "site": get(port, "/x.php"), "below": get(port, "/below/x.php")}))
    finally:
        apache.terminate()
        apache.wait()


def main():
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    options = harness.arguments(__doc__).parse_args()
    tool = os.path.join(os.path.dirname(harness.program(options.server)[0]), "cloakroom")
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/apache2"):
        sys.exit("needs root, for a mount namespace, and apache2: `tools/deps full` installs it")
    check = Check()
    with harness.folder() as where:
        port = harness.free_port()
        root = Root(where / "root")
        build(root, where, port)
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--inside",
                               tool, str(root.path), str(port)], capture_output=True, text=True, timeout=90)
        if not done.stdout:
            sys.exit(done.stderr)
        said = json.loads(done.stdout)
    views = {view["name"]: view for view in said["doctor"]["views"]}
    for name, key in (("8.2 apache2 site shop.example", "site"), ("8.2 apache2 site shop.example /var/www/shop/below", "below")):
        seen = {setting: views[name]["settings"][setting]["value"] for setting in NAMES} if name in views else sorted(views)
        check.that(seen == said[key], f"Apache: {name}", (seen, said[key]))
    check.that(said["below"]["session.gc_maxlifetime"] == "88" and said["below"]["session.name"] == "SITE", "Apache: who wins", said["below"])
    check.that(all(view["is_asked"] and "memcached" in view["loaded"] for view in views.values()), "the machine's own PHP was asked",
               {name: view["is_asked"] for name, view in views.items()})
    found = {finding["id"] for finding in said["doctor"]["findings"]}
    check.that({"overridden-by-apache", "server-unreachable"} <= found, "Apache: what is overridden", found)
    print(f"doctor: {check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


if __name__ == "__main__":
    sys.exit(main())
