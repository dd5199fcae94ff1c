"""Options of memcached: those that work, and those that are accepted and ignored, each with one line that says why."""

import contextlib
import os
import re
import resource
import socket
import subprocess
import threading
import time

import harness
from harness import MIB, ROOT, Skip, as_root, attempt, check, equal, folder, server, wait_for
from steady import attacked
from wire import DENIED, FLUSH, Client, connect, read_all

MEMCACHED = "/usr/bin/memcached"
# Words of `memcached -h` that belong to access and watching: their own tests have them.
ELSEWHERE = re.compile(r"-[SXWYZ]|ssl_")
VALUES = {"-B": "ascii", "-D": ":", "-a": "700", "-l": "127.0.0.1", "-u": "root", "-P": "/tmp/x", "-I": "1m",
          "-s": "/tmp/x", "-o": "modern", "-e": "/tmp/x", "-t": "2", "-f": "1.25"}
WORKING_WORDS = {"maxconns_fast", "no_maxconns_fast", "idle_timeout", "read_buf_mem_limit", "lru_crawler",
                 "no_lru_crawler", "no_modern"}
IGNORED_LETTERS = {"-f", "-n", "-L", "-N", "-e"}
# Known to 1.6 and not in its help, or of the newest.
MORE_WORDS = ["slab_reassign", "slab_automove=2", "no_slab_automove", "slab_automove_window=3", "slab_sizes=100-200",
              "no_chunked_items", "no_inline_ascii_resp", "relaxed_privileges", "drop_privileges", "no_drop_privileges",
              "lru_crawler", "lru_maintainer", "no_hashexpand", "resp_obj_mem_limit=4", "ext_io_depth=1",
              "meta_response_old", "track_sizes"]


def memcached_help():
    if not os.path.exists(MEMCACHED):
        raise Skip("Debian's memcached is not installed")
    return subprocess.run([MEMCACHED, "-h"], capture_output=True, text=True, check=False).stdout


def asked(*options):
    """What the server says to its options, started for its version alone."""
    status, said = attempt([*options, "-V"])
    equal(status, 0, f"status with {options}, which said {said!r}")
    return said.splitlines()


def check_note(said, option, is_ignored):
    wanted = 1 + is_ignored
    equal(len(said), wanted, f"lines about {option}: {said}")
    if is_ignored:
        check(re.match(rf'ts=\S+ level=notice event=option_ignored msg="{option}( \S+)?: accepted and ignored: .{{10,}}"', said[0]), said[0])


def test_each_letter_and_name_of_memcached():
    rows = re.findall(r"^(-\w)(?:, *--([\w-]+)(=?)| (<)|  ?)", memcached_help(), re.M)
    check(len(rows) > 30, f"memcached -h: {rows}")
    for letter, name, takes, takes_too in rows:
        if ELSEWHERE.fullmatch(letter) or letter in ("-h", "-V", "-i"):
            continue
        takes = takes or takes_too or letter in ("-R", "-N")  # whose values the help forgets
        value = [VALUES.get(letter, "1024")] if takes else []
        if letter == "-o":
            continue
        check_note(asked(letter, *value), letter, letter in IGNORED_LETTERS)
        if name:
            check_note(asked(f"--{name}" + ("=" + value[0] if value else "")), f"--{name}", letter in IGNORED_LETTERS)


def test_each_word_of_memcached():
    words = re.findall(r"^   - (\w+):", memcached_help(), re.M)
    check(len(words) > 40, f"memcached -h: {words}")
    for word in words + [word.split("=")[0] for word in MORE_WORDS]:
        if not ELSEWHERE.match(word):
            takes = word in ("idle_timeout", "read_buf_mem_limit")
            check_note(asked("-o", word + ("=5" if takes else "")), f"-o {word}", word not in WORKING_WORDS)
    said = asked("-o", ",".join(MORE_WORDS))
    equal(len(said), len(set(MORE_WORDS) - WORKING_WORDS) + 1, "lines about all of them at once")


def test_what_is_refused():
    for options, *wanted in ((["-o", "modern,slabs"], "-o: unknown word slabs"), (["-o", "idle_timeuot=3"], "idle_timeout"),
                             (["-o", "idle_timeout"], "needs a value"), (["-o", "no_idle_timeout"], "no_idle_timeout"),
                             (["-B", "http"], "-B http", "ascii"), (["-D", "ab"], "-D ab", "one character"),
                             (["-D", "x"], "-D x", "session ids"), (["-D", ""], "one character"), (["-R", "0"], "-R 0"),
                             (["-c", "0"], "-c 0"), (["-t", "0"], "-t 0"), (["-b", "0"], "-b 0")):
        status, said = attempt([*as_root(), *options])
        check(status == 1 and said.count("\n") == 1, f"{options}: status {status}, said {said!r}")
        for words in wanted:
            check(words in said, f"{options}: {said!r} does not say {words!r}")


