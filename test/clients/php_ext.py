#!/usr/bin/env python3
"""The PHP extension: its phpt tests by PHP's own run-tests.php, and the processes of contention.py, on a new server.

    phpt         php/tests/*.phpt, one after the other; --only picks by a piece of the name
    contention   8 processes x 50 cycles on one session: exact, nobody refused, in 1.10 times of the ideal; who waits for a
                 holder that is killed has the session within 20 ms
    plain        8 processes x 50 cycles on one session of a memcached that knows no session verbs: exact, nobody refused
    symbols      the extension shows PHP nothing but get_module(), and writes to no variable but the module's own
    package      what composer.json, config.m4, the arginfo, cloakroom.ini and the table of settings say of the sources is so
    phpize       it can be built the packagers' way, and be loaded (only when asked for; half a minute)
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import contention
import harness

PHPT_S = 240
CYCLES_MOST = 1.10
PARTS = ("phpt", "contention", "plain", "symbols", "package")
PHPIZE_S = 300
TESTS = harness.ROOT / "php/tests"
# What may be written to: the module's entry (PHP numbers it), its globals, and what compiler and linker add.
WRITABLE = {"cloakroom_module_entry", "cloakroom_globals", "__dso_handle", "__TMC_END__", "completed.0"}


def run_tests_php():
    api = subprocess.run(["php-config", "--phpapi"], capture_output=True, text=True, check=True).stdout.strip()
    path = pathlib.Path(f"/usr/lib/php/{api}/build/run-tests.php")
    if not path.exists():
        sys.exit(f"no {path}: `tools/deps check` installs php-dev")
    return path


def settings(extension, address):
    return {"extension": extension, "session.save_handler": "cloakroom", "session.save_path": address,
            "session.use_cookies": "0", "session.cache_limiter": "", "session.use_strict_mode": "0",
            "session.gc_probability": "0"}


def run_phpt(where, extension, server, socket, port, only):
    """(passed, failed) of PHP's own runner, on a copy of the tests, as it writes beside them."""
    copy = where / "tests"
    shutil.copytree(TESTS, copy)
    tests = sorted(str(path) for path in copy.glob("*.phpt") if only in path.name)
    if not tests:
        return 0, 0
    command = ["php", "-n", str(run_tests_php()), "-n", "-q", "-p", shutil.which("php"), "--show-diff", "--no-color"]
    for name, value in settings(extension, f"unix://{socket}").items():
        command += ["-d", f"{name}={value}"]
    # What the helpers use and this PHP has as modules of their own.
    for module in ("posix",):
        command += ["-d", f"extension={module}"]
    code, out = harness.run(command + tests, PHPT_S,
                            {"CLOAKROOM_SO": extension, "CLOAKROOMD": server, "CLOAKROOM_SOCKET": socket,
                             "CLOAKROOM_PORT": str(port), "NO_INTERACTION": "1", "TEST_PHP_EXECUTABLE": shutil.which("php")})
    count = {word: len(re.findall(rf"^{word} .*\.phpt", out, re.M)) for word in ("PASS", "FAIL", "SKIP", "BORK", "WARN")}
    bad = len(tests) - count["PASS"]
    print(out if bad or code else "\n".join(re.findall(r"^PASS .*$", out, re.M)).replace(str(copy) + "/", ""))
    return count["PASS"], bad or int(code != 0)


def run_contention(where, extension, socket):
    environment = harness.write_ini(where / "contention", settings(extension, f"unix://{socket}"))
    passed = failed = 0
    for name, part in contention.PARTS.items():
        def limited(env, part=part, name=name):
            found = part(env)
            return found | {"most": CYCLES_MOST} if name == "cycles" else found
        is_good, found = contention.judge(environment, limited)
        print(f"{'ok  ' if is_good else 'FAIL'} cloakroom: {name}: {contention.say(found)}", flush=True)
        passed += is_good
        failed += not is_good
    return passed, failed


def run_plain(where, extension):
    folder = where / "plain-server"
    folder.mkdir()
    with harness.unix_server("memcached", folder) as socket:
        found = contention.cycles(harness.write_ini(where / "plain", settings(extension, f"unix://{socket}")))
    is_good = not (found["refused"] or found["warnings"] or found["lost"])
    print(f"{'ok  ' if is_good else 'FAIL'} cloakroom on memcached: cycles: {found['ratio']:.2f} of the ideal, refused "
          f"{found['refused']}, warnings {found['warnings']}, lost {found['lost']}", flush=True)
    return int(is_good), int(not is_good)


def nm(extension, *options):
    """Rows of name, value, class, type, size, line, section."""
    out = subprocess.run(["nm", "--format=sysv", *options, extension], capture_output=True, text=True, check=True).stdout
    return [[cell.strip() for cell in line.split("|")] for line in out.splitlines() if line.count("|") == 6]


