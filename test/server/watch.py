"""watch: memcached's lines, for as many as may watch; who is slow is told what it missed; no path shows a session's id."""

import contextlib
import re
import secrets
import socket
import time

import harness
from dumps import dump
from durable import data_folder, on, stop
from harness import MIB, check, equal, server, wait_for
from steady import attacked
from wire import Client, command

TS = r"ts=\d+\.\d{6} gid=\d+ "


class Watcher(Client):
    def __init__(self, address, words):
        super().__init__(address)
        equal(self.command(f"watch {words}".strip()), "OK", f"watch {words}")

    def lines(self, until, limit_s=5.0):
        """Lines, without time and number, up to the first that has `until` in it."""
        found = []
        self.socket.settimeout(limit_s * harness.slow)
        while not found or until not in found[-1]:
            while (at := self.buffer.find(b"\n")) < 0:
                self._more()
            line = self.read(at + 1).decode("latin-1").rstrip("\n")
            check(re.match(TS, line) or line.startswith("skipped="), f"a line: {line!r}")
            found.append(re.sub(TS, "", line))
        return found


def without_cfd(lines):
    return [re.sub(r" cfd=\d+", "", line) for line in lines]


def test_what_is_shown():
    with server() as s, Client(s.address) as c, Watcher(s.address, "fetchers mutations deletions") as w:
        c.store("k", b"abc", 100)
        c.get("k")
        equal(c.command("add k 0 0 1", b"x"), "NOT_STORED", "add")
        equal(c.command("append k 0 0 2", b"de"), "STORED", "append")
        equal(c.command("delete k"), "DELETED", "delete")
        c.get("over")
        equal(without_cfd(w.lines("key=over")), [
            "type=item_get key=k status=not_found clsid=0 size=0",
            "type=item_store key=k status=stored cmd=set ttl=100 clsid=1 size=3",
            "type=item_get key=k status=found clsid=1 size=3",
            "type=item_get key=k status=found clsid=1 size=3",
            "type=item_store key=k status=not_stored cmd=add ttl=0 clsid=1 size=1",
            "type=item_get key=k status=found clsid=1 size=3",
            "type=item_store key=k status=stored cmd=append ttl=0 clsid=1 size=5",
            "type=item_get key=k status=found clsid=1 size=5",
            "type=deleted key=k cmd=delete clsid=1 size=5",
            "type=item_get key=over status=not_found clsid=0 size=0"], "lines")
        with Watcher(s.address, "") as plain, Watcher(s.address, "mutations") as only:
            c.store("m", b"1")
            equal(len(only.lines("key=m")), 1, "mutations alone")
            equal(without_cfd(plain.lines("key=m")), ["type=item_get key=m status=not_found clsid=0 size=0"], "no word")
        wait_for(lambda: c.stats()["log_watchers"] == 1, "those that left are counted")


def test_connections():
    with server() as s, Watcher(s.address, "connevents") as w:
        with Client(s.address) as c:
            host, port = c.socket.getsockname()
            equal(c.command("version")[:7], "VERSION", "version")
        where = f"rip={host} rport={port} transport=tcp"
        equal(without_cfd(w.lines("conn_close")),
              [f"type=conn_new {where}", f"type=conn_close {where} reason=normal"], "lines")
        for bad in (b"GET / HTTP/1.1\r\n", b"x" * 3000):
            with Client(s.address) as c:
                c.send(bad)
                check("type=conn_close" in (line := w.lines("conn_close")[-1]) and "reason=error" in line, line)


def test_evictions():
    """Of cache, never of sessions."""
    with server("-m", "8") as s, Watcher(s.address, "evictions") as w, Client(s.address) as c:
        c.store("memc.sess.key.abc", b"v" * 1000)
        for i in range(12):
            c.send(b"".join(command(f"set cache{i}.{n} 0 100 1000 noreply", b"x" * 1000) for n in range(1000)))
            equal(c.command("mn"), "MN", "mn")
        line = w.lines("type=eviction")[-1]
        check(re.fullmatch(r"type=eviction key=cache\d+\.\d+ fetch=no ttl=\d+ la=\d clsid=1 size=1000", line), line)
        evicted = c.stats()["evictions"]
        check(evicted > 0 and c.stats()["log_worker_written"] >= evicted, "as many events as evictions")