def test_license():
    equal(attempt(["-i"]), (0, (ROOT / "LICENSE").read_text()), "-i")


def test_a_server_starts_with_what_is_ignored():
    options = ["-f", "1.1", "-n", "72", "-L", "-o", "modern,lru_maintainer,hash_algorithm=murmur3",
               "-o", "slab_reassign,relaxed_privileges", "-o", "resp_obj_mem_limit=9"]
    with server(*options, notes=9) as s, Client(s.address) as c:
        c.store("k", b"v")


def test_crawler_that_begins_disabled():
    for word in ("no_lru_crawler", "no_modern"):
        with server("-o", word) as s, Client(s.address) as c:
            equal(c.stats("settings")["lru_crawler"], "no", f"with {word}")
            equal(c.command("lru_crawler metadump all"), "CLIENT_ERROR lru crawler disabled", f"with {word}")
            equal(c.command("lru_crawler enable"), "OK", "enable")
            equal(c.command("lru_crawler metadump all"), "END", "then")
    with server("-o", "no_lru_crawler,lru_crawler") as s, Client(s.address) as c:
        equal(c.stats("settings")["lru_crawler"], "yes", "the last word")


# -c

def test_the_newest_waits():
    with server("-c", "5", "-t", "2", "-o", "no_maxconns_fast") as s, contextlib.ExitStack() as stack:
        inside = [stack.enter_context(Client(s.address)) for _ in range(5)]
        for i, client in enumerate(inside):
            client.store(f"k{i}", b"v")
        waiting = [stack.enter_context(Client(s.address)) for _ in range(3)]
        for one in waiting:
            one.send(b"get k1\r\n")
        wait_for(lambda: inside[0].stats()["accepting_conns"] == 0, "it says that it does not accept")
        stats = inside[0].stats()
        equal((stats["listen_disabled_num"], stats["rejected_connections"]), (1, 0), "listen_disabled_num, rejected")
        waiting[0].socket.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            raise AssertionError(f"one that should wait was told {waiting[0].socket.recv(100)!r}")
        for one in waiting:
            one.socket.settimeout(10 * harness.slow)
            inside.pop().close()
            equal(one.hits(), {"k1": b"v"}, "the first that waits, when another has gone")
        stats = inside[0].stats()
        equal(stats["curr_connections"], 5, "connections, the limit")
        waiting.pop().close()
        waiting.pop().close()
        wait_for(lambda: inside[0].stats()["accepting_conns"] == 1, "it accepts again")
        check(inside[0].stats()["time_in_listen_disabled_us"] > 100000, "it was a while")


# -R

def yields(requests, *options):
    with server("-t", "1", *options) as s, Client(s.address) as c:
        c.send(b"mn\r\n" * requests)
        for _ in range(requests):
            equal(c.line(), "MN", "an answer")
        return c.stats()["conn_yields"]


def test_requests_of_a_turn():
    check(yields(2000, "-R", "10") >= 150, "with -R 10, 2000 requests take many turns")
    check(yields(2000, "-R", "5000") <= 2, "with -R 5000 they do not")


def test_a_pipeline_without_end_beside_others():
    with attacked("-R", "20") as s, Client(s.address) as c:
        c.store("k", b"v" * 100)
        until = time.monotonic() + 2.0

        def swallow():
            with contextlib.suppress(OSError):
                while c.socket.recv(1 << 16):
                    pass

        reader = threading.Thread(target=swallow, daemon=True)
        reader.start()
        while time.monotonic() < until:
            c.send(b"get k\r\n" * 5000)
        c.socket.shutdown(socket.SHUT_RDWR)
        reader.join(10)


# -o idle_timeout

def test_idle_timeout():
    with server("-o", "idle_timeout=2", "-t", "1") as s, contextlib.ExitStack() as stack:
        busy, silent, half, waiting = (stack.enter_context(Client(s.address)) for _ in range(4))
        silent.store("k", b"v")
        half.send(b"set k 0 0 10\r\nabc")
        begin = time.monotonic()
        closed = {}

        def watch(name, client):
            read_all(client.socket)
            closed[name] = time.monotonic() - begin

        threads = [threading.Thread(target=watch, args=pair, daemon=True) for pair in (("silent", silent), ("half", half))]
        for thread in threads:
            thread.start()
        while time.monotonic() < begin + 5 * harness.slow and len(closed) < 2:
            check(busy.command("mn") == "MN", "one that is busy")
            time.sleep(0.2)
        equal(sorted(closed), ["half", "silent"], "closed")
        for name, after in closed.items():
            check(1.5 < after < 4.5 * harness.slow, f"{name} was closed after {after:.1f} s")
        equal(busy.stats()["idle_kicks"], 3, "idle_kicks, the one that sent nothing at all included")
        equal(busy.stats()["curr_connections"], 1, "connections")


