"""Where it listens: unix sockets and what lies in their way, IPv6, lists, and listeners that allow less."""

import os
import socket
import stat

import harness
import wire
from harness import Skip, check, equal, folder, server
from startup import refused
from wire import Client


def unix(where, name="s.sock", *more):
    return ["-s", str(where / name), *more]


def test_unix_socket_left_behind():
    with folder() as where:
        with server(*unix(where), listen=False) as s:
            s.kill()
        check((where / "s.sock").is_socket(), "SIGKILL should leave the socket behind")
        with server(*unix(where), listen=False) as s, Client(s.address) as c:
            c.store("k", b"v")
        check(not (where / "s.sock").exists(), "the socket should go with its server")


def test_unix_socket_in_use():
    with folder() as where, server(*unix(where), listen=False) as s:
        refused([*unix(where), *harness.as_root()], "s.sock", "another server", "stop it")
        with Client(s.address) as c:
            c.store("k", b"v")


def test_unix_socket_where_a_file_is():
    with folder() as where:
        (where / "s.sock").write_text("precious")
        refused([*unix(where), *harness.as_root()], "s.sock", "no socket")
        equal((where / "s.sock").read_text(), "precious", "the file in the way")
        (where / "link").symlink_to(where / "s.sock")
        refused([*unix(where, "link"), *harness.as_root()], "link", "no socket")
        equal((where / "s.sock").read_text(), "precious", "the file behind the link in the way")


def test_unix_socket_mode():
    with folder() as where:
        for options, wanted in (([], 0o700), (["-a", "0770"], 0o770), (["-a", "666"], 0o666)):
            with server(*unix(where), *options, listen=False) as s:
                mode = stat.S_IMODE(os.stat(s.address).st_mode)
                equal(oct(mode), oct(wanted), f"mode with {options}")


def test_unix_socket_belongs_to_u():
    """As with memcached: else -a 0770 opens it to root's group, and the server cannot remove it."""
    if os.geteuid() != 0:
        raise Skip("not root")
    with folder() as where:
        os.chown(where, harness.NOBODY, -1)
        with harness.server(*unix(where, "s.sock", "-a", "0770"), "-u", "nobody", listen=False,
                            env={"ASAN_OPTIONS": "detect_leaks=0"}) as s:
            equal(os.stat(s.address).st_uid, harness.NOBODY, "the socket's owner")


def test_failed_start_leaves_no_socket():
    with folder() as where, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused([*unix(where), "-l", address, *harness.as_root()], "in use")
        equal(os.listdir(where), [], "left behind")


def test_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
            free = s.getsockname()[1]
    except OSError:
        raise Skip("no ::1 here") from None
    with server("-l", "[::1]:0", listen=False) as s, Client(("::1", s.ports[0])) as c:
        c.store("k", b"v")
    with server("-l", "::1", "-p", str(free), listen=False) as s, Client(("::1", free)) as c:
        c.store("k", b"v")


def test_lists():
    with folder() as where:
        with server("-l", "127.0.0.1:0,127.0.0.2:0", "-l", "127.0.0.3:0", *unix(where), listen=False) as s:
            addresses = [str(where / "s.sock")] + [(f"127.0.0.{i + 1}", s.ports[i]) for i in range(3)]
            for i, address in enumerate(addresses):
                with Client(address) as c:
                    c.store(f"k{i}", b"v")
                    equal(len([k for k in range(4) if c.get(f"k{k}")]), i + 1, "items seen")


def narrow(role):
    """A server with an open listener and a narrow one: (server, address of the narrow one)."""
    return server("-l", f"{role}:127.0.0.1:0")


def check_denied(client, requests, what):
    for line, value in requests:
        answer = client.command(line, value)
        check(answer.startswith("CLIENT_ERROR") and "not allowed" in answer, f"{what}: {line!r} got {answer!r}")


ADMIN = [(line, None) for line in ("flush_all", "flush_all 0", "verbosity 1", "shutdown", "shutdown graceful", "watch fetchers",
                                   "cache_memlimit 64", "refresh_certs", "lru_crawler disable", "slabs automove 0",
                                   "lru mode flat", "stats reset", "stats detail on", "sl", "se", "sk tag g")]
