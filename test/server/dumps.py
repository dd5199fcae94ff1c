"""lru_crawler metadump and mgdump: all that is there is told, while others write; a reader that does not read holds up
nobody; sessions are shown as handles; -X and listeners refuse."""

import contextlib
import re
import threading
import time

import harness
from full import store_all, value
from harness import check, equal, server, wait_for
from steady import attacked
from wire import Client, command

LINE = re.compile(rb"key=(\S+) exp=(-1|\d+) la=(\d+) cas=(\d+) fetch=(yes|no) cls=([12]) size=(\d+)")


def dump(client, what="metadump all", end=b"END", verb="lru_crawler"):
    """The lines of a dump, without the last."""
    client.send(command(f"{verb} {what}"))
    lines = []
    while True:
        while (at := client.buffer.find(b"\n")) < 0:
            client._more()
        line = client.read(at + 1).rstrip(b"\r\n")
        if line == end:
            return lines
        lines.append(line)


def cachedump(client, what):
    return dump(client, f"cachedump {what}", verb="stats")


def test_all_are_told_once():
    items = {f"k{i}": value("k", i % 2000) for i in range(20000)}
    with server("-m", "128") as s, Client(s.address) as c:
        equal(dump(c), [], "of an empty server")
        equal(set(store_all(c, list(items.items()), 0)), {"STORED"}, "answers")
        lines = dump(c)
        found = [LINE.fullmatch(line) for line in lines]
        check(all(found), f"a line that is none: {next((l for l, f in zip(lines, found) if not f), None)!r}")
        equal(sorted(f[1].decode() for f in found), sorted(items), "keys")
        equal(sorted(dump(c, "mgdump hash", b"EN")), sorted(f"mg {k}".encode() for k in items), "mgdump")
        equal(dump(c, "metadump 2"), [], "sessions")
        told = [re.fullmatch(rb"ITEM (\S+) \[\d+ b; 0 s\]", line)[1] for line in cachedump(c, "1 0")]
        equal(sorted(told), sorted(k.encode() for k in items), "cachedump")
        equal(len(set(cachedump(c, "1 1000"))), 1000, "so many of a cachedump")
        equal(cachedump(c, "2 0"), [], "sessions of a cachedump")
        equal(len(dump(c, "metadump 1,2")), len(items), "both classes")
        equal(c.command("mn"), "MN", "what follows")


def test_what_stays_is_told_while_others_write():
    """20,000 stay; what is written beside them grows the index meanwhile."""
    stay = {f"stay{i}": b"v" * 50 for i in range(20000)}
    with server("-m", "256") as s, Client(s.address) as c:
        store_all(c, list(stay.items()), 0)
        over = threading.Event()

        def write():
            with Client(s.address) as other:
                i = 0
                while not over.is_set():
                    other.send(b"".join(command(f"set other{n} 0 0 1 noreply", b"x") for n in range(i, i + 500)))
                    other.send(b"".join(command(f"delete other{n} noreply") for n in range(i, i + 100)))
                    equal(other.command("mn"), "MN", "mn")
                    i += 500

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for _ in range(5):
                keys = {LINE.fullmatch(line)[1].decode() for line in dump(c)}
                missing = set(stay) - keys
                check(not missing, f"{len(missing)} are missing, such as {sorted(missing)[:3]}")
        finally:
            over.set()
            thread.join()


def test_one_that_does_not_read_its_dump():
    """Four of them; what they do not take is not made, and a fifth is told."""
    with attacked("-m", "64", bound_mib=200) as s, contextlib.ExitStack() as stack:
        with Client(s.address) as c:
            store_all(c, [(f"a-key-of-some-length-{i}", b"v") for i in range(100000)], 0)
        before = s.memory_mib()
        for _ in range(4):
            stack.enter_context(Client(s.address)).send(command("lru_crawler metadump all"))
        time.sleep(0.5)
        check(s.memory_mib() < before + 8 * harness.slow, f"from {before:.0f} to {s.memory_mib():.0f} MiB")
        with Client(s.address) as c:
            equal(c.command("lru_crawler metadump all"), "BUSY currently processing crawler request", "the fifth")
        stack.close()
        with Client(s.address) as c:
            wait_for(lambda: not c.command("lru_crawler mgdump 3").startswith("BUSY"), "they are over")


def test_dumps_in_a_pipeline():
    with server() as s, Client(s.address) as c:
        c.store("k", b"v")
        c.send(b"mn\r\nlru_crawler mgdump all\r\nget k\r\nlru_crawler mgdump all\r\nmn\r\n")
        got = [c.line() for _ in range(9)]
        equal(got, ["MN", "mg k", "EN", "VALUE k 0 1", "v", "END", "mg k", "EN", "MN"], "answers")


def test_gone_amid_a_dump():
    with server() as s:
        with Client(s.address) as c:
            store_all(c, [(f"a-key-of-some-length-{i}", b"v") for i in range(50000)], 0)
        for _ in range(20):
            with Client(s.address) as c:
                c.send(command("lru_crawler metadump all"))
                c.read(1)
        with Client(s.address) as c:
            wait_for(lambda: not c.command("lru_crawler mgdump 3").startswith("BUSY"), "they are over")


def test_refused():
    with server("-X") as s, Client(s.address) as c:
        equal(c.command("lru_crawler metadump all"), "ERROR metadump not allowed", "metadump")
        equal(c.command("lru_crawler mgdump all"), "ERROR key dump not allowed", "mgdump")
        equal(c.command("stats cachedump 1 0"), "CLIENT_ERROR stats cachedump not allowed", "cachedump")
        equal(c.command("lru_crawler crawl all"), "OK", "crawl")
    for words in ("noadmin:127.0.0.1:0", "readonly:127.0.0.1:0"):
        with server("-l", words, listen=False) as s, Client(s.address) as c:
            equal(c.command("lru_crawler metadump all"), "CLIENT_ERROR not allowed", f"on {words}")
            equal(c.command("stats cachedump 1 0"), "CLIENT_ERROR not allowed", f"on {words}")
            equal(c.command("slabs automove 0"), "CLIENT_ERROR not allowed", f"on {words}")
            equal(c.command("lru mode flat"), "CLIENT_ERROR not allowed", f"on {words}")
