"""UDP, where -U asks for it: who gets how much, what bad datagrams do, and that an answer is worth what it is over TCP. What
is answered word for word, beside memcached, is in test/dialogue/udp.dlg."""

import contextlib
import fcntl
import itertools
import os
import random
import select
import shutil
import signal
import socket
import struct
import time

import harness
from harness import Skip, check, equal, folder, server, wait_for
from tls import certificates, words
from wire import Client, command

FRAME = struct.Struct(">HHHH")
PORT_AND_UDP = ["-p", "-1", "-U", "-1", "-l", "127.0.0.1"]
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
ELSEWHERE = "192.0.2.1"  # an address for documents, given to the loopback of a network of the test's own


class Peer:
    def __init__(self, port, host="127.0.0.1", own=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if own:
            self.socket.bind((own, 0))
        self.socket.connect((host, port))
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, sequence=0, total=1):
        self.number = (self.number + 1) % 65536
        self.socket.send(FRAME.pack(self.number, sequence, total, 0) + data)

    def datagrams(self, wait_s=5.0):
        """All of the answer to the last request; none if nothing came."""
        parts, total = [], 1
        while len(parts) < total:
            if not select.select([self.socket], [], [], wait_s * harness.slow)[0]:
                break
            data = self.socket.recv(1 << 16)
            number, sequence, total, reserved = FRAME.unpack(data[:8])
            if 0 < (self.number - number) % 65536 < 32768:  # late, and of a request that was given up
                total = 1
                continue
            equal((number, sequence, reserved), (self.number, len(parts), 0), "the frame")
            check(len(data) <= 1400, f"a datagram of {len(data)} bytes")
            parts.append(data)
        check(not parts or len(parts) == total, f"{len(parts)} of {total} datagrams came")
        return parts

    def ask(self, line, value=None):
        self.send(command(line, value))
        parts = self.datagrams()
        check(parts, f"no answer to {line!r}")
        return b"".join(part[8:] for part in parts)

    def silent(self, data, **how):
        """Nothing comes; known by the answer to the next request, which comes alone."""
        self.send(data, **how)
        equal(self.ask("mn"), b"MN\r\n", f"after {data[:40]!r}")


@contextlib.contextmanager
def udp_server(*options, **how):
    with server(*PORT_AND_UDP, *options, listen=False, **how) as s:
        equal(len(s.udp_ports), 1, "ports for UDP")
        yield s


def in_a_network_of_its_own():
    """The test's process has one from now on; its loopback has a second address, one that is not of 127/8: who sends from
    there is another machine, to the server."""
    if harness.LIBC.unshare(CLONE_NEWNET | (0 if os.geteuid() == 0 else CLONE_NEWUSER)) != 0:
        raise Skip("no network of its own may be made here")
    give_addresses()


def give_addresses():
    """`lo` goes up, and has ELSEWHERE as well."""
    up, set_address, set_flags = 1, 0x8916, 0x8914
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, set_flags, struct.pack("16sh22x", b"lo", up))
        fcntl.ioctl(s, set_address, struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(ELSEWHERE)))


def test_not_unless_asked_for():
    with server() as s, Peer(s.ports[0]) as p:
        equal(s.udp_ports, [], "ports for UDP")
        p.send(b"mn\r\n")
        try:
            got = p.socket.recv(100)
        except ConnectionRefusedError:
            got = b""
        equal(got, b"", "from a port that is not open")
        with Client(s.address) as c:
            equal(c.stats("settings")["udpport"], 0, "udpport")


def test_a_port_for_both():
    """As in memcached, -U alone says the port of TCP, too."""
    port = harness.free_port()
    with server("-U", str(port), "-l", "127.0.0.1", listen=False) as s:
        equal((s.ports, s.udp_ports), ([port], [port]), "ports")
        with Peer(port) as p, Client(s.address) as c:
            equal(p.ask("set a 0 0 1", b"x"), b"STORED\r\n", "set by UDP")
            equal(c.get("a"), b"x", "get by TCP")
            equal(c.stats("settings")["udpport"], port, "udpport")
            conns = c.stats("conns")
            fd = [name.split(":")[0] for name, value in conns.items() if value == f"udp:127.0.0.1:{port}"]
            equal([conns[f"{one}:state"] for one in fd], ["conn_read"], "stats conns")


