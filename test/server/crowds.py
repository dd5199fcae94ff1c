"""500 bad clients at once, of each kind: the well-behaved one of the same worker notices nothing, and memory stays
bounded."""

import contextlib
import time

from harness import check, equal
from greedy import crowd, send_what_goes
from steady import attacked
from wire import Client, command

N = 500
FEW_MIB = 60  # itself, and what 500 connections take at most: 16 KiB each way
HEAD = b"set slow 0 0 1000\r\n"


def still_served(s):
    with Client(s.address) as c:
        equal(c.command("mn"), "MN", "a new client")


def test_that_say_nothing():
    with attacked("-c", "2000", bound_mib=FEW_MIB) as s, crowd(s.address, N):
        time.sleep(1)
        still_served(s)


def test_that_send_a_byte_now_and_then():
    """Each half a request, a byte more of it at a time."""
    with attacked("-c", "2000", bound_mib=FEW_MIB) as s, crowd(s.address, N) as bad:
        for i in range(len(HEAD) + 4):
            for client in bad:
                client.send((HEAD + b"x" * 10)[i:i + 1])
        still_served(s)
        with Client(s.address) as c:
            check(c.stats()["read_buf_bytes"] <= N * 20000, "what the halves take")


def test_that_send_a_line_without_an_end():
    """A megabyte each: told and closed after 2 KiB, or, for a get, kept up to what there is for all."""
    for line in (b"x" * 1000000, b"get " + b"k" * 200 * 5000):
        with attacked("-c", "2000") as s, crowd(s.address, N) as bad:
            for client in bad:
                send_what_goes(client, line[:100000])
            for client in bad[:20]:
                send_what_goes(client, line[100000:])
            still_served(s)


def test_that_pipeline_and_read_nothing():
    with attacked("-c", "2000") as s:
        with Client(s.address) as c:
            c.store("some", b"v" * 1000)
        with crowd(s.address, N) as bad:
            for client in bad:
                client.socket.setblocking(False)
                with contextlib.suppress(OSError):
                    client.socket.send(b"get some\r\n" * 5000)
            time.sleep(0.5)
            still_served(s)


def test_all_kinds_together():
    kinds = (b"", b"g", b"x" * 1500, b"get some\r\n" * 2000, command("set k 0 0 1000000") + b"v" * 5000)
    with attacked("-c", "2000") as s:
        with Client(s.address) as c:
            c.store("some", b"v" * 1000)
        with crowd(s.address, N) as bad:
            for i, client in enumerate(bad):
                client.socket.setblocking(False)
                with contextlib.suppress(OSError):
                    client.socket.send(kinds[i % len(kinds)])
            time.sleep(0.5)
            still_served(s)
