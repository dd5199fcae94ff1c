"""No id leaves the server but to who has sent it: not in what it writes to files, nor in what it says, nor in any answer on
another connection. Whoever reads a session's id is logged in as its user.

Hundreds of ids are given to it in every way there is. A mark is in each of them, several times, so that a piece of an id
is found, too; and it is looked for as it is, in hex and in base64."""

import base64
import contextlib
import os
import struct
import subprocess
import threading

import harness
import wire
from disk import NO_SPACE, small_disk
from durable import data_folder, on
from harness import check, equal
from locks import triple
from verbs import Verbs, flags
from watch import Watcher
from wire import Client, command, packet

MARK = "qx7zjv"
MARKS = ("", ":")  # stats detail goes by what stands before a colon; -D has it go by another
MARKS_OF_PHP = ("", ",", "-")  # in a bare id, which PHP has made
KEY = "memc.sess.key."
WATCHED = "fetchers mutations evictions connevents deletions"
STATS = ("", "settings", "items", "slabs", "sizes", "conns", "detail dump", "cachedump 1 0", "cachedump 2 0", "detail off",
         "detail on", "reset")


def forms():
    """(name, what to look for) of the mark, in bytes."""
    mark = MARK.encode()
    found = {"as it is": mark, "in capitals": mark.upper(), "in hex": mark.hex().encode(),
             "in hex capitals": mark.hex().upper().encode(), "backwards": mark[::-1]}
    for shift in range(3):  # where the mark begins in a group of three bytes
        coded = base64.b64encode(bytes(shift) + mark)
        whole = coded[-(-8 * shift // 6):(8 * (shift + len(mark))) // 6]
        found[f"in base64, {shift}"] = whole
    return found


FORMS = forms()


def look_through(what, data):
    """Fails with the line where an id is."""
    for form, needle in FORMS.items():
        at = data.find(needle)
        check(at < 0, f"an id {form} in {what}: {data[max(0, at - 120):at + 120]!r}")


class Ids:
    def __init__(self):
        self.n = 0

    def new(self, mark=""):
        """An id no other has; any 16 of its characters in a row have the mark. `mark` stands in it between pieces."""
        self.n += 1
        return mark.join(f"{MARK}{self.n:03d}" for _ in range(4))


# Ways to give an id


def in_text(c, ids):
    """php-memcached, and all that text has for a key."""
    for mark in MARKS:
        id = ids.new(mark)
        key = KEY + id
        c.command(f"add {key} 0 60 0", b"")  # validateId
        c.command(f"add {KEY}lock.{id} 0 30 1", b"1")
        c.get(key)
        for verb in ("set", "add", "replace", "append", "prepend"):
            c.command(f"{verb} {key} 7 1000 4", b"data")
        c.send(command(f"gets {key} {KEY}{ids.new()}"))
        c.hits()
        for line in (f"gat 1000 {key}", f"gats 1000 {key}"):
            c.send(command(line))
            c.hits()
        c.command(f"cas {key} 0 1000 4 1", b"data")
        for line in (f"touch {key} 1000", f"incr {key} 1", f"decr {key} 1", f"delete {KEY}{ids.new()}",
                     f"delete {KEY}lock.{id}"):
            c.command(line)
        c.send(command(f"set {KEY}{ids.new()} 0 1000 4 noreply", b"data") + command("mn"))
        equal(c.line(), "MN", "mn")
        c.store(KEY + ids.new(mark), b"x" * 300000)  # a large one
        gone = KEY + ids.new(mark)
        c.store(gone, b"x")
        equal(c.command(f"delete {gone}"), "DELETED", "delete")


def in_meta(c, ids):
    for mark in MARKS:
        key = KEY + ids.new(mark)
        coded = base64.b64encode((KEY + ids.new(mark)).encode()).decode()
        for key, more in ((key, ""), (coded, " b")):
            c.command(f"ms {key} 4 T1000 k Oop{more}", b"data")
            for line in (f"mg {key} t s f c k h l", f"mg {key} N30 k", f"me {key}", f"ma {key} N0 J5", f"ma {key}",
                         f"md {key} I T30", f"mg {key} k", f"md {key} x", f"md {key} k"):
                c.command(line + more)
        c.command(f"mg {KEY}{ids.new(mark)} N30 t")
        c.command(f"ms {KEY}{ids.new(mark)} 4 T1000", b"data")


def send_and_leave(address, data):
    with Client(address) as c, contextlib.suppress(OSError):
        c.send(data)
        c.socket.settimeout(0.03)
        c.socket.recv(1 << 16)


def in_binary(address, ids):
    for mark in MARKS:
        with Client(address) as c:
            key = (KEY + ids.new(mark)).encode()
            lock = (KEY + "lock." + ids.new(mark)).encode()
            c.packet(wire.ADD, lock, bytes(7) + b"\x1e", b"1")
            c.packet(wire.SET, key, bytes(8), b"data")
            for opcode in (wire.GET, 0x0C, wire.GAT, 0x1C, 0x0E, 0x0F, 0x03, 0x05):
                extras = {wire.GAT: bytes(4), 0x1C: bytes(4), 0x03: bytes(8), 0x05: bytes(20)}.get(opcode, b"")
                c.packet(opcode, key, extras, b"v" if opcode in (0x0E, 0x0F, 0x03) else b"")
            c.packet(0x42, key)
            c.packet(wire.DELETE, lock)
            bare = ids.new(mark.replace(":", ",")).encode()
            c.send(packet(wire.INCR, bare + b".lock", struct.pack(">QQI", 1, 1, 30))
                   + packet(wire.ADD, bare + b".lock", bytes(8), b"1") + packet(wire.GET, bare))
            for _ in range(3):
                c.answer()
            c.packet(wire.SET, bare, bytes(8), b"data")
        for wrong in (packet(wire.GET, key, b"extras that do not belong there"), packet(wire.STAT, key),
                      packet(wire.SET, key, bytes(8), b"half", body_len=5000), packet(wire.NOOP, key)):
            send_and_leave(address, wrong)


def as_memcache(c, ids):
    """php-memcache: bare ids, which are sessions by their locks."""
    for mark in MARKS_OF_PHP:
        bare = ids.new(mark)
        check(triple(c, bare), "its lock")
        c.store(bare, b"data", 1000)
        c.get(bare + ".lock")
        c.command(f"set {bare}.lock 768 30 1", b"0")
        c.get(bare)
        c.command(f"touch {bare} 100")
        check(triple(c, bare), "its lock")
        c.command(f"delete {bare}")
        c.command(f"set {bare}.lock 768 30 1", b"0")
        bare = ids.new(mark)
        check(triple(c, bare), "its lock")
        c.store(bare, b"data", 1000)
        equal(c.set(bare, b"x" * 2000000), "SERVER_ERROR object too large for cache", "a large one")
        # and goes away with the lock


def by_verbs(c, ids, application=None):
    for mark in MARKS:
        one, other, third = ids.new(mark), ids.new(mark), ids.new(mark)
        coded = base64.b64encode(ids.new(mark).encode()).decode()
        a = {"application": application}
        for id, more in ((one, {}), (other, {}), (third, {}), (coded, {"b": True})):
            opened = c.open(id, holder="web-1", k=True, **a, **more)
            written = c.write(id, b"data", opened.token, tags=["user:1"], life_s=1000, keep=True, k=True, **a, **more)
            c.close_session(id, written.token, life_s=900, **a, **more)
            c.open(id, read_only=True, bot=True, **a, **more)
        c.kill(other, k=True, **a)
        c.write(other, b"late", written.token, **a)
        token = c.open(third, **a).token
        c.kill(third, token=token, succeed=True, **a)
        c.write(ids.new(mark), b"data", c.open(ids.new(mark), after=token, **a).token, **a)
        token = c.open(one, **a).token
        c.close_session(one, token, succeeded_s=100, **a)
        c.open(ids.new(mark), must_exist=True, **a)
        c.ask("sk", "none", "g", *flags(X=ids.new(mark), A=application))
        c.answer()
        c.open(ids.new(mark), lease_s=1, **a)  # which is over, or left behind


def wrongly(address, ids):
    """Lines that say nothing, lines without an end, halves."""
    id = ids.new()
    lines = [f"bogus {KEY}{id}", f"{KEY}{id}", f"get {KEY}{id} {'x' * 251}", f"set {KEY}{id}", f"set {KEY}{id} a b c",
             f"set {KEY}{id} 0 0 -1", f"cas {KEY}{id} 0 0 4", f"incr {KEY}{id} x", f"touch {KEY}{id} x",
             f"so {id} Q", f"so {id} Wx", f"so {'y' * 240}{id}", f"sc {id}", f"sw {id} 4", f"sk {id} h", f"sl C{id}",
             f"sl G{id} C{id}", f"se C{id}", f"sn A{id}x", f"mg {id}{id}{id}{id}{id}{id}{id}{id}", f"mg {KEY}{id} Q!",
             f"stats {id}", f"stats detail {id}", f"watch {id}", f"lru_crawler metadump {id}", f"verbosity {id}",
             f"cache_memlimit {id}", f"flush_all {id}", f"shutdown {id}", f"me {KEY}{id} x", f"slabs {id}",
             f"GET /{id} HTTP/1.1", f"set {KEY}{id} 0 0 9000000000", f"ms {KEY}{id} S9000000", f"refresh_certs {id}"]
    for line in lines:
        send_and_leave(address, f"{line}\r\n".encode())
    for data in (f"set {KEY}{id} 0 0 2000000\r\n".encode() + b"x" * 2000002,  # too large
                 *(f"sw {ids.new(mark)} 2000000 K0-1\r\n".encode() + b"x" * 2000002 for mark in MARKS),
                 f"set {KEY}{id} 0 0 4\r\ndata without end".encode(), f"get {KEY}{id}".encode(),
                 f"so {id}".encode(), (id * 100).encode(), bytes([0x81, 0]) + id.encode()):
        send_and_leave(address, data)


def give_all(address, ids):
    with Verbs(address) as c:
        in_text(c, ids)
        in_meta(c, ids)
        by_verbs(c, ids)
        by_verbs(c, ids, "shop")
    with Client(address) as c:
        as_memcache(c, ids)
    in_binary(address, ids)
    wrongly(address, ids)
    wait_with(address, ids)


def wait_with(address, ids):
    """Who waits, and who is told busy; the waiter is closed while it waits."""
    id = ids.new()
    with Verbs(address) as holder, Verbs(address) as waiter:
        holder.open(id, holder="web-2")
        equal(waiter.open(id, wait_ms=300).code, "BS", "busy")
        waiter.ask_open(id, wait_ms=5000)


# What others see


def answers(c):
    """What a connection that has sent no id is told of all kinds of things."""
    for kind in STATS:
        c.send(command(f"stats {kind}".strip()) + command("mn"))
    for line in ("lru_crawler metadump all", "lru_crawler mgdump all", "sl N1000", "sl N1000 Guser:1",
                 "sl N1000 Ashop", "sn", "sn Guser:1", "se N1000", "se C1000 N1000", "se C2000 N1000",
                 "se C3000 N1000", "verbosity 2"):
        c.send(command(line) + command("mn"))
    parts = []
    for _ in range(len(STATS) + 12):
        while not (line := c.read(c_line_end(c))).endswith(b"MN\r\n"):
            parts.append(line)
        parts.append(line)
    return b"".join(parts)


def c_line_end(c):
    while (end := c.buffer.find(b"\n")) < 0:
        c._more()
    return end + 1


class Onlooker:
    """Watches all, in a thread; asks for all else when told."""

    def __init__(self, address):
        self.address = address
        self.watched = bytearray()
        self.watcher = Watcher(address, WATCHED)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with contextlib.suppress(OSError):
            while data := self.watcher.socket.recv(1 << 16):
                self.watched += data

    def look(self, when):
        with Client(self.address) as c:
            told = answers(c)
            c.get("the-last-one")
        harness.wait_for(lambda: b"the-last-one" in self.watched, "what is watched has come")
        look_through(f"what another connection is told, {when}", told)
        look_through(f"what is watched, {when}", bytes(self.watched))
        return told


def look_at_files(when, *folders):
    """Every byte that lies there; the names, too."""
    n = 0
    for where in folders:
        for path in [path for path in where.rglob("*") if path.is_file()]:
            look_through(f"a file's name, {when}", path.name.encode())
            look_through(f"{path.name}, {when}", path.read_bytes())
            n += 1
    check(n > 0, "no file was looked at")


def test_none_in_answers_files_and_messages():
    ids = Ids()
    with data_folder() as data:
        for turn in ("at first", "after a restart"):
            with on(data, "-vv", "-m", "64", "-t", "4", notes=None) as (s, c):
                c.command("stats detail on")
                onlooker = Onlooker(s.address)
                for _ in range(4):
                    give_all(s.address, ids)
                told = onlooker.look(turn)
                check(told.count(b"key=session:") > 20 and told.count(b"\nSE ") > 20, "the onlooker sees sessions")
                check(onlooker.watched.count(b"key=session:") > 100, "and watches them")
                check(len(s.said().splitlines()) > 100, "the server says something with -vv")
                look_through(f"what it says, {turn}", s.said().encode())
                look_at_files(turn, data)
                s.kill()
                look_at_files(f"{turn}, killed", data)
                look_through(f"what it says, {turn}, at the end", s.said().encode())
        tool = os.path.join(os.path.dirname(harness.program), "cloakroom")
        done = subprocess.run([tool, "check", str(data)], capture_output=True, timeout=60)
        look_through("what cloakroom check says", done.stdout + done.stderr)
    check(ids.n > 300, f"{ids.n} ids")


def test_none_in_what_is_compacted():
    """... nor by evictions, expiries, kills by tag and refusals when memory is full."""
    ids = Ids()
    with data_folder() as data:
        with on(data, "-m", "4", "--evict-sessions", "-D.", notes=None) as (s, c):
            c.command("stats detail on")
            onlooker = Onlooker(s.address)
            for turn in range(6):
                for n in range(900):
                    key = KEY + (ids.new() if n % 3 == 0 else f"{MARK}again{n}{MARK}")
                    c.command(f"set {key} 0 {1 if n % 5 == 0 else 1000} 1500", b"x" * 1500)
                give_all(s.address, ids)
                c.command("sk user:1 g")
            onlooker.look("when memory is full")
            check(c.stats()["evictions"] > 100, "nothing was evicted")
            look_at_files("compacted", data)
            s.kill()
            look_at_files("compacted, killed", data)
            look_through("what it said", s.said().encode())


def test_none_when_writes_are_refused():
    """New sessions with memory full, and with a full disk."""
    ids = Ids()
    with data_folder() as data, on(data, "-m", "2", "-vv", "-D|", notes=None) as (s, c):
        c.command("stats detail on")
        onlooker = Onlooker(s.address)
        answers = [c.set(KEY + ids.new(), b"x" * 1500) for _ in range(2000)]
        check(answers.count("SERVER_ERROR out of memory storing object") > 100, "no write was refused")
        with contextlib.suppress(AssertionError):  # some of it is refused
            give_all(s.address, ids)
        told = onlooker.look("when new sessions are refused")
        check(b" refused " in told, "the refusals are told")
        look_through("what it says", s.said().encode())
        look_at_files("full", data)
        s.kill()


def test_none_on_a_full_disk():
    ids = Ids()
    with small_disk(12) as disk, on(disk / "data", "-m", "64", "-vv", notes=None) as (s, c):
        onlooker = Onlooker(s.address)
        answers = [c.set(KEY + ids.new(), b"x" * 10000) for _ in range(1500)]
        check(answers.count(NO_SPACE) > 100, "no write was refused")
        with contextlib.suppress(AssertionError):
            give_all(s.address, ids)
        onlooker.look("with the disk full")
        look_through("what it says", s.said().encode())
        look_at_files("with the disk full", disk)
        s.kill()


def test_what_is_looked_for_is_found():
    """The look itself: pieces of an id, in each form, wherever they begin."""
    id = Ids().new().encode()
    for at in range(len(id) - 15):
        piece = id[at:at + 16]
        for data in (piece, piece.hex().encode(), base64.b64encode(piece), base64.b64encode(b"x" + piece)):
            try:
                look_through("", b"before" + data + b"behind")
            except AssertionError:
                continue
            check(False, f"{data!r} is not seen")
