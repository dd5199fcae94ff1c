"""Connections: how many there may be, and how they end: half closed, reset, in the middle of a value, very often."""

import contextlib
import os
import socket
import struct
import time

from harness import MIB, check, equal, folder, in_threads, server, wait_for
from steady import attacked
from wire import Client, command, connect, read_all

TOO_MANY = b"ERROR Too many open connections\r\n"
BIG = os.urandom(1000) * 500


def descriptors(s, others=0):
    """What the server has open when it serves nobody but `others`."""
    with Client(s.address) as c:
        wait_for(lambda: c.stats()["curr_connections"] == others + 1, "the other connections are closed")
        return len(os.listdir(f"/proc/{s.child.pid}/fd"))


def test_connection_limit():
    with server("-c", "20") as s, contextlib.ExitStack() as stack:
        inside = [stack.enter_context(Client(s.address)) for _ in range(20)]
        for i, client in enumerate(inside):
            client.store(f"k{i}", b"v")
        for _ in range(5):
            with connect(s.address) as turned_away:
                equal(read_all(turned_away), TOO_MANY, "what the 21st gets")
        for i, client in enumerate(inside):
            equal(client.get(f"k{i}"), b"v", "one that was there before")
        equal(inside[0].stats()["rejected_connections"], 5, "rejected_connections")
        inside[7].close()
        wait_for(lambda: inside[0].stats()["curr_connections"] == 19, "the closed one is counted")
        with Client(s.address) as c:
            c.store("k", b"v")
            with connect(s.address) as turned_away:
                equal(read_all(turned_away), TOO_MANY, "what the next gets")


def test_one_that_opens_all_it_can():
    """Again and again, while the others stay."""
    with attacked("-c", "50") as s:
        for _ in range(10):
            with contextlib.ExitStack() as stack:
                sockets = [stack.enter_context(connect(s.address)) for _ in range(100)]
                for one in sockets:
                    with contextlib.suppress(OSError):
                        one.sendall(b"get x\r\n")


def test_limit_holds_with_many_threads():
    with server("-c", "31", "-t", "8") as s, Client(s.address) as inside:
        equal(inside.get("k"), None, "the first")  # it is in before the others come
        for _ in range(5):
            with contextlib.ExitStack() as crowd:
                sockets = [crowd.enter_context(connect(s.address)) for _ in range(60)]
                for one in sockets:
                    with contextlib.suppress(OSError):
                        one.sendall(b"mn\r\n")
                answers = [one.recv(100) for one in sockets]
                equal((answers.count(b"MN\r\n"), answers.count(TOO_MANY)), (30, 30), "answers to 60 clients")
            wait_for(lambda: inside.stats()["curr_connections"] == 1, "all are gone")


@contextlib.contextmanager
def both(*options):
    """Yields a server and its addresses, TCP and unix."""
    with folder() as where:
        path = str(where / "s.sock")
        with server("-s", path, *options) as s:
            yield s, [s.address, path]


def test_half_closed():
    """Who has said all still hears all: also what waits until there is room in the socket, and in any dialect."""
    requests = b"mn\r\n" * 5000 + b"get big\r\n" * 40 + b"mn\r\n" * 100
    value = b"VALUE big 0 %d\r\n" % len(BIG) + BIG + b"\r\nEND\r\n"
    answers = b"MN\r\n" * 5000 + value * 40 + b"MN\r\n" * 100
    with both() as (_, ways):
        for address in ways:
            with Client(address) as c:
                c.store("big", BIG)
            with connect(address) as s:
                s.sendall(requests)
                s.shutdown(socket.SHUT_WR)
                time.sleep(0.1)
                check(read_all(s) == answers, f"answers after shutdown on {address}")


def test_half_closed_with_a_request_cut_short():
    with both() as (_, ways):
        for address in ways:
            for cut in (b"get big", b"set k 0 0 5\r\nhel", b"set k 0 0 1000000\r\nhel"):
                with connect(address) as s:
                    s.sendall(b"mn\r\nmn\r\n" + cut)
                    s.shutdown(socket.SHUT_WR)
                    equal(read_all(s), b"MN\r\nMN\r\n", f"answers before {cut!r}")
            with Client(address) as c:
                equal(c.get("k"), None, "a value that never came")


def test_quit_after_large_answers():
    """quit closes, but not before all answers are out."""
    with both() as (_, ways):
        for address in ways:
            with Client(address) as c:
                c.store("big", BIG)
                c.send(b"get big\r\n" * 30 + b"quit\r\nset k 0 0 1\r\nx\r\n")
                time.sleep(0.1)
                for _ in range(30):
                    check(c.hits()["big"] == BIG, "a value before quit")
                equal(c.rest(), b"", "after quit")
            with Client(address) as c:
                equal(c.get("k"), None, "set after quit")


def close_hard(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def test_gone_in_the_middle_of_a_value():
    with attacked() as s:
        with Client(s.address) as c:
            c.store("k", b"old")
        before = descriptors(s, 1)
        for i in range(300):
            one = connect(s.address)
            one.sendall(command(f"set k 0 0 {(i + 1) * 3000}") + b"x" * 2000)
            if i % 2:
                close_hard(one)
            else:
                one.close()
        equal(descriptors(s, 1), before, "descriptors")
        with Client(s.address) as c:
            equal(c.get("k"), b"old", "the old value")
            wait_for(lambda: c.stats()["read_buf_bytes"] == 0, "the buffers are given back")


def test_gone_without_reading():
    with attacked() as s:
        with Client(s.address) as c:
            c.store("big", BIG)
        before = descriptors(s, 1)
        for _ in range(100):
            one = connect(s.address)
            one.sendall(b"get big\r\n" * 20)
            close_hard(one)
        equal(descriptors(s, 1), before, "descriptors")


def knock(address, n):
    for i in range(n):
        with connect(address) as s:
            if i % 3 == 0:
                s.sendall(b"get k\r\n")
            elif i % 3 == 1:
                close_hard(s)


def test_3000_short_connections():
    with both("-t", "4") as (s, ways):
        before = descriptors(s)
        in_threads([lambda a=a: knock(a, 750) for a in ways * 2])
        equal(descriptors(s), before, "descriptors")
        with Client(s.address) as c:
            check(c.stats()["total_connections"] > 1500, "total_connections")  # a reset one may never have been there
        s.check_memory(64)


def test_out_of_descriptors():
    """-c fits the limit at the start; should it be reached all the same, it waits and goes on."""
    with both("-c", "100") as (s, ways), contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(a)) for a in ways * 75]
        time.sleep(0.1)
        for one in crowd:
            one.close()
        for address in ways:
            wait_for(lambda a=address: lets_in(a), "a new connection is let in")


def lets_in(address):
    with contextlib.suppress(AssertionError, OSError), Client(address) as c:
        return c.command("mn") == "MN"
    return False


def test_large_answers_to_many():
    """50 clients at once, 1 MiB each, all right."""
    value = os.urandom(MIB)
    with both("-t", "4") as (s, ways):
        with Client(s.address) as c:
            c.store("k", value)

        def read(address):
            with Client(address) as c:
                for _ in range(3):
                    check(c.get("k") == value, f"1 MiB over {address}")

        in_threads([lambda a=a: read(a) for a in ways * 25])