# -A, -F, -C, -B

def test_shutdown_command():
    with server() as s, Client(s.address) as c:
        equal(c.command("shutdown"), "ERROR: shutdown not enabled", "without -A")
    for line in ("shutdown", "shutdown graceful"):
        with server("-A") as s, Client(s.address) as c:
            equal(c.command("shutdown now"), "CLIENT_ERROR invalid shutdown mode", "another mode")
            equal(c.command("version")[:7], "VERSION", "it is still there")
            c.send(line.encode() + b"\r\nversion\r\n")
            equal(c.rest(), b"", "what comes after")
            equal(s.child.wait(5 * harness.slow), 0, "status at the end")
            equal(s.said().strip(), s.ready, "what it said")


def test_shutdown_of_a_listener_without_administration():
    with server("-A", "-l", "noadmin:127.0.0.1:0", listen=False) as s, Client(s.address) as c:
        equal(c.command("shutdown"), "CLIENT_ERROR not allowed", "shutdown")
        equal(c.command("cache_memlimit 8"), "CLIENT_ERROR not allowed", "cache_memlimit")


def test_flush_all_disabled():
    with server("-F") as s, Client(s.address) as c, Client(s.address) as binary:
        c.store("k", b"v")
        equal(c.command("flush_all"), "CLIENT_ERROR flush_all not allowed", "flush_all")
        equal(binary.packet(FLUSH)[1], DENIED, "status of a binary flush")
        equal(c.get("k"), b"v", "what was there")


def test_one_protocol_only():
    with server("-B", "ascii") as s, Client(s.address) as c:
        c.send(b"\x80\x0a" + b"\0" * 22 + b"\r\n")
        check(b"ERROR" in c.socket.recv(100), "a binary request is no line")
    with server("-B", "binary") as s, Client(s.address) as c:
        c.send(b"version\r\n" + b"\0" * 30)
        equal(c.rest(), b"", "what a line gets")
    with server("-B", "binary") as s, Client(s.address) as c:
        equal(c.packet(0x0A)[:2], (0x0A, 0), "a binary noop")
    with server("-B", "auto") as s, Client(s.address) as c, Client(s.address) as binary:
        equal(c.command("mn"), "MN", "a line")
        equal(binary.packet(0x0A)[:2], (0x0A, 0), "a binary noop")


# -k, -r

def locked_kib(s):
    return int(re.search(r"VmLck:\s+(\d+)", open(f"/proc/{s.child.pid}/status").read())[1])


def test_locked_memory():
    if harness.is_sanitized():
        raise Skip("shadow memory is not to be locked")
    with folder() as where, server("-k", "-m", "8", where=where, notes=None) as s, Client(s.address) as c:
        c.store("k", b"v")
        if locked_kib(s) == 0:
            check("-k: memory is not locked" in s.said(), f"said {s.said()!r}")
        else:
            equal(s.said().strip(), s.ready, "said")


def test_locked_memory_not_permitted():
    if harness.is_sanitized():
        raise Skip("shadow memory is not to be locked")
    with server("-k", "-m", "64", user=harness.NOBODY, limits={resource.RLIMIT_MEMLOCK: 65536}, notes=1) as s:
        check("-k: memory is not locked" in s.said() and "LimitMEMLOCK" in s.said(), f"said {s.said()!r}")
        equal(locked_kib(s), 0, "locked")


def test_core_files():
    with server("-r") as s:
        limits = open(f"/proc/{s.child.pid}/limits").read()
        soft, hard = re.search(r"Max core file size\s+(\S+)\s+(\S+)", limits).groups()
        equal(soft, hard, "the limit of core files")
        check(soft != "0", "it is lifted")


# cache_memlimit

