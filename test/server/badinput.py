"""Input that is wrong: each gets memcached's own error or is closed, the next request is answered, other clients
notice nothing, and a refused rewrite leaves a session in place, but no value of cache that is older than it."""

import os
import random
import socket
import struct
import time

import harness
import wire
from harness import MIB, check, equal, server
from steady import attacked
from wire import Client

TOO_LARGE = "SERVER_ERROR object too large for cache"
FORMAT = "CLIENT_ERROR bad command line format"
LINE_MAX = 1 * MIB  # of a get with many keys


SESSION = "memc.sess.key.old"


def check_goes_on(client, key="k", value=b"old"):
    """After what was refused the connection is in step, and the value is as it should be."""
    client.send(b"mn\r\n")
    answers = []
    while (line := client.line()) != "MN":
        answers.append(line)
        check(len(answers) < 5, f"no MN after {answers}")
    equal(client.get(key), value, f"{key}, after {answers}")


def check_closed(address, data, *answers):
    """What is sent is answered by one of `answers`, if at all, and the connection is closed."""
    with Client(address) as c:
        try:
            c.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        rest = c.rest().decode("latin-1").strip()
        check(rest in answers, f"{data[:40]!r}… of {len(data)} bytes: {rest[:200]!r}")


def test_line_without_end():
    with attacked() as s:
        for n in (2048, 5000, 100000, 3 * MIB):
            check_closed(s.address, b"x" * n, "", "CLIENT_ERROR line too long")
        check_closed(s.address, b"set k 0 0 " + b"1" * 5000, "", "CLIENT_ERROR line too long")
        with Client(s.address) as c:
            c.send(b"x" * 2000)
            c.send(b"\r\n")
            equal(c.line(), "ERROR", "a long line with an end")


def test_value_longer_than_announced():
    with attacked() as s, Client(s.address) as c:
        c.store("k", b"old")
        for n in (1, 3, 100, 70000):
            c.send(wire.command(f"set k 0 0 {n}", b"y" * (n + 2)))
            equal(c.line(), "CLIENT_ERROR bad data chunk", f"{n} announced")
            check_goes_on(c)


def test_value_longer_than_the_limit():
    with attacked() as s, Client(s.address) as c, Client(s.address) as b:
        c.store(SESSION, b"old")
        for n in (MIB + 1, MIB + 500, 3 * MIB):
            c.store("k", b"old")
            for verb in ("replace", "append", "set"):
                equal(c.set("k", b"y" * n, verb=verb), TOO_LARGE, f"{verb} of {n} bytes")
                check_goes_on(c, value=b"old" if verb != "set" else None)
                equal(c.set(SESSION, b"y" * n, verb=verb), TOO_LARGE, f"{verb} of {n} bytes on a session")
                check_goes_on(c, SESSION)
            c.store("k", b"old")
            for key in (b"k", SESSION.encode()):
                equal(b.packet(wire.SET, key, bytes(8), b"y" * n)[1], 3, f"status of binary set of {n} bytes")
            check_goes_on(c, value=None)
        check_goes_on(c, SESSION)
        equal(b.packet(wire.GET, SESSION.encode())[2], b"old", "binary get")
        equal(c.stats()["store_too_large"], 24, "store_too_large")


def test_what_a_reader_has_refused_stays():
    """At a listener for reading what may not be written may not be taken away by what is too large, either."""
    with server("-l", "readonly:127.0.0.1:0") as s, Client(s.address) as c, Client(("127.0.0.1", s.ports[1])) as reader:
        c.store("k", b"old")
        equal(reader.set("k", b"y" * (MIB + 1)), TOO_LARGE, "a set that is too large")
        check_goes_on(reader)
        equal(c.set("k", b"y" * (MIB + 1)), TOO_LARGE, "the same where it may be written")
        check_goes_on(reader, value=None)


def test_limit_of_your_own():
    with attacked("-I", "4k") as s, Client(s.address) as c:
        c.store(SESSION, b"old")
        equal(c.set(SESSION, b"y" * 4097), TOO_LARGE, "one byte too many")
        check_goes_on(c, SESSION)
        c.store("k", b"y" * 4096)


