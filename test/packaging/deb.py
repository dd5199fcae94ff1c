#!/usr/bin/env python3
"""The Debian packages: built, looked at by lintian, and lived with in a fresh Debian of the test's own: installed, a server
started by hand, PHP and the tool using it, memcached's configuration taken, removed and purged. Then once more in one that
systemd has booted, beside memcached: the service, its sockets, its watchdog, and memcached's place taken and given back.

    deb.py [--debs FOLDER]           needs root, debootstrap, systemd-nspawn, and the mirror that this machine's apt uses

The fresh system is made by debootstrap in a temporary folder and entered by chroot, or booted by systemd-nspawn without a
network but its own loopback; processes and mounts end with it. The base of it is kept in build/packaging/ for a week.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "build/packaging"
KEPT_S = 7 * 24 * 3600
PACKAGES = ("cloakroom", "cloakroom-tools", "php-cloakroom")
WITH = ("php-cli", "systemd-standalone-sysusers")
BOOTED_WITH = ("php-cli", "systemd", "systemd-sysv", "dbus", "memcached")
BOOT_S = 90
LINTIAN_LISTED = ()  # tags that are known and left; each with its reason here


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def run(*words, seconds=300, status=0, **how):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=seconds, **how)
    check(status is None or done.returncode == status,
          f"{' '.join(map(str, words))}: status {done.returncode}: {done.stdout[-1500:]}")
    return done.stdout


def debian_of_this_machine():
    """(mirror, codename): what apt here has for `main` of the system's own release."""
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    codename = release["VERSION_CODENAME"].strip('"')
    told = run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages")
    sites = [words[0] for words in map(str.split, told.splitlines()) if words[1:] == [codename, "main"]]
    check(sites, "apt of this machine has no source for its own release")
    return sites[0], codename


def base_of(mirror, codename):
    """A tar of a fresh system."""
    base = KEPT / f"{codename}.tar"
    if base.exists() and time.time() - base.stat().st_mtime < KEPT_S:
        return base
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloakroom-base-") as where:
        run("debootstrap", "--variant=minbase", codename, where, mirror, seconds=900)
        run("tar", "-C", where, "-cf", f"{base}.new", ".")
    os.rename(f"{base}.new", base)
    return base


class System:
    """A fresh Debian in a folder; no service is started by installing it."""

    def __init__(self, where, debs):
        self.where = pathlib.Path(where)
        self.where.chmod(0o755)  # the folder becomes /, into which other users have to come
        run("tar", "-C", where, "--no-overwrite-dir", "-xf", base_of(*debian_of_this_machine()))
        (self.where / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.where / "usr/sbin/policy-rc.d").chmod(0o755)
        os.makedirs(self.where / "debs")
        for deb in debs:
            (self.where / "debs" / deb.name).write_bytes(deb.read_bytes())

    def run(self, script, **how):
        """By a shell in there, whose children end with it."""
        inner = f"mount -t proc proc /proc && export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 && {script}"
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", self.where, "sh", "-ec", inner,
                   **how)

    def files(self):
        """All that could be left of a package."""
        left = set()
        for path in self.where.rglob("*"):
            name = "/" + str(path.relative_to(self.where))
            if not name.startswith(("/proc/", "/debs", "/var/cache/", "/var/lib/apt/", "/var/lib/dpkg/", "/var/log/")):
                left.add(name)
        return left


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check_lintian(folder):
    """Neither errors nor warnings but those that are listed."""
    changes = list(folder.glob("*.changes"))
    check(len(changes) == 1, f"changes: {changes}")
    told = run("lintian", "--allow-root", "--tag-display-limit", "0", changes[0], status=None)
    found = [line for line in told.splitlines() if re.match(r"[EW]: ", line)]
    new = [line for line in found if line.split(": ", 2)[2].split()[0] not in LINTIAN_LISTED]
    check(not new, "lintian: " + "; ".join(new))


PAGE = """session_id("0123456789abcdef0123456789abcdef"); session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
echo "n=", $_SESSION["n"], "\\n";"""