def test_memory_limit_lowered_and_raised():
    with server("-m", "32", "-t", "1") as s, Client(s.address) as c:
        value = os.urandom(4000)
        for i in range(6000):
            c.send(f"set c{i} 0 0 4000 noreply\r\n".encode() + value + b"\r\n")
        c.store("memc.sess.key.1", b"v")
        full = c.stats()
        check(full["evictions"] == 0 or full["bytes"] > 20 * MIB, f"it holds {full['bytes']}")
        equal(c.command("cache_memlimit 8"), "OK", "lowered")
        equal(c.stats()["limit_maxbytes"], 8 * MIB, "limit_maxbytes")
        wait_for(lambda: c.stats()["cloakroom_used_bytes"] <= 8 * MIB, "what is used comes down", 20)
        check(c.stats()["evictions"] > 1000, "cache was evicted")
        equal(c.get("memc.sess.key.1"), b"v", "a session")
        c.store("another", value)
        equal(c.command("cache_memlimit 257"), "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust", "too much")
        equal(c.command("cache_memlimit 32"), "OK", "raised again")
        for i in range(5000):
            c.send(f"set d{i} 0 0 4000 noreply\r\n".encode() + value + b"\r\n")
        check(c.stats()["cloakroom_used_bytes"] > 16 * MIB, "there is room again")


def fill(client, name, n):
    value = os.urandom(4000)
    for i in range(n):
        client.send(f"set {name}{i} 0 0 4000 noreply\r\n".encode() + value + b"\r\n")
    return client.stats()


def test_memory_limit_above_what_it_began_with():
    """Eight times at most: all of it can be used, and comes back."""
    with server("-m", "8", "-t", "1") as s, Client(s.address) as c:
        full = fill(c, "a", 3000)
        check(full["evictions"] > 0 and full["cloakroom_used_bytes"] <= 8 * MIB, "8 MiB are full")
        equal(c.command("cache_memlimit 64"), "OK", "raised")
        equal(c.stats("settings")["maxbytes"], 64 * MIB, "maxbytes")
        more = fill(c, "b", 12000)
        equal(more["evictions"], full["evictions"], "nothing more was evicted for 48 MB")
        check(more["cloakroom_used_bytes"] > 46 * MIB, f"it holds {more['cloakroom_used_bytes']}")
        past = fill(c, "c", 6000)
        check(past["evictions"] > full["evictions"] and past["cloakroom_used_bytes"] <= 64 * MIB, "64 MiB are full")
        equal(c.command("cache_memlimit 8"), "OK", "lowered")
        wait_for(lambda: c.stats()["cloakroom_used_bytes"] <= 8 * MIB, "what is used comes down", 20)
        if not harness.is_sanitized():  # which keeps the shadow of what was given back
            wait_for(lambda: s.memory_mib() < 40, "so does memory", 20)


def test_no_addresses_to_grow_into():
    """Where there are only those for -m, it starts, and the limit stays where it was."""
    if harness.is_sanitized():
        raise Skip("a sanitizer takes all addresses itself")
    with server("-m", "1000", "-t", "1", limits={resource.RLIMIT_AS: 2500 << 20}) as s, Client(s.address) as c:
        equal(c.command("cache_memlimit 1001"), "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust", "raised")
        equal(c.command("cache_memlimit 500"), "OK", "lowered")


def test_documented_as_the_help_says():
    """docs/memcached.md has the table that `make docs` makes."""
    done = subprocess.run([os.path.join(ROOT, "tools/option-table"), harness.program], capture_output=True, text=True, check=True)
    with open(os.path.join(ROOT, "docs/memcached.md"), encoding="utf-8") as file:
        documented = file.read().split("<!-- options: begin -->")[1].split("<!-- options: end -->")[0]
    equal(documented.strip().splitlines(), done.stdout.strip().splitlines(), "run `make docs`: the table of options")


# debugtime, for memcached's own test suite

def test_the_clock_moves_in_the_debug_profile_only():
    with server() as s, Client(s.address) as c:
        answer = c.command("debugtime p")
        if answer == "ERROR":
            return  # as it must be in a release
        equal(answer, "OK", "debugtime p")
        equal(c.set("k", b"v", exptime=2), "STORED", "set")
        equal(c.set("w", b"v", exptime=c.stats()["time"] + 50), "STORED", "set with wall time")
        time.sleep(2.5)
        equal(c.get("k"), b"v", "it stands")
        begin = c.stats()["time"]
        equal(c.command("debugtime 3"), "OK", "debugtime 3")
        equal((c.get("k"), c.stats()["time"] - begin), (None, 3), "three seconds later")
        equal(c.command("debugtime 40"), "OK", "debugtime 40")
        equal(c.get("w"), b"v", "before its time")
        equal(c.command("debugtime 8"), "OK", "debugtime 8")
        equal(c.get("w"), None, "after its time")
        equal((c.command("debugtime r"), c.command("debugtime -5"), c.command("debugtime x")), ("OK", "OK", "ERROR"),
              "it runs on, goes back, and knows no x")