def test_udp_alone():
    with server("-p", "0", "-U", "-1", "-l", "127.0.0.1", listen=False) as s, Peer(s.udp_ports[0]) as p:
        equal(s.ports, [], "ports for TCP")
        equal(p.ask("set a 0 0 1", b"x"), b"STORED\r\n", "set")


def test_v6():
    with server("-p", "-1", "-U", "-1", "-l", "::1", listen=False) as s:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as p:
            p.settimeout(5 * harness.slow)
            p.sendto(FRAME.pack(1, 0, 1, 0) + b"set a 0 0 3000\r\n" + b"x" * 3000 + b"\r\n", ("::1", s.udp_ports[0]))
            equal(p.recv(1000), FRAME.pack(1, 0, 1, 0) + b"STORED\r\n", "set")
            p.sendto(FRAME.pack(2, 0, 1, 0) + b"get a\r\n", ("::1", s.udp_ports[0]))
            equal([len(p.recv(2000)) for _ in range(3)], [1400, 1400, 8 + 16 + 3000 + 7 - 2 * 1392], "three datagrams")


def test_where_there_is_none():
    """Beside a socket alone, as in memcached; and where the address asks for TLS, as all could be had in clear beside it.
    Both are said."""
    with folder() as where, server("-s", str(where / "s"), "-U", "-1", listen=False, notes=1) as s:
        equal(s.udp_ports, [], "ports for UDP beside a socket")
        check("-U: not served" in s.said(), s.said())
    with certificates() as where:
        with server(*words(where), "-U", "-1", notes=1) as s:
            equal(s.udp_ports, [], "ports for UDP beside TLS")
            check("notls:" in s.said(), s.said())
        with server(*words(where), "-U", "-1", "-l", "notls:127.0.0.1:0") as s, Peer(s.udp_ports[0]) as p:
            equal(p.ask("mn"), b"MN\r\n", "at an address without TLS")


def test_roles_hold():
    with server("-p", "-1", "-U", "-1", "-l", "readonly:127.0.0.1", listen=False) as s, Peer(s.udp_ports[0]) as p:
        equal(p.ask("set a 0 0 1", b"x"), b"CLIENT_ERROR not allowed\r\n", "set")
        equal(p.ask("get a"), b"END\r\n", "get")


def test_answers_of_all_lengths():
    """Up to a value of the usual -I; the socket of this test holds less than that, so it reads on the side."""
    with udp_server("-t", "1") as s, Client(s.address) as c, Peer(s.udp_ports[0]) as p:
        for n in (0, 1, 1360, 1375, 1376, 1377, 1392, 1400, 2784, 20000, 60000):
            c.store("k", b"v" * n)
            equal(p.ask("get k"), b"VALUE k 0 %d\r\n" % n + b"v" * n + b"\r\nEND\r\n", f"a value of {n}")


def test_an_answer_that_is_too_large():
    with udp_server("-I", "4m", "-m", "64") as s, Client(s.address) as c, Peer(s.udp_ports[0]) as p:
        c.store("big", b"v" * (2 << 20))
        equal(p.ask("get big"), b"SERVER_ERROR answer too large for UDP, use TCP\r\n", "2 MiB")
        equal(p.ask("get big\r\nget big\r\nget big"), b"SERVER_ERROR answer too large for UDP, use TCP\r\n", "6 MiB")
        equal(c.stats()["cloakroom_udp_too_large"], 2, "counted")


def test_what_is_no_request_is_not_answered():
    with udp_server() as s, Client(s.address) as c, Peer(s.udp_ports[0]) as p:
        p.silent(b"get a\r\n", sequence=1)
        p.silent(b"get a\r\n", total=2)
        p.silent(b"get a\r\n", total=0)
        p.silent(b"")
        p.silent(b"GET / HTTP/1.0\r\n\r\n")
        for junk in (b"", b"x", b"\0" * 7, b"\0" * 8):
            p.socket.send(junk)
        equal(p.ask("mn"), b"MN\r\n", "after all that")
        equal(c.stats()["cloakroom_udp_dropped"], 8, "dropped")
        equal(c.stats()["cloakroom_udp_requests"], 7, "requests")
        equal(c.stats()["curr_connections"], 1, "a datagram is no connection of -c")