def check_in_use(system):
    """As the user that the package has made, from the configuration that it has brought."""
    port = free_port()
    php = f"php -d session.save_handler=cloakroom -d session.save_path=127.0.0.1:{port} -r {shlex.quote(PAGE)}"
    server = f"cloakroomd --config=/etc/cloakroom.conf -p {port} --http off -u cloakroom"
    told = system.run(f"""
        install -d -o cloakroom -g cloakroom -m 700 /var/lib/cloakroom
        start() {{ {server} 2>/tmp/said & pid=$!; until grep -q ' ready: ' /tmp/said; do kill -0 $pid; sleep 0.1; done; }}
        start
        {php}; {php}
        kill $pid; wait $pid
        start
        {php}
        cloakroom --server 127.0.0.1:{port} count
        cloakroom backup /var/lib/cloakroom /tmp/backup >/dev/null && echo backed up
        kill $pid; wait $pid
        rm -rf /tmp/backup /tmp/said
        printf '%s\\n' '-d' '-m 64' '-p {port}' '-u memcache' '-l 127.0.0.1' > /etc/memcached.conf
        cloakroom-take-over-memcached
        rm /etc/memcached.conf""")
    check([f"n={i}" for i in (1, 2, 3)] == re.findall(r"n=\d+", told), f"what PHP printed: {told}")
    check("backed up" in told, told)
    check("cloakroomd listens where memcached did" in told, told)
    check((system.where / "etc/systemd/system/cloakroom.service.d/memcached.conf").exists(), "no drop-in")