def test_lengths_that_are_none():
    with attacked() as s, Client(s.address) as c:
        for length in ("-1", "-2147483648", "2147483647", "4294967296", "99999999999999999999", "x", "1x", "0x10"):
            c.store("k", b"old")
            answer = c.command(f"set k 0 0 {length}")
            check(answer in (FORMAT, "CLIENT_ERROR bad data chunk", TOO_LARGE), f"length {length}: {answer!r}")
            check_goes_on(c, value=b"old" if answer != TOO_LARGE else None)
        c.store("k", b"old")
        for line in ("set k 0 0", "set k", "set", "set k -1 0 1", "set k 4294967296 0 1", "set k 0 x 1"):
            answer = c.command(line, b"y" if line.count(" ") == 4 else None)
            check(answer in (FORMAT, "ERROR"), f"{line}: {answer!r}")
            check_goes_on(c)


def test_announced_2_gib():
    """Refused at once, and what comes of it thrown away."""
    with attacked() as s, Client(s.address) as other:
        other.store("k", b"old")
        with Client(s.address) as c:
            equal(c.command("set large 0 0 2147483645"), TOO_LARGE, "2 GiB - 3")
            c.send(b"flush_all\r\n" * 100000)
        check_goes_on(other)


def test_keys_of_251_bytes():
    key = "x" * 251
    with attacked() as s, Client(s.address) as c:
        c.store("k", b"old")
        c.store(key[:250], b"as long as can be")
        equal(c.get(key[:250]), b"as long as can be", "a key of 250 bytes")
        for line in (f"get {key}", f"get k {key}", f"gets {key} k", f"delete {key}", f"incr {key} 1", f"touch {key} 0"):
            equal(c.command(line), FORMAT, line[:10])
            check_goes_on(c)
        for verb in ("set", "add", "append"):
            check(c.set(key, b"v" * 100000, verb=verb) in (FORMAT, TOO_LARGE), verb)
            check_goes_on(c)
        for request in (wire.set_packet(b"x" * 251, b"v"), wire.packet(wire.GET, b"x" * 60000)):
            check_closed_binary(s.address, request, 4)


def check_closed_binary(address, data, status):
    with Client(address) as c:
        c.send(data)
        equal(c.answer()[1], status, "status")
        equal(c.rest(), b"", "what follows")


def test_keys_with_control_characters():
    """memcached takes what is no space and no line end; whatever is taken must come back under this very key."""
    with attacked() as s, Client(s.address) as c:
        c.store("k", b"old")
        for key in ("\0", "a\0b", "a\tb", "\x01\x02", "\x7f", "\xff\xfe", "a\rb", "\x1b[2J"):
            if c.set(key, b"v") == "STORED":
                equal(c.get(key), b"v", f"key {key!r}")
            check_goes_on(c)
        key = bytes(set(range(256)))[:250]
        with Client(s.address) as b:
            equal(b.packet(wire.SET, key, bytes(8), b"v")[1], 0, "binary set of a key of any bytes")
            equal(b.packet(wire.GET, key)[2], b"v", "binary get")


def test_get_with_20000_keys():
    stored = {f"key{i}": f"value {i}".encode() * 10 for i in range(0, 20000, 17)}
    keys = [f"key{i}" for i in range(20000)]
    with attacked() as s, Client(s.address) as c:
        c.send(b"".join(wire.command(f"set {k} 0 0 {len(v)} noreply", v) for k, v in stored.items()) + b"mn\r\n")
        equal(c.line(), "MN", "storing")
        for n in (20000, 7000):
            c.send(wire.command("get " + " ".join(keys[:n])))
            found = c.hits()
            equal(list(found.items()), [(k, stored[k]) for k in keys[:n] if k in stored], f"get of {n} keys")


