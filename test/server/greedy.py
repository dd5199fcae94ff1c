"""Clients that take all they can get: answers they never read, room for values they never send. The server's memory
stays bounded, and other clients notice nothing."""

import contextlib
import select
import socket
import threading
import time

import harness
import wire
from harness import MIB, check, equal, in_threads, server, wait_for
from steady import attacked
from wire import GET, NOOP, Client, packet

BIG = b"b" * 500000
FULL = "SERVER_ERROR out of memory storing object"


@contextlib.contextmanager
def crowd(address, n):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(address)) for _ in range(n)]


def send_what_goes(client, data):
    """As much of it as the server takes."""
    client.socket.settimeout(0.05)
    with contextlib.suppress(OSError):
        client.send(data)


def test_answers_never_read():
    """20 clients, 10,000 times 500 KB each: what is not read is not made."""
    with attacked() as s:
        with Client(s.address) as c:
            c.store("bigkey", BIG)
        with crowd(s.address, 20) as bad:
            for client in bad:
                send_what_goes(client, b"get bigkey\r\n" * 10000)
            time.sleep(0.5)
            s.check_memory(160)


def test_answers_never_read_in_binary():
    with attacked() as s:
        with Client(s.address) as c:
            c.store("bigkey", BIG)
        with crowd(s.address, 20) as bad:
            for client in bad:
                send_what_goes(client, wire.packet(wire.GET, b"bigkey") * 10000)
            time.sleep(0.2)


def test_answers_never_read_by_very_many():
    """More than there are buffers for; and even these leave the others alone."""
    with attacked("-c", "2000") as s:
        with Client(s.address) as c:
            c.store("bigkey", BIG)
        with crowd(s.address, 400) as bad:
            for client in bad:
                client.socket.setblocking(False)
                with contextlib.suppress(OSError):
                    client.socket.send(b"get bigkey\r\n" * 5000)
            time.sleep(0.5)


def test_answers_read_as_fast_as_they_come():
    """Nor may one that reads everything keep the worker to itself."""
    n = 3000
    with attacked() as s, Client(s.address) as c:
        c.store("bigkey", BIG[:100000])

        def read():
            left = n * (100000 + len("VALUE bigkey 0 100000\r\n\r\nEND\r\n"))
            while left > 0:
                left -= len(c.socket.recv(min(left, MIB)))

        in_threads([lambda: c.send(b"get bigkey\r\n" * n), read])


def test_long_pipelines_of_small_requests():
    """64 KiB of requests at a time, for a while."""
    keys = b" ".join(b"%d" % i for i in range(9000))
    with attacked() as s, crowd(s.address, 4) as bad:
        until = time.monotonic() + 1

        def drive(client):
            while time.monotonic() < until:
                client.send(b"get " + keys + b"\r\n" + b"incr nokey 1\r\n" * 3000 + b"mn\r\n")
                while client.line() != "MN":
                    pass

        in_threads([lambda c=c: drive(c) for c in bad])


def send_until(client, data, until):
    """As much as goes until then: how fast the server takes it, beside all it has to answer, is not looked at here."""
    rest = memoryview(data)
    while rest and time.monotonic() < until:
        if select.select([], [client.socket], [], 0.05)[1]:
            rest = rest[client.socket.send(rest):]


def flood(address, requests, until):
    """Sends them again and again, and reads all that comes. The steady client says whether that harms others."""
    with Client(address) as c:
        def read():
            with contextlib.suppress(OSError):
                while c.socket.recv(MIB):
                    pass

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while time.monotonic() < until:
            send_until(c, requests, until)
        c.socket.shutdown(socket.SHUT_RDWR)
        reader.join(10 * harness.slow)


def test_long_pipelines_of_costly_requests():
    """A turn of the worker must end, however many requests have come in one piece."""
    with attacked(but=1) as s:
        until = time.monotonic() + 2
        in_threads([lambda: flood(s.address, b"stats\r\n" * 4000, until)] * 3)


