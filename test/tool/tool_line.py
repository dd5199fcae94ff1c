"""The command line: options, help, manual page and completion, which all come from the same tables; exit codes."""

import re
import subprocess

import harness
from harness import check, equal, folder
from tool import NOWHERE, environment, fails, program, succeeds, tool


def commands():
    """The names that the help has, each described in one line."""
    text = succeeds("help").out
    part = text.split("Commands")[1].split("\n\n")[0]
    names = [line.split()[0] for line in part.splitlines()[1:]]
    check({"bench", "check", "completion", "count", "events", "help", "kill", "list", "ping", "show", "stats", "top",
           "version"} <= set(names), f"commands: {names}")
    equal(names, sorted(names), "their order")
    return names


def options_of(text):
    return set(re.findall(r"^(?:-\w, |    )--([a-z-]+)", text, re.M))


def test_help_of_each():
    equal(succeeds("help").out, succeeds("--help").out, "help and --help")
    common = options_of(succeeds("help").out)
    check({"server", "json", "bytes", "timeout-ms", "help", "version", "manual"} <= common, f"options of all: {common}")
    for name in commands():
        text = succeeds("help", name).out
        check(text.startswith(f"cloakroom {name}"), text)
        equal(text, succeeds(name, "--help").out, f"help {name} and {name} --help")
        equal(text, succeeds("-h", name).out, f"help {name} and -h {name}")
        check(all(len(line) <= 120 for line in text.splitlines()), f"a line of {name} is too long")
        check(not options_of(text) & common, f"{name} tells an option of all again")


def test_exit_codes_are_told():
    for text in (succeeds("help").out, succeeds("--manual").out):
        for code in range(5):
            check(re.search(rf"^(\.B )?{code}\b", text, re.M), f"nothing about exit code {code}")


def test_what_is_not_understood():
    fails(2, "a command is missing")
    fails(2, "did you mean stats?", "stat")
    fails(2, "`cloakroom help` lists", "xyzzyx")
    fails(2, "did you mean --server?", "ping", "--sever", "x")
    fails(2, "did you mean ping?", "help", "pin")
    fails(2, "unknown option --repair", "stats", "--repair")
    fails(2, "unknown option --repair", "--repair", "check", "x")
    fails(2, "unknown option -x", "-x", "ping")
    fails(2, "needs a value", "ping", "--server")
    fails(2, "takes no value", "ping", "--json=1")
    fails(2, "timeout-ms must be a number", "-t", "soon", "ping")
    fails(2, "too many words", "ping", "1", "2")
    fails(2, "times must be a number", "ping", "0")
    fails(2, "for which shell", "completion")
    fails(2, "for which shell", "completion", "fish")
    fails(2, "the directory is missing", "check")
    fails(2, "port is missing", "ping", server="localhost")


def test_options_of_all_stand_anywhere():
    with harness.server() as s:
        address = f"127.0.0.1:{s.ports[0]}"
        for words in (["-s", address, "ping", "--json", "1"], ["ping", "1", f"-s{address}", "-j"],
                      [f"--server={address}", "-jt", "900", "ping", "1"], ["-j", "--", "ping", "1", "-s", address][:4]):
            env = {"CLOAKROOM_SERVER": address if "--" in words else NOWHERE}
            equal(succeeds(*words, env=env).json()["answered"], 1, f"answers to {words}")


def test_manual_is_clean():
    page = succeeds("--manual").out
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z"], input=page, capture_output=True, text=True, timeout=20)
    equal((done.returncode, done.stderr), (0, ""), "what groff says")
    shown = subprocess.run(["groff", "-man", "-Tascii", "-P-c"], input=page, capture_output=True, text=True, timeout=20).stdout
    shown = re.sub(".\b", "", shown)
    for name in commands():
        check(re.search(rf"^   {name}\b", shown, re.M), f"{name} has no section")
        for option in options_of(succeeds("help", name).out):
            check(re.search(rf"--{option}\b", shown), f"--{option} of {name} is not in the manual page")
    built = sorted(harness.ROOT.glob("build/*/cloakroom.1"))
    check(built and built[0].read_text().startswith(".TH CLOAKROOM 1"), "make builds the page")


