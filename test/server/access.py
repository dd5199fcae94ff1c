"""Who may do anything: users and passwords, in text (-Y) and by SASL in binary (-S)."""

import os
import signal
import struct
import time

from harness import as_root, check, equal, folder, server, wait_for
from startup import refused
from wire import DENIED, GET, NOOP, Client, Closed, packet, read_all

VERSION, SASL_LIST, SASL_AUTH, SASL_STEP = 0x0B, 0x20, 0x21, 0x22
UNAUTHENTICATED = "CLIENT_ERROR unauthenticated"
FAILURE = "CLIENT_ERROR authentication failure"


def users(where, text="alice:secret\nbob:pass2\n"):
    path = where / "users"
    path.write_text(text)
    return path


def log_in(client, user="alice", password="secret"):
    token = f"{user} {password}".encode()
    return client.command(f"set x 0 0 {len(token)}", token)


def sasl(client, user, password, opcode=SASL_AUTH):
    return client.packet(opcode, b"PLAIN", value=f"\0{user}\0{password}".encode())[1:]


def reload_users(s, path, text):
    """Waits until it shows."""
    path.write_text(text)
    s.child.send_signal(signal.SIGHUP)


def test_text_needs_a_login():
    with folder() as where, server("-Y", str(users(where))) as s, Client(s.address) as c:
        for line in ("get k", "version", "stats", "flush_all", "set k 0 0", "quit"):
            equal(c.command(line), UNAUTHENTICATED, line)
        equal(log_in(c, "alice", "pass2"), FAILURE, "the wrong password")
        equal(c.command("get k"), UNAUTHENTICATED, "after a failure")
        equal(log_in(c, "bob", "pass2"), "STORED", "the right password")
        c.store("k", b"v")
        equal(c.get("k"), b"v", "once logged in")
        stats = c.stats()
        equal((stats["auth_cmds"], stats["auth_errors"]), (2, 1), "auth_cmds, auth_errors")


def check_ended(client, request):
    """A request more is answered where the connection still stands."""
    try:
        client.send(request)
        more = client.read(1)
    except (Closed, ConnectionError):
        more = b""
    equal(more, b"", "after the last that is looked at")


def test_wrong_passwords_end_the_connection():
    """The tenth is told, and closed; so is one who sends many at once, of which no more than ten are looked at."""
    with folder() as where, server("-S", "-Y", str(users(where))) as s:
        with Client(s.address) as c:
            equal([log_in(c, "alice", f"wrong{i}") for i in range(10)], [FAILURE] * 10, "in text")
            check_ended(c, b"get k\r\n")
        with Client(s.address) as c:
            equal([sasl(c, "alice", f"wrong{i}")[0] for i in range(10)], [DENIED] * 10, "in binary")
            check_ended(c, packet(NOOP))
        with Client(s.address) as c:
            c.send(b"set x 0 0 11\r\nalice wrong\r\n" * 200)
            equal([c.line() for _ in range(10)], [FAILURE] * 10, "all at once")
            check_ended(c, b"get k\r\n")
        with Client(s.address) as c:
            equal(log_in(c), "STORED", "another connection")
            equal(c.stats()["auth_errors"], 30, "auth_errors")


def test_text_login_in_one_batch_with_what_follows():
    with folder() as where, server("-Y", str(users(where))) as s, Client(s.address) as c:
        c.send(b"get a\r\nset x 0 0 12\r\nalice secret\r\nset a 0 0 1\r\n1\r\nget a\r\n")
        equal(c.line(), UNAUTHENTICATED, "before")
        equal(c.line(), "STORED", "the login")
        equal(c.line(), "STORED", "the set")
        equal(c.hits(), {"a": b"1"}, "the get")


def test_without_binary():
    """As memcached with -Y: a packet is a line that says nothing."""
    with folder() as where, server("-Y", str(users(where))) as s, Client(s.address) as c:
        c.send(packet(VERSION) + b"\n")
        equal(c.line(), UNAUTHENTICATED, "a packet")


def test_login_is_bounded():
    with folder() as where, server("-Y", str(users(where))) as s:
        with Client(s.address) as c:
            equal(c.command("set x 0 0 2049", b"x" * 2049), "CLIENT_ERROR auth token too long", "a long token")
            equal(log_in(c), "STORED", "after it")
        for data in (b"x" * 5000, b"get " + b"k " * 3000):  # no long get before a login either
            with Client(s.address) as c:
                c.send(data)
                equal(c.rest(), b"CLIENT_ERROR line too long\r\n", "a line without end")
        many = [Client(s.address) for _ in range(100)]
        for c in many:
            c.send(b"set x 0 0 4294967295\r\n" + b"x" * 200000)
        for c in many:
            equal(c.line(), "CLIENT_ERROR auth token too long", "4 GB announced")
        with Client(s.address) as c:
            log_in(c)
            check(c.stats()["read_buf_bytes"] < 100 * (17 << 10), "buffers of those who have not logged in")
        for c in many:
            c.close()


