"""What is refused at the start, each time in one line that says what to do; and what a config file may hold."""

import contextlib
import os
import resource
import socket

import harness
import wire
from harness import MIB, attempt, check, equal, folder, server
from wire import Client


def refused(options, *wanted, **how):
    """The server must end with status 1 and one line that has all of `wanted`; returns the line."""
    status, said = attempt(options, **how)
    where = " ".join(options)
    equal(status, 1, f"{where}: status, having said {said!r}")
    check(" level=error event=start_failed msg=\"" in said and said.count("\n") == 1, f"{where}: not one line: {said!r}")
    for word in wanted:
        check(word in said, f"{where}: no {word!r} in {said!r}")
    return said


def test_unknown_options_name_the_nearest():
    refused(["--porrt", "1"], "unknown option --porrt", "--port")
    refused(["--memory-limt", "64"], "unknown option --memory-limt", "--memory-limit")
    refused(["--evict-session"], "unknown option", "--evict-sessions")
    refused(["--xyzzyq"], "unknown option --xyzzyq", "--help")
    refused(["-Q"], "unknown option -Q", "--help")
    refused(["-dQ"], "unknown option -Q", "--help")
    refused(["11211"], "11211", "no option")


def test_bad_values():
    refused(["-p", "x"], "-p x", "0 to 65535")
    refused(["-p", "70000"], "-p 70000", "0 to 65535")
    refused(["-p"], "-p", "needs a value")
    refused(["-t", "0"], "-t 0", "1 to 64")
    refused(["-c", "0"], "-c 0", "1 to 1000000")
    refused(["-I", "5"], "-I 5", "1k to 1g")
    refused(["-I", "1z"], "-I 1z", "k, m or g")
    refused(["-m", "64", "-I", "33m"], "-I: at most half of -m")
    refused(["-S", "-B", "ascii", "-Y", "/dev/null"], "-S: SASL is of the binary protocol alone")
    refused(["-S", "-B", "auto"], "-S: SASL is of the binary protocol alone")
    refused(["-a", "0999"], "-a 0999", "octal")
    refused(["--port="], "port must be")
    refused(["--help=yes"], "takes no value")


def test_bad_addresses():
    refused(["-l", "127.0.0.1:99999"], "-l 127.0.0.1:99999", "addr:port")
    refused(["-l", "[::1"], "-l [::1", "[v6]:port")
    refused(["-l", "192.0.2.1:0"], "192.0.2.1", "no such address")
    refused(["-l", "no.such.host.invalid:0"], "no.such.host.invalid")
    refused(["-U", "70000"], "-U 70000", "0 to 65535")
    refused(["-U", "-1", "-S"], "-U: nobody can log in over UDP")
    refused(["-s", "/tmp/" + "x" * 200], "too long")
    refused(["-s", "/no/such/folder/socket"], "/no/such/folder/socket", "No such file", "its folder must be there")


def test_help_and_version():
    status, said = attempt(["-h"])
    equal(status, 0, "status of -h")
    for word in ("--port", "--memory-limit", "--evict-sessions", "--config"):
        check(word in said, f"-h does not tell of {word}")
    equal(attempt(["--help"]), (0, said), "--help, as -h")
    status, said = attempt(["-V"])
    equal((status, said.count("\n"), said.split()[0]), (0, 1, "cloakroomd"), f"-V, which said {said!r}")


def test_port_in_use():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = str(s.getsockname()[1])
        refused([*harness.as_root(), "-l", "127.0.0.1", "-p", port], port, "in use", "-p")


def test_file_of_ports():
    """MEMCACHED_PORT_FILENAME, and a port of the system's choice."""
    with folder() as where:
        path = where / "ports"
        told = {"MEMCACHED_PORT_FILENAME": str(path)}
        path.write_text("an old one\n")
        with server("-p", "-1", listen=False, env=told) as s:
            equal(path.read_text(), f"TCP INET: {s.address[1]}\n", "the file")
            check(s.address[1] not in (0, 11211), "a port of the system's choice")
        with server("-l", "127.0.0.1:0,127.0.0.2:0", listen=False, env=told) as s:
            equal(path.read_text(), "".join(f"TCP INET: {port}\n" for port in s.ports), "two ports")
        equal([p.name for p in where.iterdir()], ["ports"], "what is left there")
        before = path.read_text()
        with server("-s", str(where / "socket"), listen=False, env=told):
            equal(path.read_text(), before, "with a socket file alone, the file")


def test_users():
    if os.geteuid() != 0:
        raise harness.Skip("not root")
    refused(["-l", "127.0.0.1:0"], "started as root", "-u")
    refused(["-l", "127.0.0.1:0", "-u", "nosuchuser"], "-u nosuchuser", "no such user")


def test_other_users_need_no_u():
    """And a -u is left aside, as memcached does."""
    user = harness.NOBODY if os.geteuid() == 0 else None
    with server(user=user) as s, Client(s.address) as c:
        c.store("k", b"v")
    with server("-u", "root", user=user) as s, Client(s.address) as c:
        c.store("k", b"v")