def get_line(length, key=b"nokey "):
    """Of `length` bytes with its end."""
    line = b"get " + key * (length // len(key) + 1)
    return line[:length - 3] + b"k\r\n"


def test_get_line_of_1_mib():
    with attacked() as s, Client(s.address) as c:
        c.store("k", b"old")
        for key in (b"nokey ", b"n ", b"x" * 200 + b" "):
            c.send(get_line(LINE_MAX, key))
            equal(c.hits(), {}, f"a line of 1 MiB of {key!r}")
            check_goes_on(c)


def test_get_line_of_3_mib():
    with attacked() as s:
        for _ in range(3):
            check_closed(s.address, get_line(3 * MIB), "CLIENT_ERROR line too long")


def test_binary_lengths():
    with attacked() as s, Client(s.address) as other:
        other.store("k", b"old")
        huge = 0xFFFFFFFF
        with Client(s.address) as c:
            c.send(wire.packet(wire.SET, b"large", bytes(8), body_len=huge) + b"x" * (4 * MIB))
            equal(c.answer()[1], 3, "status of set of 4 GiB")
        with Client(s.address) as c:
            c.send(wire.packet(0x77, b"k", body_len=huge) + b"x" * (4 * MIB))
            equal(c.answer()[1], 0x81, "status of an unknown command of 4 GiB")
        check_closed_binary(s.address, wire.packet(wire.GET, b"k", body_len=huge), 4)
        check_closed_binary(s.address, wire.packet(wire.SET, b"k", body_len=0), 0x81)
        check_closed_binary(s.address, wire.packet(wire.GET, b"", b""), 4)
        check_closed_binary(s.address, wire.packet(wire.INCR, b"k", bytes(3)), 4)
        check_closed(s.address, wire.packet(wire.NOOP) + b"GET / HTTP/1.1\r\n\r\n", NOOP_ANSWER)
        check_goes_on(other)


NOOP_ANSWER = struct.pack(wire.HEADER, 0x81, wire.NOOP, 0, 0, 0, 0, 0, b"opaq", 0).decode("latin-1").strip()


def test_other_peoples_protocols():
    with attacked() as s:
        check_closed(s.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", "ERROR")
        check_closed(s.address, b"\x16\x03\x01" + bytes(range(128, 256)) * 20, "", "CLIENT_ERROR line too long")
        with Client(s.address) as c:
            c.send(b"*1\r\n$4\r\nPING\r\n")
            equal([c.line() for _ in range(3)], ["ERROR"] * 3, "redis")


# Random garbage

TEXT = [b"get a b c\r\n", b"set a 0 0 5\r\nhello\r\n", b"incr a 1\r\n", b"cas a 1 2 3 4\r\nxyz\r\n", b"gat 5 a b\r\n",
        b"add memc.sess.key.lock.a 0 5 1\r\n1\r\n", b"append a 0 0 70000\r\n" + b"q" * 70000 + b"\r\n", b"touch a 1\r\n",
        b"stats settings\r\n", b"delete a noreply\r\n", b"decr a.lock 5\r\n", b"mn\r\n", b"stats reset\r\n"]
BINARY = [wire.set_packet(b"a", b"hello"), wire.packet(wire.GET, b"a"), wire.packet(wire.STAT), wire.packet(wire.NOOP),
          wire.packet(wire.INCR, b"n", bytes(20)), wire.packet(wire.GETQ, b"a"), wire.packet(wire.GAT, b"a", bytes(4)),
          wire.set_packet(b"b", b"z" * 70000), wire.packet(0x0E, b"a", b"", b"more")]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 10))):
        at = rng.randrange(min(len(data), 60) + 1)
        data[at:at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(data)


def garbage(rng, samples):
    if rng.random() < 0.2:
        return samples[-1][:1] + rng.randbytes(rng.randrange(5000))
    return b"".join(mutate(rng, rng.choice(samples)) for _ in range(rng.randrange(1, 40)))


def throw(address, rng, samples, until):
    while time.monotonic() < until:
        with Client(address) as c:
            c.socket.settimeout(0.02)
            try:
                c.send(garbage(rng, samples))
                if rng.random() < 0.5:
                    c.socket.shutdown(socket.SHUT_WR)
                    c.rest()
            except OSError:
                pass  # closed, or it waits for the rest of a value


def test_random_garbage():
    seed = int(os.environ.get("CLOAKROOM_SEED") or random.randrange(1 << 32))
    print(f"     badinput: random garbage: CLOAKROOM_SEED={seed}", flush=True)
    until = time.monotonic() + 3
    with attacked("-l", "noadmin:127.0.0.1:0") as s:  # no flush_all from here
        bad = ("127.0.0.1", s.ports[1])
        harness.in_threads([lambda i=i, samples=samples: throw(bad, random.Random(seed + i), samples, until)
                            for i, samples in enumerate((TEXT, BINARY))])