def test_roles_stay_after_a_login():
    with folder() as where:
        with server("-Y", str(users(where)), "-l", "readonly:127.0.0.1:0") as s, Client(("127.0.0.1", s.ports[1])) as c:
            equal(log_in(c), "STORED", "login at a readonly listener")
            equal(c.command("set k 0 0 1", b"v"), "CLIENT_ERROR not allowed", "a write")
            equal(c.get("k"), None, "a read")


def test_sasl():
    with folder() as where, server("-S", env={"MEMCACHED_SASL_PWDB": str(users(where))}) as s:
        with Client(s.address) as c:
            equal(c.packet(SASL_LIST), (SASL_LIST, 0, b"PLAIN"), "mechanisms")
            equal(c.packet(VERSION)[1], 0, "version")
            equal(sasl(c, "alice", "wrong"), (DENIED, b"Auth failure."), "a wrong password")
            equal(sasl(c, "alice", "secret"), (0, b"Authenticated"), "the right one")
            equal(c.packet(GET, b"k")[1], 1, "a get")
            equal(sasl(c, "alice", "wrong"), (DENIED, b"Auth failure."), "a second login that fails")
            c.send(packet(NOOP))
            equal(c.answer()[1], DENIED, "afterwards")
            equal(c.rest(), b"", "and then")
        with Client(s.address) as c:
            equal(c.packet(SASL_AUTH, b"PLAIN")[1:], (0x21, b""), "an empty message")
            equal(sasl(c, "bob", "pass2", SASL_STEP), (0, b"Authenticated"), "its step")
            c.send(packet(0x10))
            stats = {}
            while (pair := read_stat(c)) is not None:
                stats[pair[0]] = pair[1]
            equal((stats["auth_cmds"], stats["auth_errors"]), ("4", "2"), "auth_cmds, auth_errors")


def read_stat(client):
    head = client.read(24)
    key_len, body_len = struct.unpack(">2xH4xI12x", head)
    body = client.read(body_len)
    return (body[:key_len].decode(), body[key_len:].decode()) if body else None


def test_sasl_refuses_at_once_what_comes_before():
    with folder() as where, server("-S", env={"MEMCACHED_SASL_PWDB": str(users(where))}) as s:
        for request in (packet(GET, b"k"), packet(1, b"k", bytes(8), body_len=100000), packet(0x99), packet(7)):
            with Client(s.address) as c:
                c.send(request)
                equal(c.answer()[1:], (DENIED, b"Auth failure."), f"opcode {request[1]}")
                equal(c.rest(), b"", "and then")
        with Client(s.address) as c:
            c.send(b"version\r\n")
            equal(read_all(c.socket), b"", "text with -S alone")


def test_sasl_and_text():
    with folder() as where, server("-S", "-Y", str(users(where))) as s:
        with Client(s.address) as c:
            equal(c.command("version"), UNAUTHENTICATED, "text")
            equal(log_in(c), "STORED", "a login in text")
        with Client(s.address) as c:
            equal(sasl(c, "bob", "pass2"), (0, b"Authenticated"), "a login in binary")


def test_reload():
    with folder() as where:
        path = users(where)
        with server("-Y", str(path)) as s, Client(s.address) as before:
            equal(log_in(before), "STORED", "a login")
            reload_users(s, path, "carol:new\n")
            with Client(s.address) as c:
                wait_for(lambda: log_in(c, "carol", "new") == "STORED", "a new user can log in")
            with Client(s.address) as c:
                equal(log_in(c), FAILURE, "a user who was taken out")
            before.store("k", b"v")


def test_reload_of_a_bad_file_changes_nothing():
    with folder() as where:
        path = users(where)
        with server("-Y", str(path)) as s:
            reload_users(s, path, "alice secret\n")
            said = wait_for(lambda: [line for line in s.said().splitlines() if "SIGHUP" in line], "it is said")
            check("users:1: not understood" in said[0] and "secret" not in said[0], said[0])
            os.unlink(path)
            s.child.send_signal(signal.SIGHUP)
            wait_for(lambda: s.said().count("SIGHUP") == 2, "it is said again")
            with Client(s.address) as c:
                equal(log_in(c), "STORED", "the users from before")
            s.ready = s.said().strip()


def test_sighup_without_anything_to_read():
    with server() as s, Client(s.address) as c:
        s.child.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        c.store("k", b"v")


def test_refused_at_the_start():
    with folder() as where:
        refused(["-Y", str(where / "none"), *as_root()], "-Y", "none", "No such file")
        refused(["-Y", str(users(where, "alice\n")), *as_root()], "users:1", "user:password")
        refused(["-Y", str(users(where, "".join(f"u{i}:p\n" for i in range(9)))), *as_root()], "users:9", "more than 8")
        refused(["-S", *as_root()], "-S", "-Y", "MEMCACHED_SASL_PWDB")
