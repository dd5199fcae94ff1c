#!/usr/bin/env python3
"""`make install` and `make uninstall`, into a folder that stands for /: what lies where, and that it works from there.

    install.py --build build/release
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXPOSURE_MOST = 2.5  # of systemd-analyze security: 0 is best, 10 worst
build = str(ROOT / "build/release")


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def run(*words, status=0, **how):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, **how)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}: {done.stdout[-500:]}"
                                     f"{done.stderr[-500:]}")
    return done.stdout + done.stderr


def install(where, *options, prefix="/usr"):
    return run(ROOT / "packaging/install", *options, build, env=os.environ | {"DESTDIR": str(where), "prefix": prefix})


def files_of(where):
    return {"/" + str(path.relative_to(where)) for path in where.rglob("*") if not path.is_dir()}


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="cloakroom-install-") as name:
        yield pathlib.Path(name)


def test_each_thing_has_its_place():
    with folder() as where:
        install(where)
        files = files_of(where)
        for name in ("/usr/bin/cloakroomd", "/usr/bin/cloakroom", "/usr/sbin/cloakroom-take-over-memcached",
                     "/usr/share/man/man8/cloakroomd.8", "/usr/share/man/man1/cloakroom.1",
                     "/usr/share/bash-completion/completions/cloakroom", "/usr/lib/systemd/system/cloakroom.service",
                     "/usr/lib/systemd/system/cloakroom.socket", "/usr/lib/sysusers.d/cloakroom.conf",
                     "/etc/cloakroom.conf", "/usr/share/doc/cloakroom/docs/operations.md"):
            check(name in files, f"{name} is not there")
        for name in files:
            text = (where / name[1:]).read_bytes()
            check(not re.search(rb"@[A-Z]+DIR@", text), f"{name} has a place that was not filled in")
            check(str(where).encode() not in text, f"{name} names the folder it was put into")
            mode = (where / name[1:]).stat().st_mode & 0o777
            check(mode == (0o755 if "bin/" in name else 0o644), f"{name} has mode {mode:o}")


def test_pages_find_each_other():
    with folder() as where:
        install(where)
        docs = where / "usr/share/doc/cloakroom/docs"
        for page in docs.rglob("*.md"):
            for link in re.findall(r"\]\(([\w./-]+)(?:#[^)]*)?\)", page.read_text()):
                if not link.startswith("../"):
                    check((page.parent / link).exists(), f"{page.name} leads to {link}, which is not installed")


def test_uninstall_leaves_nothing_but_a_changed_configuration():
    with folder() as where:
        install(where)
        install(where, "--uninstall")
        check(files_of(where) == set(), f"left: {files_of(where)}")
        install(where)
        config = where / "etc/cloakroom.conf"
        config.write_text("-m 7\n")
        check("has been changed" in install(where), "a changed configuration is not spoken of")
        check(config.read_text() == "-m 7\n", "a changed configuration was replaced")
        check((where / "usr/share/doc/cloakroom/cloakroom.conf").exists(), "the new one lies nowhere")
        install(where, "--uninstall")
        check(files_of(where) == {"/etc/cloakroom.conf"}, f"left: {files_of(where)}")


def test_another_prefix():
    with folder() as where:
        install(where, prefix="/opt/cloakroom")
        unit = (where / "opt/cloakroom/lib/systemd/system/cloakroom.service").read_text()
        check("ExecStart=/opt/cloakroom/bin/cloakroomd --config=/etc/cloakroom.conf" in unit, unit)
        check("file:/opt/cloakroom/share/doc/cloakroom/docs/operations.md" in unit, unit)


def test_what_is_installed_runs_with_its_configuration():
    with folder() as where:
        install(where)
        server = where / "usr/bin/cloakroomd"
        data = where / "data"
        words = [server, f"--config={where}/etc/cloakroom.conf", "-p", "-1", "--data", data, "--http", "off"]
        words += ["-u", "root"] if os.geteuid() == 0 else []
        child = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 text=True)
        try:
            ready = child.stderr.readline()
            check(" ready: " in ready and ", 256 MB, " in ready, f"it said {ready!r}")
            port = re.search(r"port (\d+)", ready)[1]
            told = run(where / "usr/bin/cloakroom", "--server", f"127.0.0.1:{port}", "count")
            check("0" in told.split(), f"count: {told!r}")
            child.send_signal(signal.SIGTERM)
            check(child.wait(20) == 0, "status at the end")
        finally:
            child.kill()
            child.wait()


def test_what_is_commented_out_is_understood_too():
    with folder() as where:
        install(where)
        lines = [line.lstrip("#") for line in (where / "etc/cloakroom.conf").read_text().splitlines()]
        options = [line for line in lines if re.match(r"-{1,2}\w", line)]
        check(len(options) > 6, f"options: {options}")
        (where / "all.conf").write_text("\n".join(options) + "\n")
        run(where / "usr/bin/cloakroomd", f"--config={where}/all.conf", "--version")


def test_manual_pages_are_well_formed():
    if shutil.which("man") is None:
        return
    with folder() as where:
        install(where)
        for page in (where / "usr/share/man").rglob("*.[18]"):
            said = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page,
                       env=os.environ | {"MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
            warnings = [line for line in said.splitlines() if "warning" in line]
            check(not warnings, f"{page.name}: {warnings[:3]}")


def test_completion_is_a_script():
    with folder() as where:
        install(where)
        run("bash", "-n", where / "usr/share/bash-completion/completions/cloakroom")
        run("sh", "-n", where / "usr/sbin/cloakroom-take-over-memcached")


def test_the_unit_is_sound_and_closed():
    if shutil.which("systemd-analyze") is None:
        return
    with folder() as where:
        install(where)
        unit = where / "usr/lib/systemd/system/cloakroom.service"
        told = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
        exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", told)[1])
        check(exposure < EXPOSURE_MOST, f"exposure {exposure}, not below {EXPOSURE_MOST}")
        unit.write_text(unit.read_text().replace("/usr/bin/cloakroomd", str(where / "usr/bin/cloakroomd")))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit, unit.with_suffix(".socket")],
                              capture_output=True, text=True, timeout=60)
        ours = [line for line in done.stderr.splitlines() if "cloakroom" in line]
        check(not ours, f"systemd-analyze verify: {ours}")


# ---- in the place of memcached ----


DEBIANS = "-d\nlogfile /var/log/memcached.log\n-m 64\n-p 11211\n-u memcache\n-l 127.0.0.1\n-l ::1\n" \
          "-P /var/run/memcached/memcached.pid\n"


def take_over(where, *words, status=0):
    """The installed command, in a folder that stands for /, with the server of this build."""
    script = where / "usr/sbin/cloakroom-take-over-memcached"
    text = script.read_text().replace("/usr/bin/cloakroomd --config=\"$ROOT", f"{build}/cloakroomd --config=\"$ROOT")
    script.write_text(text)
    return run(script, *words, status=status, env=os.environ | {"CLOAKROOM_ROOT": str(where)})


def test_memcacheds_place_is_taken_and_given_back():
    with folder() as where:
        install(where)
        (where / "etc/memcached.conf").write_text(DEBIANS)
        drop_in = where / "etc/systemd/system/cloakroom.service.d/memcached.conf"
        told = take_over(where, "--dry-run")
        check("disable --now memcached.service" in told and not drop_in.exists(), told)
        told = take_over(where)
        steps = [told.index(step) for step in ("disable --now memcached.service", "restart cloakroom.service")]
        check(steps == sorted(steps), told)
        text = drop_in.read_text()
        check("ExecStart=\nExecStart=/usr/bin/cloakroomd --data /var/lib/cloakroom --config=/etc/memcached.conf\n"
              in text, text)
        told = take_over(where, "--undo")
        check("enable --now memcached.service" in told and not drop_in.exists(), told)
        check("nothing to undo" in take_over(where, "--undo", status=1), "undone twice")


def test_what_is_not_understood_is_not_taken_over():
    with folder() as where:
        install(where)
        (where / "etc/memcached.conf").write_text(DEBIANS + "--not-an-option 1\n")
        told = take_over(where, status=1)
        check("--not-an-option" in told and "does not understand" in told, told)
        check(not (where / "etc/systemd").exists(), "something was changed")
        check("cannot be read" in take_over(where, "/etc/nothing.conf", status=1), "a missing file")
        check("whole path" in take_over(where, "memcached.conf", status=1), "a relative name")


def main():
    global build
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=build, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="NAME")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    counts = {True: 0, False: 0}
    for name, function in list(globals().items()):
        if not name.startswith("test_") or args.only not in name:
            continue
        begin = time.monotonic()
        why = ""
        try:
            function()
        except Exception as error:
            why = f": {type(error).__name__}: {error}"
        counts[not why] += 1
        print(f"{'FAIL' if why else 'ok  '} {name[5:].replace('_', ' ')} ({time.monotonic() - begin:.1f} s){why}")
    print(f"install: {counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main())