@contextlib.contextmanager
def booted(system):
    """Yields what runs a shell script in there, once systemd has started all it wanted to."""
    (system.where / "usr/sbin/policy-rc.d").unlink()
    with open(system.where / "boot.log", "wb") as log:
        nspawn = subprocess.Popen(["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--quiet", "--boot",
                                   "--directory", system.where], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + BOOT_S
        while not (leader := run("pgrep", "-P", nspawn.pid, status=None).strip()):
            check(nspawn.poll() is None and time.monotonic() < deadline,
                  f"no boot: {(system.where / 'boot.log').read_text(errors='replace')[-1500:]}")
            time.sleep(0.1)

        def sh(script, **how):
            return run("nsenter", "--target", leader, "--all", "--root", "sh", "-ec", script, **how)

        while "running" not in (state := sh("systemctl is-system-running || true", status=None)) and "degraded" not in state:
            check(time.monotonic() < deadline, f"systemd is {state.strip()!r} after {BOOT_S} s")
            time.sleep(0.2)
        yield sh
    finally:
        nspawn.terminate()  # it asks the system inside to power off
        try:
            nspawn.wait(30)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


COUNTING = r"""page='session_id("0123456789abcdef0123456789abcdef"); session_start(); echo "n=", $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1, " ";'
    page() { php -d session.save_handler=cloakroom -d session.save_path=127.0.0.1:11211 -r "$page"; }
    main() { systemctl show -P MainPID cloakroom; }
    until_new() { i=0; until [ "$(systemctl is-active cloakroom)" = active ] && [ "$(main)" != "$1" ]; do
                  i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1; done; }
"""


def check_service(sh):
    """memcached has the port, until its place is taken. Then sessions outlive what a service goes through."""
    told = sh("""systemctl is-active memcached
        i=0; until systemctl is-failed cloakroom; do i=$((i + 1)); [ $i -lt 100 ]; sleep 0.2; done
        journalctl -u cloakroom --no-pager""")
    check(told.startswith("active\n") and "failed\n" in told and "port 11211 is in use by another program" in told, told)
    sh("cloakroom-take-over-memcached")
    told = sh("systemctl is-active memcached || true; systemctl is-active cloakroom; systemctl status cloakroom --no-pager")
    check(told.startswith("inactive\nactive\n") and "Serving; 0 sessions" in told, told)
    told = sh(COUNTING + """
        page; systemctl reload cloakroom; page; systemctl restart cloakroom; page
        was=$(main); kill -9 $was; until_new $was; page
        cloakroom count""")
    check(told.split() == ["n=1", "n=2", "n=3", "n=4", "1"], f"reload, restart, SIGKILL: {told}")
    said = sh("journalctl -u cloakroom -p notice --no-pager")
    check("event=reload " in said and "<5>" not in said and "ts=" not in said, f"the journal's lines: {said}")


def check_sockets(sh):
    """Who connects while the server is started anew waits; nobody is refused."""
    told = sh(COUNTING + """
        systemctl stop cloakroom; systemctl start cloakroom.socket
        [ "$(systemctl is-active cloakroom)" = inactive ]
        page; systemctl is-active cloakroom
        { sleep 0.2; systemctl restart cloakroom; } & for i in 1 2 3 4 5 6 7 8 9 10; do page; done; wait
        systemctl stop cloakroom.socket""")
    check(told.split() == ["n=5", "active", *(f"n={i}" for i in range(6, 16))], f"socket activation: {told}")


def check_watchdog(sh):
    told = sh(COUNTING + """
        printf '[Service]\nWatchdogSec=2\n' > /etc/systemd/system/cloakroom.service.d/soon.conf
        systemctl daemon-reload; systemctl restart cloakroom
        was=$(main); sleep 4; [ "$was" = "$(main)" ]
        kill -STOP $was; until_new $was; page; journalctl -u cloakroom --no-pager""")
    check(told.startswith("n=16") and "Watchdog timeout" in told, f"the watchdog: {told[-1500:]}")


def live_under_systemd(folder, tell):
    with tempfile.TemporaryDirectory(prefix="cloakroom-debian-") as where:
        system = System(where, sorted(folder.glob("*.deb")))
        system.run(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(BOOTED_WITH)} /debs/*.deb",
                   seconds=600)
        with booted(system) as sh:
            check_service(sh)
            tell("the service: memcached's place, reload, restart, SIGKILL")
            check_sockets(sh)
            tell("its sockets outlive a restart")
            check_watchdog(sh)
            tell("its watchdog")
            exposure = sh("systemd-analyze security cloakroom --no-pager | tail -1")
            check((found := re.search(r" (\d+\.\d) OK", exposure)) and float(found[1]) <= 1.5, f"exposure: {exposure}")
            tell("systemd-analyze thinks well of its sandbox")
            sh("cloakroom-take-over-memcached --undo")
            check(sh("systemctl is-active memcached; systemctl is-active cloakroom || true").split() == ["active", "inactive"],
                  "after --undo")
            tell("memcached has its place again")


def live_with(folder, tell):
    debs = sorted(folder.glob("*.deb"))
    check({deb.name.split("_")[0] for deb in debs} == set(PACKAGES), f"packages: {[deb.name for deb in debs]}")
    with tempfile.TemporaryDirectory(prefix="cloakroom-debian-") as where:
        system = System(where, debs)
        tell("a fresh system is there")
        system.run(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(WITH)}", seconds=600)
        before = system.files()
        system.run("apt-get install -y -qq --no-install-recommends /debs/*.deb")
        check("cloakroom" in system.run("getent passwd cloakroom; php -m"), "no user, or no module")
        check("cloakroom" in system.run("php -m").split(), "PHP has no module cloakroom")
        tell("installed")
        check_in_use(system)
        tell("a server runs, and PHP uses it")
        system.run(f"apt-get remove -y -qq {' '.join(PACKAGES)}")
        left = system.files() - before
        check("/etc/cloakroom.conf" in left, "remove took the configuration along")
        check(any(name.startswith("/var/lib/cloakroom/") for name in left), "remove took the sessions along")
        check("/usr/bin/cloakroomd" not in left, "remove left the server")
        system.run(f"apt-get purge -y -qq --autoremove {' '.join(PACKAGES)}")
        left = {name for name in system.files() - before if not name.startswith(("/etc/passwd", "/etc/group", "/etc/shadow",
                                                                                "/etc/gshadow"))}
        check(not left, f"purge left {sorted(left)[:10]}")
        tell("purged, and nothing is left")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debs", metavar="FOLDER", help="take those in there; without it `make deb` builds them")
    args = parser.parse_args()
    folder = pathlib.Path(args.debs or ROOT / "build/deb")
    passed = 0
    begin = time.monotonic()

    def tell(what):
        nonlocal passed
        passed += 1
        print(f"ok   {what} ({time.monotonic() - begin:.0f} s)", flush=True)

    try:
        check(os.geteuid() == 0, "chroot needs root")
        if args.debs is None:
            run("make", "-C", ROOT, "deb", seconds=900, env={k: v for k, v in os.environ.items()
                                                             if k not in ("MAKEFLAGS", "MAKELEVEL")})
        tell("built")
        check_lintian(folder)
        tell("lintian has nothing to say")
        live_with(folder, tell)
        live_under_systemd(folder, tell)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(f"FAIL {error}")
        print(f"deb: {passed} passed, 1 failed")
        return 1
    print(f"deb: {passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
