"""What was written is what is read: values of all sizes, over TCP and unix sockets, by many at once."""

import contextlib
import random
import threading
import time

import wire
from harness import MIB, check, equal, folder, in_threads, server
from wire import Client

TOO_LARGE = "SERVER_ERROR object too large for cache"
RECORD = range(24, 120, 7)  # about what a record's and a large value's own heads take


def sizes():
    """Powers of two and their neighbours; around 4 KiB, 16 KiB and 64 KiB, where records, segments and buffers end."""
    found = {1 << k for k in range(21)}
    found |= {n + d for n in found for d in (-1, 1)}
    found |= {n - d for n in (4096, 8192, 16384, 65536) for d in RECORD}
    found |= {65536 * k + d for k in (1, 2, 3) for d in (-2, 2, 100)}
    return sorted(n for n in found if n <= MIB)


def value_of(n, salt=0):
    return random.Random(n * 1000 + salt).randbytes(n)


@contextlib.contextmanager
def both(*options):
    with folder() as where:
        path = str(where / "s.sock")
        with server("-s", path, "-t", "4", *options) as s:
            yield [s.address, path]


def write_and_read(address, salt):
    with Client(address) as c:
        for n in sizes():
            c.store(f"{salt}.{n}", value_of(n, salt))
        read_back(c, salt, sizes())
        for n in sizes()[::3]:  # in place of another
            c.store(f"{salt}.{n}", value_of(n // 2 + 1, salt))
        for n in sizes()[::3]:
            check(c.get(f"{salt}.{n}") == value_of(n // 2 + 1, salt), f"{n} bytes rewritten over {address}")


def read_back(client, salt, wanted):
    """All in one go, so that answers queue up."""
    client.send(wire.command("get " + " ".join(f"{salt}.{n}" for n in wanted)))
    found = client.hits()
    for n in wanted:
        check(found.get(f"{salt}.{n}") == value_of(n, salt), f"{n} bytes over {client.socket.family.name}")


def test_values_of_all_sizes():
    with both("-m", "256") as ways:
        in_threads([lambda a=a, i=i: write_and_read(a, i) for i, a in enumerate(ways * 3)], 60)


def test_values_of_all_sizes_in_binary():
    with both("-m", "256") as ways, Client(ways[0]) as c, Client(ways[1]) as text:
        for n in sizes():
            c.send(wire.set_packet(b"k%d" % n, value_of(n)) + wire.packet(wire.GET, b"k%d" % n))
            equal(c.answer(), (wire.SET, 0, b""), f"set of {n} bytes")
            check(c.answer() == (wire.GET, 0, value_of(n)), f"get of {n} bytes")
            check(text.get(f"k{n}") == value_of(n), f"get of {n} bytes in text")
        equal(c.packet(wire.SET, b"k", bytes(8), b"x" * (MIB + 1))[1], 3, "status of 1 MiB + 1")


def test_pipelined_sets():
    """Many values in one write, so that they are cut anywhere."""
    with both("-m", "256") as ways:
        for address in ways:
            with Client(address) as c:
                small = [n for n in sizes() if n < 70000]
                data = b"".join(wire.command(f"set 9.{n} 0 0 {n}", value_of(n, 9)) for n in small)
                in_threads([lambda: c.send(data), lambda: equal({c.line() for _ in small}, {"STORED"}, "answers")])
                read_back(c, 9, small)


def grow(verb, step):
    """By steps of about `step` from nothing to the limit of 1 MiB, and not beyond."""
    with both() as ways, Client(ways[0]) as c:
        value = b"start"
        c.store("k", value)
        for i in range(1000000):
            more = value_of(step + i % 7, i)
            answer = c.set("k", more, verb=verb)
            if len(value) + len(more) > MIB:
                break
            equal(answer, "STORED", f"{verb} to {len(value)} bytes")
            value = value + more if verb == "append" else more + value
            if i % 16 == 0 or 60000 < len(value) < 70000:
                check(c.get("k") == value, f"{len(value)} bytes after {verb}")
        equal(answer, TOO_LARGE, f"{verb} beyond the limit, to {len(value) + len(more)} bytes")
        check(c.get("k") == value, "the old value after one that was too much")
        rest = b"x" * (MIB - len(value))
        equal(c.set("k", rest, verb=verb), "STORED", f"{verb} to exactly the limit")
        equal(c.set("k", b"x", verb=verb), TOO_LARGE, f"{verb} of one byte more")
        equal(len(c.get("k")), MIB, "the length in the end")


def test_append():
    grow("append", 20011)


def test_prepend():
    grow("prepend", 20011)


def test_append_of_a_little_across_64_kib():
    with both() as ways, Client(ways[1]) as c:
        value = value_of(65536 - 1000)
        c.store("k", value)
        for i in range(200):
            more = value_of(10 + i % 3, i)
            equal(c.set("k", more, verb="append"), "STORED", "append")
            value += more
            check(c.get("k") == value, f"{len(value)} bytes")


def test_incr_by_many():
    """8 connections: every number is given once, and the sum is right."""
    n = 2000
    numbers = []
    with both() as ways:
        def count(address):
            with Client(address) as c:
                c.send(b"incr n 1\r\n" * n)
                numbers.extend([int(c.line()) for _ in range(n)])

        with Client(ways[0]) as c:
            c.store("n", b"0")
            in_threads([lambda a=a: count(a) for a in ways * 4])
            equal(c.get("n"), b"%d" % (8 * n), "the sum")
    equal(sorted(numbers), list(range(1, 8 * n + 1)), "all answers")


def test_append_by_many():
    """Small and large: nothing is lost, nothing twice."""
    with both() as ways:
        def add(address, who):
            with Client(address) as c:
                c.send(b"".join(wire.command("append log 0 0 100", b"%d.%04d;" % (who, i) + b"." * 93)
                                for i in range(500)))
                equal({c.line() for _ in range(500)}, {"STORED"}, "answers to append")

        with Client(ways[0]) as c:
            c.store("log", b"")
            in_threads([lambda a=a, i=i: add(a, i) for i, a in enumerate(ways * 2)])
            log = c.get("log")
    entries = [log[i:i + 100] for i in range(0, len(log), 100)]
    for who in range(4):
        mine = [e for e in entries if e.startswith(b"%d." % who)]
        equal(mine, [b"%d.%04d;" % (who, i) + b"." * 93 for i in range(500)], f"what client {who} appended")
    equal(len(entries), 2000, "entries")


def test_cas_by_many():
    """Only one of those that saw the same value may replace it."""
    with both() as ways:
        def count(address):
            with Client(address) as c:
                done = 0
                while done < 100:
                    words = c.command("gets n").split()
                    value = int(c.read(int(words[3]) + 2))
                    equal(c.line(), "END", "gets")
                    new = b"%d" % (value + 1)
                    done += c.command(f"cas n 0 0 {len(new)} {words[4]}", new) == "STORED"

        with Client(ways[0]) as c:
            c.store("n", b"0")
            in_threads([lambda a=a: count(a) for a in ways * 2])
            equal(c.get("n"), b"400", "the count")


def test_large_values_replaced_while_they_are_read():
    """A reader sees one whole value or another, never a mixture."""
    values = [bytes([65 + i]) * (100000 + 50000 * i) for i in range(5)]
    with both() as ways:
        until = time.monotonic() + 1

        def write(address):
            with Client(address) as c:
                while time.monotonic() < until:
                    for value in values:
                        c.store("k", value)
                    c.command("delete k")

        def read(address):
            with Client(address) as c:
                while time.monotonic() < until:
                    found = c.get("k")
                    check(found is None or found in values, f"a mixture of {len(found or b'')} bytes")

        in_threads([lambda a=a, f=f: f(a) for a in ways for f in (write, read)])


def test_flush_while_others_write():
    with both() as ways:
        stop = threading.Event()

        def write(address, who):
            with Client(address) as c:
                for i in range(1000000):
                    if stop.is_set():
                        return
                    key = f"{who}.{i % 100}"
                    c.store(key, b"%s/%d" % (key.encode(), i))
                    equal(c.get(key) in (None, b"%s/%d" % (key.encode(), i)), True, key)

        def flush():
            with Client(ways[0]) as c:
                for _ in range(200):
                    equal(c.command("flush_all"), "OK", "flush_all")
                    time.sleep(0.003)
            stop.set()

        in_threads([flush, *(lambda a=a, i=i: write(a, i) for i, a in enumerate(ways * 2))])
        with Client(ways[0]) as c:
            equal(c.command("flush_all"), "OK", "the last flush_all")
            c.send(wire.command("get " + " ".join(f"{w}.{i}" for w in range(4) for i in range(100))))
            equal(c.hits(), {}, "after the last flush_all")
            c.store("0.0", b"new")
            equal(c.get("0.0"), b"new", "what was stored after it")