WRITES = [("set k 0 0 1", b"w"), ("add n 0 0 1", b"w"), ("append k 0 0 1", b"w"), ("cas k 0 0 1 1", b"w"),
          ("delete k", None), ("incr k 1", None), ("touch k 0", None), ("gat 0 k", None)]


def test_readonly_in_text():
    with narrow("readonly") as s, Client(s.address) as whole, Client(("127.0.0.1", s.ports[1])) as c:
        whole.store("k", b"v")
        check_denied(c, WRITES + ADMIN, "readonly")
        equal(c.get("k"), b"v", "get")
        check("pid" in c.stats(), "stats")
        equal(c.command("version")[:7], "VERSION", "version")
        c.send(b"set k 0 0 1 noreply\r\nw\r\nmn\r\n")
        equal(c.line(), "MN", "set noreply is refused silently")
        equal(whole.get("k"), b"v", "the item")


def test_readonly_meta():
    """What changes nothing goes: and nobody there is told to renew an item, as he could not."""
    writes = [("ms k 1 q", b"w"), ("md k q", None), ("md k I", None), ("ma k q", None), ("mg k T0 q", None),
              ("mg none N30", None)]
    with narrow("readonly") as s, Client(s.address) as whole, Client(("127.0.0.1", s.ports[1])) as c:
        equal(whole.command("ms k 1 T30", b"v"), "HD", "ms")
        equal(whole.command("md k I"), "HD", "md")
        check_denied(c, writes, "readonly")
        equal(c.command("mg k s R60"), "HD s1 X", "mg of a stale item")
        equal(c.command("me none"), "EN", "me")
        equal(c.command("mn"), "MN", "mn")
        equal(whole.command("mg k s"), "HD s1 X W", "mg where one may write")


def test_readonly_answers_gat_once():
    """One line, one answer, however many keys: or all that a pipelining client reads after it is one off."""
    with narrow("readonly") as s, Client(("127.0.0.1", s.ports[1])) as c:
        c.send(b"gat 0 a b c\r\nmn\r\n")
        check("not allowed" in c.line(), "gat")
        equal(c.line(), "MN", "what follows one refused gat of three keys")


def test_noadmin_in_text():
    with narrow("noadmin") as s, Client(("127.0.0.1", s.ports[1])) as c:
        c.store("k", b"1")
        check_denied(c, ADMIN, "noadmin")
        equal(c.command("incr k 1"), "2", "incr")
        c.send(b"gat 100 k\r\n")
        equal(c.hits(), {"k": b"2"}, "gat")
        equal(c.command("delete k"), "DELETED", "delete")


def test_stats_reset_is_for_admins():
    """As server/listener.h has it."""
    for role in ("readonly", "noadmin"):
        with narrow(role) as s, Client(("127.0.0.1", s.ports[1])) as c:
            check_denied(c, [("stats reset", None)], role)


def test_narrow_listeners_in_binary():
    flush = (wire.FLUSH, b"")
    writes = [(wire.SET, b"k", bytes(8), b"w"), (wire.DELETE, b"k"), (wire.GAT, b"k", bytes(4)),
              (wire.INCR, b"k", bytes(20))]
    for role, denied in (("readonly", [flush, *writes]), ("noadmin", [flush])):
        with narrow(role) as s, Client(s.address) as whole, Client(("127.0.0.1", s.ports[1])) as c:
            whole.store("k", b"v")
            for request in denied:
                equal(c.packet(*request)[1], wire.DENIED, f"status of {request} when {role}")
            equal(c.packet(wire.GET, b"k")[1:], (0, b"v"), f"get when {role}")
            equal(c.packet(wire.NOOP)[1], 0, f"noop when {role}")
            if role == "noadmin":
                equal(c.packet(wire.SET, b"k", bytes(8), b"w")[1], 0, "set when noadmin")
                equal(whole.get("k"), b"w", "the item")