def test_u_is_obeyed():
    if os.geteuid() != 0:
        raise harness.Skip("not root")
    # A process that has changed its user cannot be looked at by LeakSanitizer.
    env = {"ASAN_OPTIONS": "detect_leaks=0"}
    with server("-u", "nobody", user=None, env=env) as s, Client(s.address) as c:
        c.store("k", b"v")
        equal(os.stat(f"/proc/{s.child.pid}/task").st_uid, harness.NOBODY, "the server's user")


def test_memory_limits():
    refused(["-m", "1"], "-m 1", "2 to")
    with server("-m", "2") as s, Client(s.address) as c:
        c.store("k", b"v" * 100000)
        equal(c.stats()["limit_maxbytes"], 2 * MIB, "limit_maxbytes")


def test_huge_memory_limit():
    """Either it starts, as memory is taken when it is needed, or it says why not."""
    if harness.is_sanitized():
        raise harness.Skip("a sanitizer marks all of it, which takes memory and a minute")
    options = ["-l", "127.0.0.1:0", *harness.as_root(), "-m", "2000000"]
    try:
        with server(*options[2:]) as s, Client(s.address) as c:
            c.store("k", b"v")
            s.check_memory(100)
    except AssertionError:
        refused(options, "-m")


def test_too_many_connections_for_the_limit():
    user = harness.NOBODY if os.geteuid() == 0 else None
    refused(["-l", "127.0.0.1:0", "-c", "1000000"], "-c 1000000", "1000", "ulimit -n", "lower -c",
            user=user, limits={resource.RLIMIT_NOFILE: 1000})


def test_no_address_space_to_start():
    """As under ulimit -v, or in a small container without overcommitment."""
    if harness.is_sanitized():
        raise harness.Skip("a sanitizer needs address space of its own")
    listen = ["-l", "127.0.0.1:0", *harness.as_root()]
    for limit, options in ((40, ["-t", "16"]), (40, ["-m", "64"]), (300, ["-m", "100000"])):
        refused([*listen, *options], "cannot", "memory", limits={resource.RLIMIT_AS: limit * MIB})


def try_set(address, key, value):
    """STORED, refused, or "closed": there was not even room to read it."""
    with contextlib.suppress(ConnectionError, wire.Closed), Client(address) as c:
        return c.set(key, value)
    return "closed"


def test_no_address_space_to_run():
    """What the system does not give is refused: no crash, and what needs none goes on."""
    if harness.is_sanitized():
        raise harness.Skip("a sanitizer needs address space of its own")
    value = b"x" * 100000
    with server("-t", "1", "-m", "64", limits={resource.RLIMIT_AS: 130 * MIB}) as s, Client(s.address) as c:
        c.store("first", b"v")
        answers = [try_set(s.address, f"memc.sess.key.{i}", value) for i in range(1000)]
        check(answers[0] == "STORED" and answers[-1] != "STORED", f"answers {set(answers)}")
        for answer in set(answers):
            check(answer in ("STORED", "closed") or answer.startswith("SERVER_ERROR out of memory"), answer)
        equal(c.get("first"), b"v", "a small value")
        equal(c.command("delete memc.sess.key.0"), "DELETED", "delete")


def test_config_file():
    text = """\
# a comment, as in memcached.conf

-m 8     # behind an option
   -l 127.0.0.1:0
-c 100
-t 2
threads 3
memory-limit=9
--session-prefix "shop."
"""
    with folder() as where:
        (where / "c.conf").write_text(text)
        with server("--config", str(where / "c.conf"), listen=False) as s, Client(s.address) as c:
            stats = c.stats()
            equal(stats["limit_maxbytes"], 9 * MIB, "-m, from the last line that gives it")
            equal((stats["max_connections"], stats["threads"]), (100, 3), "-c and -t")
            c.store("shop.1", b"v")
            equal(c.stats()["cloakroom_sessions"], 1, "sessions")
        with server("--config", str(where / "c.conf"), "-m", "4", listen=False) as s, Client(s.address) as c:
            equal(c.stats()["limit_maxbytes"], 4 * MIB, "-m, given after the file")


def test_config_file_errors():
    with folder() as where:
        path = where / "c.conf"
        for text, line, *wanted in (("-m 64\n\n-p x\n", 3, "-p x"), ("-m 64\nporrt 1\n", 2, "port"),
                                    ("# c\n-m\n", 2, "needs a value"), ("-P \"x\n", 1, "quote")):
            path.write_text(text)
            refused(["--config", str(path)], f"{path}:{line}:", *wanted)
        refused(["--config", str(where / "none")], str(where / "none"), "No such file")
        path.write_text(f"--config {path}\n")
        refused(["--config", str(path)], "deep")


def test_debians_own_config_file():
    """The file that Debian's package installs, but for the port and the user."""
    text = ("# memcached default config file\n-d\nlogfile /var/log/memcached.log\n# -v\n-m 64\n-p 11211\n"
            "-l 127.0.0.1\n-P {}/memcached.pid\n")
    with folder() as where, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        (where / "c.conf").write_text(text.format(where))
        # It gets as far as the port, which is in use; the log file is ignored, and the operator told so.
        status, said = attempt(["--config", str(where / "c.conf"), *harness.as_root(), "-p", port])
        equal(status, 1, f"status, having said {said!r}")
        check("unknown" not in said and "in use" in said.splitlines()[-1], f"said {said!r}")