def test_bad_datagrams_harm_nobody():
    """Any bytes, and pieces of requests with their frames; a client over TCP on the same thread is served all the while."""
    rng = random.Random(7)
    pieces = [b"get a\r\n", b"set a 0 0 5\r\nhello\r\n", b"mg a v t k q\r\n", b"incr n 1\r\n", b"stats\r\n", b"watch\r\n",
              b"so abc w100 l5\r\n", b"add memc.sess.key.lock.x 0 0 1\r\n1\r\n", b"ms a S100000\r\n", b"\x80\0\0\1" + bytes(20),
              b"gat 0 " + b"k " * 300 + b"\r\n", b"lru_crawler metadump all\r\n", b"quit\r\n", b"\r\n", b"get " + b"x" * 251]
    with udp_server("-t", "1") as s, Client(s.address) as c, Peer(s.udp_ports[0]) as p:
        for i in range(3000):
            data = bytearray(b"".join(rng.choice(pieces) for _ in range(rng.randrange(1, 20))))
            for _ in range(rng.randrange(3)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with contextlib.suppress(OSError):
                if i % 3:
                    p.send(bytes(data))
                else:
                    p.socket.send(bytes(data[:rng.randrange(30)]))
            if i % 100 == 0:
                equal(c.command("mn"), "MN", "over TCP")
        while select.select([p.socket], [], [], 0.2)[0]:
            p.socket.recv(1 << 16)
        equal(p.ask("set z 0 0 1", b"z"), b"STORED\r\n", "over UDP, after it")
        wait_for(lambda: c.stats()["cloakroom_lock_waiting"] == 0, "nobody waits")
        equal(c.stats()["cloakroom_locks"], 0, "locks")


def test_a_long_pipeline_in_a_datagram():
    """It has its turns like a connection's, and its answer is one."""
    with udp_server("-t", "1", "-R", "10") as s, Client(s.address) as c, Peer(s.udp_ports[0]) as p:
        yields = c.stats()["conn_yields"]
        p.send(b"incr n 1\r\n" * 3000 + b"set n 0 0 1\r\n0\r\n" + b"incr n 1\r\n" * 2000)
        parts = p.datagrams()
        lines = b"".join(part[8:] for part in parts).split(b"\r\n")
        equal(lines, [b"NOT_FOUND"] * 3000 + [b"STORED"] + [b"%d" % i for i in range(1, 2001)] + [b""], "answers in order")
        check(c.stats()["conn_yields"] - yields > 100, "turns")


def test_an_answer_waits_until_it_is_safe():
    """S1, with a sync for each answer: datagrams that wait for it do so side by side, and none is lost by a SIGKILL."""
    with folder() as where:
        with server(*PORT_AND_UDP, "-t", "1", "--data", str(where / "d"), "--sync", "always", listen=False,
                    where=where) as s:
            peers = [Peer(s.udp_ports[0]) for _ in range(150)]
            for i, p in enumerate(peers):
                p.send(command(f"set k{i} 0 0 1", b"x"))
            told = list(itertools.takewhile(lambda i: peers[i].datagrams(), range(150)))
            equal(len(told), 150, "answers; the socket holds more than these")
            with Client(s.address) as c:
                check(c.stats()["cloakroom_syncs"] < 140, "no sync of its own for each")
            s.kill()
        with server("--data", str(where / "d"), where=where) as s, Client(s.address) as c:
            equal([i for i in told if c.get(f"k{i}") != b"x"], [], "told, and lost")
        for p in peers:
            p.socket.close()


def test_a_disk_that_failed_is_told():
    """The one in whose turn it happens, too; and the socket goes on."""
    with folder() as where:
        with server(*PORT_AND_UDP, "--data", str(where / "d"), listen=False, where=where, notes=None) as s:
            with Peer(s.udp_ports[0]) as p:
                equal(p.ask("set a 0 0 1", b"x"), b"STORED\r\n", "before")
                shutil.rmtree(where / "d")
                answer = wait_for(lambda: refusal(p), "read-only")
                check(answer.startswith(b"SERVER_ERROR read-only: "), answer)
                equal(p.ask("get a"), b"VALUE a 0 1\r\nx\r\nEND\r\n", "a get after it")
            s.child.send_signal(signal.SIGTERM)
            s.child.wait(5 * harness.slow)


def refusal(peer):
    answer = peer.ask("set b 0 0 1", b"x")
    return answer if answer != b"STORED\r\n" else None


def test_another_machine_gets_less_than_it_sent():
    in_a_network_of_its_own()
    with server("-p", "-1", "-U", "-1", "-l", f"{ELSEWHERE},127.0.0.1", listen=False) as s:
        with Peer(s.udp_ports[0], ELSEWHERE, ELSEWHERE) as far, Peer(s.udp_ports[1]) as near:
            equal(near.ask("set k 0 0 3000", b"v" * 3000), b"STORED\r\n", "near")
            equal(len(near.ask("get k")), 3000 + 23, "near, a get")
            less(far, b"get k\r\n", None)
            less(far, b"get " + b"n" * 50 + b"\r\n", b"END\r\n")
            less(far, b"get k" + b" " * 60 + b"\r\n", b"SERVER_ERROR answer too large for UDP, use TCP\r\n")
            less(far, b"set a 0 0 5\r\nhello\r\n", b"STORED\r\n")
            less(far, b"get a" + b" " * 60 + b"\r\n", b"VALUE a 0 5\r\nhello\r\nEND\r\n")  # one that asks with room
            less(far, b"get a k a" + b" " * 2000 + b"\r\n", b"SERVER_ERROR answer too large for UDP, use TCP\r\n")
            less(far, b"x\r\n", None)
            less(far, b"ERROR\r\n", None)
            less(far, b"nonsense\r\n", b"ERROR\r\n")
            less(far, b"version\r\n", None)
            less(far, b"stats\r\n", None)
            for data in (b"mn\r\n", b"\x80\x0a" + bytes(22), b"\x80\0\0\1" + bytes(7) + b"\1" + bytes(12) + b"k"):
                less(far, data)
            rng = random.Random(3)
            for _ in range(500):
                line = rng.choice([b"get k", b"get a", b"stats", b"mg k v", b"gat 0 k", b"incr n 1", b"me a"])
                data = line + b" " * rng.randrange(80) + b"\r\n"
                less(far, data * rng.randrange(1, 30))


def less(peer, data, wanted=b"any"):
    peer.send(data)
    parts = peer.datagrams(0.02)
    check(len(parts) <= 1, f"{len(parts)} datagrams for {data[:50]!r}")
    got = parts[0] if parts else b""
    check(not got or len(got) < len(data) + 8, f"{len(got)} bytes for {len(data) + 8}: {got[:100]!r}")
    if wanted != b"any":
        equal(got[8:] or None, wanted, f"the answer to {data[:50]!r}")


def test_two_servers_set_on_each_other_fall_silent():
    """A datagram whose forged sender is a server makes that answer the answer, and so on: each is shorter, so it ends. Here
    a server is set on itself."""
    in_a_network_of_its_own()
    with server("-p", "-1", "-U", "-1", "-l", ELSEWHERE, listen=False) as s:
        port = s.udp_ports[0]
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
            raw.bind((ELSEWHERE, 0))
            payload = FRAME.pack(1, 0, 1, 0) + b"nonsense that is not short at all\r\n"
            raw.sendto(struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload, (ELSEWHERE, 0))
        time.sleep(0.3)
        with Client((ELSEWHERE, s.ports[0])) as c:
            stats = c.stats()
        check(2 <= stats["cloakroom_udp_requests"] <= 5, f"{stats['cloakroom_udp_requests']} requests")
        check(stats["cloakroom_udp_too_large"] >= 1, "the last one has no answer")
