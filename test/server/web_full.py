#!/usr/bin/env python3
"""HTTP for longer: a million sessions listed page by page while a client's gets go on beside, whose latency is measured, and
so at the same time is that of another server, which nobody asks by HTTP; and a request that never comes to its end.
"""

import json
import multiprocessing
import socket
import time

import harness
import run
from harness import check, equal, wait_for
from web import web
from wire import Client

MILLION = 1000000
PAGE = 1000
FACTOR = 3        # how much slower than the other server's; and so much more:
MOST_S = 0.005    # of all but one in a thousand
WORST_S = 0.1
ROUNDS = 3
REQUEST_S = 20    # HTTP_REQUEST_S
FORK = multiprocessing.get_context("fork")


def fill(address):
    with Client(address) as c:
        for at in range(0, MILLION, 10000):
            c.send(b"".join(b"set memc.sess.key.%026d 0 9000 40 noreply\r\n%s\r\n" % (i, b"v" * 40) for i in range(at, at + 10000)))
        c.send(b"mn\r\n")
        equal(c.line(), "MN", "the end of the sets")


def measure(address, pipe):
    """Gets, one after the other, until it is told to end: (how many, 99.9 %, the worst), in seconds."""
    took = []
    with Client(address) as c:
        while not pipe.poll():
            begin = time.monotonic()
            check(c.get(f"memc.sess.key.{len(took) * 7919 % MILLION:026}") == b"v" * 40, "a get")
            took.append(time.monotonic() - begin)
    took.sort()
    pipe.send((len(took), took[len(took) * 999 // 1000], took[-1]))


class Gets:
    """In a process of their own, so that the list does not stand in their way here."""

    def __init__(self, address):
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=measure, args=(address, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def end(self):
        self.pipe.send("end")
        n, most, worst = self.pipe.recv()
        self.process.join()
        return n, most, worst


def tell(what, figures):
    n, most, worst = figures
    print(f"     {what}: {n} gets, 99.9 % within {most * 1000:.2f} ms, the slowest {worst * 1000:.1f} ms", flush=True)


def list_all(w):
    """The handles of all pages, over one connection."""
    seen, cursor, n = set(), None, 0
    c = w.connection()
    while True:
        c.request("GET", f"/api/v1/sessions?limit={PAGE}" + (f"&cursor={cursor}" if cursor else ""),
                  headers={"Authorization": f"Bearer {w.reader}"})
        answer = c.getresponse()
        page = json.loads(answer.read())
        equal(answer.status, 200, "status of a page")
        seen.update(one["handle"] for one in page["sessions"])
        n += len(page["sessions"])
        cursor = page["cursor"]
        if cursor is None:
            c.close()
            return seen, n


def list_is_whole(w):
    seen, n = list_all(w)
    equal((len(seen), n), (MILLION, MILLION), "sessions listed, each once")


def nothing_is_found(w):
    for _ in range(10):
        equal(w.get("/api/v1/count?tag=none"), {"count": 0}, "count of a tag")
        equal(w.get("/api/v1/contention"), {"sessions": []}, "contention")
        equal(len(w.get("/api/v1/sessions?application=none")["sessions"]), 0, "of an application that is none")


def beside(s, other, what, act):
    """What others do on the machine slows down both; what comes by chance in one round does not come in each."""
    for _ in range(ROUNDS):
        both = [Gets(one.address) for one in (s, other)]
        begin = time.monotonic()
        act()
        took = time.monotonic() - begin
        mine, control = (gets.end() for gets in both)
        tell(f"beside {what} ({took:.1f} s)", mine)
        tell("the other server", control)
        if mine[1] < FACTOR * control[1] + MOST_S and mine[2] < FACTOR * control[2] + WORST_S:
            return
    raise AssertionError(f"beside {what} gets are slower")


def test_a_million_listed_beside_gets():
    with web("-m", "1024", "-t", "2", "--sync", "none") as (s, w), \
            web("-m", "1024", "-t", "2", "--sync", "none") as (other, _):
        for one in (s, other):
            fill(one.address)
        wait_for(lambda: w.get("/api/v1/status")["sessions"] == MILLION, "a million")
        beside(s, other, "a list of all", lambda: list_is_whole(w))
        beside(s, other, "what looks through all and finds nothing", lambda: nothing_is_found(w))


def test_a_request_that_never_ends():
    """A byte now and then keeps it from being idle; its time is over all the same."""
    with web() as (s, w), socket.create_connection(("127.0.0.1", w.port)) as c:
        begin = time.monotonic()
        c.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
        c.settimeout(2)
        while time.monotonic() - begin < 2 * REQUEST_S * harness.slow:
            try:
                c.sendall(b"x")
                if c.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        took = time.monotonic() - begin
        check(REQUEST_S - 1 < took < REQUEST_S + 5 * harness.slow, f"it ended after {took:.1f} s")


if __name__ == "__main__":
    run.TEST_S = 300
    run.main(["web_full"], "web")