def complete(script, line):
    """What bash offers at the end of the line."""
    words = line.split(" ")
    listed = " ".join("'" + word.replace("'", "") + "'" for word in words)
    text = f"""{script}
        COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}
        _cloakroom 2>&1; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "--norc", "-u", "-c", text], capture_output=True, text=True, timeout=20,
                          env=environment())
    equal(done.stderr, "", f"what bash says to {line!r}")
    return sorted(word for word in done.stdout.split("\n") if word)


def test_completion_by_bash():
    script = succeeds("completion", "bash").out
    names = commands()
    for line in ("cloakroom ", "cloakroom -s x ", "cloakroom --server = x ", "cloakroom --json -t 5 ", "cloakroom help "):
        equal(complete(script, line), names, f"offered to {line!r}")
    equal(complete(script, "cloakroom sta"), ["stats"], "a beginning")
    equal(complete(script, "cloakroom completion "), ["bash"], "shells")
    for line in ("cloakroom ping -s ", "cloakroom ping --server = ", "cloakroom -t 5", "cloakroom ping "):
        equal(complete(script, line), [], f"offered to {line!r}")
    orders = sorted(["age", "idle", "left", "size", "waiting", "held"])
    for line in ("cloakroom list --sort ", "cloakroom list --tag x --sort ", "cloakroom list --sort = "):
        equal(complete(script, line), orders, f"offered to {line!r}")
    equal(complete(script, "cloakroom -s x list --sort w"), ["waiting"], "a beginning")
    equal(complete(script, "cloakroom count --sort "), [], "an option of another command")
    common = sorted(f"--{name}" for name in options_of(succeeds("help").out))
    equal(complete(script, "cloakroom -"), common, "options of all")
    for name in names:
        own = [f"--{option}" for option in options_of(succeeds("help", name).out)]
        equal(complete(script, f"cloakroom {name} --"), sorted(common + own), f"options of {name}")
    with folder() as where:
        (where / "data-1").mkdir()
        (where / "data-file").write_text("")
        equal(complete(script, f"cloakroom check {where}/data"), [f"{where}/data-1"], "directories")
        for line in (f"cloakroom --login {where}/data", f"cloakroom list --login = {where}/data"):
            equal(complete(script, line), [f"{where}/data-1", f"{where}/data-file"], f"files offered to {line!r}")


def test_make_install():
    """All is where it is looked for; and what is there works."""
    newest = max(harness.ROOT.glob("build/*/cloakroom.1"), key=lambda path: path.stat().st_mtime)
    profile = newest.parent.name
    with folder() as where:
        done = subprocess.run(["make", "-C", harness.ROOT, f"P={profile}", "install", f"DESTDIR={where}", "prefix=/usr"],
                              capture_output=True, text=True, timeout=300 * harness.slow)
        equal(done.returncode, 0, f"status of make install: {done.stderr}")
        for name in ("bin/cloakroom", "share/bash-completion/completions/cloakroom", "share/man/man1/cloakroom.1"):
            check((where / "usr" / name).is_file(), f"{name} is not there")
        script = (where / "usr/share/bash-completion/completions/cloakroom").read_text()
        equal(complete(script, "cloakroom vers"), ["version"], "a beginning")
        done = subprocess.run([where / "usr/bin/cloakroom", "--version"], capture_output=True, text=True, timeout=20)
        equal(done.stdout, succeeds("--version").out, "the tool that was installed")


def test_output_that_cannot_be_written():
    for words in (["help"], ["--version"], ["completion", "bash"], ["--manual"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([program(), *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
        equal(done.returncode, 4, f"{words} to a full disk")
        check("cannot be written" in done.stderr, done.stderr)
    done = tool("check", "/nowhere")
    equal((done.code, done.out), (4, ""), "a directory that is not there")
