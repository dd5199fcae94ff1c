"""A million sessions: listed, counted and put in order while the server goes on to serve, in little memory, and killed by tag."""

import time

import harness
from harness import check, equal, in_threads, server
from tool import peak_mib, succeeds
from verbs import Verbs, put, put_all

MILLION = 1000000
WRITERS = 4


def fill(address, first, n):
    with Verbs(address) as c:
        put_all(c, [f"s{i}" for i in range(first, first + n)], value=b"v" * 100, tags=["all", f"user:{first}"])


def run(s, *words):
    """(lines, MiB at most)"""
    begin = time.monotonic()
    mib, n = peak_mib(s, *words)
    print(f"     {' '.join(words)}: {n} lines, {time.monotonic() - begin:.1f} s, {mib:.1f} MiB", flush=True)
    return n, mib


def test_a_million_sessions():
    with server("-m", "1024", "-t", "2") as s, Verbs(s.address) as c:
        each = MILLION // WRITERS
        in_threads([lambda i=i: fill(s.address, i * each, each) for i in range(WRITERS)], limit_s=250)
        equal(succeeds("count", server=s).out, f"{MILLION}\n", "sessions")
        for words, lines in ((["list"], MILLION + 1), (["list", "--json"], MILLION),
                             (["list", "--tag", "user:0", "--json"], each), (["list", "--sort", "size", "--limit", "1000"], 1001),
                             (["count", "--older", "0", "--larger", "1"], 1), (["top", "--once"], 5)):
            n, mib = run(s, *words)
            check(n >= lines if words[0] == "list" else n >= 1, f"{words}: {n} lines, not {lines}")
            check(mib < 20, f"{words} took {mib:.0f} MiB")
            begin = time.monotonic()
            put(c, "beside")
            check(time.monotonic() - begin < harness.slow, "the server does not serve beside it")
        done = succeeds("kill", "--tag", "user:0", "--yes", server=s, limit_s=120)
        equal(done.out, f"{each} sessions ended\n", "kill by tag")