def run_symbols(extension):
    found = {"shown to PHP": {row[0] for row in nm(extension, "-D", "--defined-only")} - {"get_module"},
             "written to": {row[0] for row in nm(extension) if row[6] in (".data", ".bss", ".tdata", ".tbss")} - WRITABLE}
    for what, names in found.items():
        print(f"{'FAIL' if names else 'ok  '} symbols {what}: {' '.join(sorted(names)) or 'only what has to be'}")
    failed = sum(bool(names) for names in found.values())
    return len(found) - failed, failed


def read_ini(text):
    """name -> default, of lines that are commented out"""
    return dict(re.findall(r'^;([a-z_]+\.[a-z_]+) = "?([^"\n]*)"?$', text, re.M))


def documented(docs):
    """name -> default, of the table of settings in docs/php.md"""
    rows = re.findall(r"^\| `(cloakroom\.\w+|session\.cloakroom_\w+)` \| (.*?) ?(?<!\\)\|", docs, re.M)
    return {name: cell.replace("\\|", "|").strip("`") for name, cell in rows}


def is_default(said, default):
    """`500 ms`, `0: off`, nothing, or the beginning of what is long."""
    if said.endswith("…"):
        return default.startswith(said[:-1])
    return re.split("[: ]", said)[0] == default


def run_package(extension):
    php = harness.ROOT / "php"
    composer = json.loads((harness.ROOT / "composer.json").read_text())["php-ext"]
    config = (php / "config.m4").read_text()
    stub = hashlib.sha1((php / "cloakroom.stub.php").read_bytes()).hexdigest()
    sources = set(re.search(r"PHP_NEW_EXTENSION\(\[cloakroom\], \[([^\]]*)\]", config)[1].split())
    code = "echo json_encode(array_map(fn ($one) => $one['global_value'] ?? '', ini_get_all('cloakroom')));"
    settings = json.loads(subprocess.run(["php", "-n", "-d", f"extension={extension}", "-r", code], capture_output=True,
                                         text=True, check=True).stdout)
    docs = (harness.ROOT / "docs/php.md").read_text()
    right = {
        "cloakroom.ini has each setting with its default": read_ini((php / "cloakroom.ini").read_text()) == settings,
        "docs/php.md has each setting with its default":
            documented(docs).keys() == settings.keys() and
            [name for name, said in documented(docs).items() if not is_default(said, settings[name])] == [],
        "config.m4 names all sources": sources == {path.name for path in php.glob("*.c")},
        "composer.json: build-path has a config.m4": (harness.ROOT / composer["build-path"] / "config.m4").exists(),
        "composer.json: the name is that of config.m4": f"PHP_NEW_EXTENSION([{composer['extension-name']}]" in config,
        "composer.json: options are those of config.m4":
            {option["name"] for option in composer["configure-options"]} == set(re.findall(r"--([a-z-]+)\]", config)),
        "the arginfo has the hash of the stub": f"* Stub hash: {stub} */" in (php / "cloakroom_arginfo.h").read_text(),
    }
    for what, is_so in right.items():
        print(f"{'ok  ' if is_so else 'FAIL'} package: {what}")
    return sum(right.values()), len(right) - sum(right.values())


def run_phpize():
    code, out = harness.run(["make", "-C", str(harness.ROOT), "php-phpize"], PHPIZE_S)
    is_good = code == 0 and re.search(r"^Version => ", out, re.M) is not None
    print(f"{'ok  ' if is_good else 'FAIL'} phpize: built and loaded" + ("" if is_good else f"\n{out[-2000:]}"))
    return int(is_good), int(not is_good)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="only phpt tests with these words in the name")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(PARTS)}; without one: all")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    server = harness.program(options.server)[0]
    extension = os.path.join(os.path.dirname(server), "cloakroom.so")
    if not os.path.exists(extension):
        sys.exit(f"no {extension}: build it with `make php`")
    unknown = [part for part in options.parts if part not in (*PARTS, "phpize")]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    parts = ["phpt"] if options.only else options.parts or PARTS
    results = []
    with harness.folder() as where:
        port, socket = harness.free_port(), str(where / "server.sock")
        with harness.started(options.server, ["-s", socket, "-a", "700", "-l", "127.0.0.1", "-p", str(port)],
                             harness.socket.AF_UNIX, socket, where / "server.log"):
            if "phpt" in parts:
                results.append(run_phpt(where, extension, server, socket, port, options.only))
            if "contention" in parts:
                results.append(run_contention(where, extension, socket))
        if "plain" in parts:
            results.append(run_plain(where, extension))
    if "symbols" in parts:
        results.append(run_symbols(extension))
    if "package" in parts:
        results.append(run_package(extension))
    if "phpize" in parts:
        results.append(run_phpize())
    passed, failed = (sum(column) for column in zip(*results))
    print(f"php: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