def test_long_get_lines():
    """Of half a million keys, from four clients."""
    with attacked() as s:
        until = time.monotonic() + 2
        in_threads([lambda: flood(s.address, b"get " + b"k " * 500000 + b"\r\n", until)] * 4)


def test_values_announced_and_not_sent():
    with attacked() as s, crowd(s.address, 200) as bad:
        bad[-1].store("hoard199", b"old")
        for i, client in enumerate(bad):
            client.send(b"set hoard%d 0 0 %d\r\n" % (i, MIB))
        for client in bad:
            client.send(b"x")
        time.sleep(0.5)
        s.check_memory(160)
        with Client(s.address) as c:
            equal(c.get("hoard0"), None, "a value that has not come")
        for client in (bad[0], bad[-1]):
            client.send(b"x" * (MIB - 1) + b"\r\nmn\r\n")
            answer = client.line()
            check(answer in ("STORED", FULL), f"the answer in the end: {answer}")
            equal(client.line(), "MN", "what follows a value, stored or refused")
        equal(client.get("hoard199"), b"old" if answer == FULL else b"x" * MIB, "the old value, or the new one")


def test_values_announced_and_nearly_sent():
    """Here the memory is really used."""
    with attacked() as s, crowd(s.address, 100) as bad:
        for i, client in enumerate(bad):
            send_what_goes(client, b"set hoard%d 0 0 %d\r\n" % (i, MIB) + b"x" * (MIB - 100))
        s.check_memory(160)


def hoard(address, bad):
    """Takes all the buffers there are for large values, by sending nearly all of one each."""
    for i, client in enumerate(bad):
        send_what_goes(client, b"set hoard%d 0 0 %d\r\n" % (i, MIB) + b"x" * (MIB - 100))
    with Client(address) as c:
        wait_for(lambda: c.stats()["read_buf_bytes"] > 48 * MIB, "the buffers are taken")


def test_values_of_others_while_values_are_announced():
    """Idle connections that only announce must not deny everybody else values of 200 KB."""
    with attacked(size=200000) as s, crowd(s.address, 200) as bad:
        for i, client in enumerate(bad):
            client.send(b"set hoard%d 0 0 %d\r\n" % (i, MIB if i % 2 else 100000))
        time.sleep(0.5)


def test_sessions_of_others_while_buffers_are_hoarded():
    """Even those who send what they announce deny others only what is large."""
    with attacked(size=12000) as s, crowd(s.address, 150) as bad:
        hoard(s.address, bad)
        time.sleep(0.3)
        s.check_memory(200)


def test_values_of_others_while_answers_are_not_read():
    """Nor may 200 clients that read nothing."""
    with attacked(size=200000) as s, crowd(s.address, 200) as bad:
        with Client(s.address) as c:
            c.store("bigkey", BIG)
        for client in bad:
            send_what_goes(client, b"get bigkey\r\n" * 1000)
        time.sleep(0.3)


def test_a_get_that_finds_no_room_for_its_answer():
    """It is told, whatever it had been told before, and closed, as its answer may be half said; others go on."""
    with server("-t", "1", "-o", "read_buf_mem_limit=1", "-I", "2m") as s, Client(s.address) as c, crowd(s.address, 8) as bad:
        c.store("big", b"v" * 300000)
        c.store("small", b"x")
        for client in bad:
            send_what_goes(client, b"get big\r\n" * 40)
        wait_for(lambda: c.stats()["read_buf_bytes"] > MIB - 300000, "buffers are held")
        none = b"SERVER_ERROR out of memory writing get response\r\n"
        for asked, told in ((b"get big\r\n", none), (b"get small big small\r\nmn\r\n", b"VALUE small 0 1\r\nx\r\n" + none),
                            (b"mg big v\r\nmn\r\n", b"SERVER_ERROR out of memory\r\n")):
            with Client(s.address) as other:
                other.send(asked)
                equal(other.rest(), told, asked)
        with Client(s.address) as other:
            other.send(packet(GET, b"big") + packet(NOOP))
            equal(other.answer()[1], 0x82, "in binary")
            equal(other.rest(), b"", "and then")
        equal(c.get("small"), b"x", "what is small")