def test_as_many_as_may():
    with server() as s, contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Watcher(s.address, "fetchers"))
        with Client(s.address) as c:
            equal(c.command("watch"), "WATCHER_TOO_MANY log watcher limit reached", "the 21st")
            equal(c.command("watch nonsense"), "ERROR", "a word that is none")
            equal(c.command("mn"), "MN", "one that was refused goes on")
        stack.close()
        with Client(s.address) as c:
            wait_for(lambda: c.stats()["log_watchers"] == 0, "all are gone")
            equal(c.command("watch"), "OK", "there is room again")


def test_one_that_does_not_read():
    """It takes no memory, harms nobody, and is told what it missed."""
    with attacked(bound_mib=200) as s, contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher(s.address, "fetchers mutations")) for _ in range(20)]
        with Client(s.address) as c:
            for _ in range(200):
                c.send(b"get " + b"a-key-that-is-not-there " * 300 + b"\r\n")
                c.hits()
            written = c.stats()["log_worker_written"]
            check(written >= 60000, f"{written} events")
            lines = watchers[0].lines("skipped=")
            check(int(lines[-1].split("=")[1]) > 1000, lines[-1])


def test_what_it_sends_is_not_read():
    with server() as s, Watcher(s.address, "fetchers") as w, Client(s.address) as c:
        w.socket.setblocking(False)
        with contextlib.suppress(OSError):
            for _ in range(100):
                w.send(b"set k 0 0 1\r\nx\r\n" * 10000)
        c.get("over")
        w.lines("key=over")
        equal(c.get("k"), None, "a set behind watch")
        w.socket.shutdown(socket.SHUT_WR)
        wait_for(lambda: c.stats()["log_watchers"] == 0, "it has closed")


def test_refused():
    with server("-W") as s, Client(s.address) as c:
        equal(c.command("watch"), "CLIENT_ERROR watch commands not allowed", "watch")
    with server("-l", "noadmin:127.0.0.1:0", listen=False) as s, Client(s.address) as c:
        equal(c.command("watch"), "CLIENT_ERROR not allowed", "watch")


def use_sessions(c, ids):
    """As PHP's stock handlers do: prefix and lock, and php-memcache's bare ids with theirs."""
    for one in ids:
        c.command(f"add memc.sess.key.lock.{one} 0 30 1", b"1")
        c.get(f"memc.sess.key.{one}")
        c.store(f"memc.sess.key.{one}", b"data")
        c.command(f"delete memc.sess.key.lock.{one}")
        bare = f"{one}b"
        c.command(f"incr {bare}.lock 1")
        c.command(f"add {bare}.lock 768 30 1", b"1")
        c.get(bare)
        c.store(bare, b"data")
        c.command(f"set {bare}.lock 768 30 1", b"0")
        c.get(bare)
        c.command(f"get {bare}.lock")
        c.command("set memc.sess.key.%s 0 0 9000000" % one, b"x" * 9000000)


def test_no_id_leaves_the_server():
    """Every byte that it wrote on such paths is looked through for the ids it was given."""
    ids = [secrets.token_hex(16) for _ in range(20)]
    with data_folder() as data:
        shown = []
        with on(data, "-vv", "-m", "64") as (s, c):
            with Watcher(s.address, "fetchers mutations evictions connevents deletions") as w:
                use_sessions(c, ids)
                for one in ids[:5]:
                    equal(c.command(f"delete memc.sess.key.{one}"), "DELETED", "delete")
                c.get("over")
                watched = w.lines("key=over")
            shown += watched
            for what, end in (("metadump all", b"END"), ("mgdump all", b"EN")):
                shown += [line.decode() for line in dump(c, what, end)]
            for kind in ("", "settings", "items", "slabs", "sizes", "conns", "detail dump"):
                c.send(command(f"stats {kind}".strip()))
                while (line := c.line()) not in ("END", "ERROR"):
                    shown.append(line)
            equal(len([line for line in shown if "session:" in line and line.startswith("key=")]), 35, "in the metadump")
            said = s.said()
            s.kill()
        text = "\n".join(shown) + said
        check(all(one[:12] not in text for one in ids), "an id was shown: " +
              next((line for line in text.splitlines() for one in ids if one[:12] in line), ""))
        handles = {line.split("key=")[1].split(" ")[0] for line in watched if "key=session:" in line}
        equal(len(handles), 40, "sessions that were watched")
        with on(data) as (s, c):
            again = {line.split(b" ")[0][4:].decode() for line in dump(c)}
            check(again and again <= handles, "handles after a restart are those of before")
            stop(s)