def test_split_requests_while_buffers_are_hoarded():
    """A request that arrives in two pieces needs a buffer for a moment."""
    with server("-t", "1") as s, crowd(s.address, 150) as bad:
        hoard(s.address, bad)
        with Client(s.address) as c:
            for i in range(20):
                c.send(b"set k 0 0 1000\r\n" + b"x" * 500)
                time.sleep(0.002)
                c.send(b"x" * 500 + b"\r\n")
                equal(c.line(), "STORED", f"a set in two pieces, round {i}")


def test_buffers_come_back():
    """When the greedy ones go, all is as before."""
    with server("-t", "1") as s:
        with crowd(s.address, 100) as bad:
            hoard(s.address, bad)
        with Client(s.address) as c:
            wait_for(lambda: c.stats()["read_buf_bytes"] == 0, "the buffers are given back")
            c.store("k", b"v" * MIB)
            equal(c.get("k"), b"v" * MIB, "a large value")


def test_half_lines():
    """1,000 clients with a line that has not ended, of every length."""
    with attacked("-c", "2000") as s, crowd(s.address, 1000) as bad:
        for i, client in enumerate(bad):
            client.send(b"get " + b"k" * (i * 2 % 2000))
        time.sleep(0.2)
        s.check_memory(160)
        for i, client in enumerate(bad):
            client.send(b"\r\n")
            length = i * 2 % 2000
            wanted = "END" if 0 < length <= 250 else "CLIENT_ERROR bad command line format"
            equal(client.line(), wanted, f"get with a key of {length} bytes")


def test_half_get_lines_of_1_mib():
    """Many keys may come in one line, but not from everybody at once without bound."""
    with attacked() as s, crowd(s.address, 100) as bad:
        for client in bad:
            send_what_goes(client, b"get " + b"k " * 400000)
        time.sleep(0.2)
        s.check_memory(160)


def drip(address, data, wanted):
    with Client(address) as c:
        for i in range(len(data)):
            c.send(data[i:i + 1])
            time.sleep(0.0005)
        equal(c.read(len(wanted)), wanted, f"answer to {data[:20]!r}… one byte at a time")


def test_bytes_one_at_a_time():
    value = bytes(range(256))
    text = wire.command("set text 7 0 256", value) + b"get text nokey text\r\nincr text 1\r\nmn\r\n"
    hit = b"VALUE text 7 256\r\n" + value + b"\r\n"
    answers = b"STORED\r\n" + hit * 2 + b"END\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nMN\r\n"
    with attacked() as s, Client(s.address) as c:
        in_threads([lambda: drip(s.address, text, answers), lambda: drip_binary(s.address, value)])
        equal(c.get("text"), value, "the text one's value")
        equal(c.get("binary"), value, "the binary one's value")


def drip_binary(address, value):
    with Client(address) as c:
        for byte in wire.set_packet(b"binary", value) + wire.packet(wire.GET, b"binary") + wire.packet(wire.NOOP):
            c.send(bytes([byte]))
            time.sleep(0.0005)
        equal([c.answer() for _ in range(3)], [(wire.SET, 0, b""), (wire.GET, 0, value), (wire.NOOP, 0, b"")], "answers")


def test_slow_reader_gets_all():
    """More than the sockets hold, read a little at a time: right to the last byte."""
    with attacked() as s, Client(s.address) as c:
        c.store("bigkey", BIG)
        c.send(b"get bigkey\r\n" * 50)
        for i in range(50):
            time.sleep(0.01)
            check(c.hits() == {"bigkey": BIG}, f"value {i}")
