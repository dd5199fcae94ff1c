"""Who may write a session, and who waits for it (L1 to L4, L6): the session verbs on the wire, over several threads and
through connections that break. test_session.c has the rules; here it is time, sockets and order that count."""

import os
import signal
import subprocess
import sys
import threading
import time

import harness
from harness import check, equal, in_threads, wait_for
from limits import close_hard
from locks import add
from verbs import Verbs, people, put
from waits import LATE_S, is_answered, n_waiting, timed
from wire import command

TOLD_S = 0.25  # how often one that waits is told so


def wait_until_waiting(watcher, n):
    wait_for(lambda: n_waiting(watcher) == n, f"{n} wait")


def ask_and_read(client, **how):
    """Reads its answer meanwhile: call what is returned for (answer, how long it took)."""
    result = []
    thread = threading.Thread(target=lambda: result.append(timed(lambda: client.open("s", **how))), daemon=True)
    thread.start()

    def wait():
        thread.join(harness.slow * 30)
        check(result, "no answer")
        return result[0]
    return wait


def check_told(answer, took, what):
    """A WT line each 250 ms while it waited, none before that."""
    times = [when for _, when in answer.waits]
    most = int(took / TOLD_S)
    check(most - 1 <= len(times) <= most, f"{what}: {len(times)} WT lines in {took:.2f} s")
    gaps = [b - a for a, b in zip(times, times[1:])]
    check(all(abs(gap - TOLD_S) < LATE_S for gap in gaps), f"{what}: WT lines came after {gaps}")


def test_who_waits_is_told_so():
    with people(3, "-t", "4") as (_, (holder, first, second)):
        token = holder.open("s").token
        answers = []
        for n, c in enumerate((first, second)):
            answers.append(ask_and_read(c, wait_ms=5000))
            wait_until_waiting(holder, n + 1)
        time.sleep(0.6)
        equal(holder.close_session("s", token).code, "HD", "close")
        opened, took = answers[0]()
        equal(opened.code, "EN", "the first")
        equal({position for position, _ in opened.waits}, {1}, "its position")
        check_told(opened, took, "the first")
        time.sleep(0.6)
        equal(first.close_session("s", opened.token).code, "HD", "close")
        opened, took = answers[1]()
        check_told(opened, took, "the second")
        positions = [position for position, _ in opened.waits]
        check(set(positions) == {2, 1} and positions == sorted(positions, reverse=True), f"positions {positions}")


def test_waited_for_so_long():
    """As `w` of the answer says."""
    with people(2) as (_, (holder, other)):
        put(holder, "s")
        token = holder.open("s").token
        other.ask_open("s", wait_ms=5000)
        time.sleep(0.3)
        holder.close_session("s", token)
        opened = other.answer()
        equal((opened.code, opened.value), ("VA", b"v"), "the other")
        check(300 - 50 <= opened.int("w") < 300 + LATE_S * 1000, f"it says that it waited for {opened['w']} ms")
        equal(other.open("s").int("w"), 0, "one that did not wait")


def test_given_on_at_once():
    """By a write, a close, a kill, and in each way in which a connection ends (L4)."""
    ways = {"written": lambda c, token: c.ask("sw", "s", 1, f"K{token}", value=b"w"),
            "closed": lambda c, token: c.ask("sc", "s", f"K{token}"),
            "another is opened": lambda c, _: c.ask("so", "another"),
            "connection closed": lambda c, _: c.close(),
            "quit": lambda c, _: c.send(b"quit\r\n"),
            "reset": lambda c, _: close_hard(c.socket)}
    with people(1, "-t", "4") as (s, (other,)):
        for how, end in ways.items():
            with Verbs(s.address) as holder:
                token = holder.open("s").token
                other.ask_open("s", wait_ms=5000)
                check(not is_answered(other, 0.05), "it has to wait")
                end(holder, token)
                opened, took = timed(other.answer)
                check(opened.code in ("EN", "VA"), f"{how}: {opened}")
                check(took < LATE_S, f"{how}: the next one had it after {took:.3f} s")
                equal(other.close_session("s", opened.token).code, "HD", "close")


HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import harness, verbs
address = (sys.argv[2], int(sys.argv[3]))
holder = verbs.Verbs(address)
print(holder.open("s").code, flush=True)
time.sleep(600)
"""


def test_a_process_that_stands_still_keeps_it():
    """Stopped, it is not gone; killed, it is (L4)."""
    with people(1) as (s, (other,)):
        child = subprocess.Popen([sys.executable, "-c", HOLDER, str(harness.HERE), s.address[0], str(s.address[1])],
                                 stdout=subprocess.PIPE)
        try:
            equal(child.stdout.readline(), b"EN\n", "the holder's open")
            os.kill(child.pid, signal.SIGSTOP)
            busy, took = timed(lambda: other.open("s", wait_ms=600))
            equal(busy.code, "BS", "while it is stopped")
            check(0.59 <= took < 0.6 + LATE_S, f"it waited for {took:.3f} s")
            other.ask_open("s", wait_ms=5000)
            check(not is_answered(other, 0.1), "it has to wait")
            os.kill(child.pid, signal.SIGKILL)
            opened, took = timed(other.answer)
            equal(opened.code, "EN", "once it is killed")
            check(took < LATE_S, f"after {took:.3f} s")
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def test_a_wait_ends():
    """After --lock-wait, or W; a W of 0 does not wait at all."""
    with people(2, "--lock-wait", "300") as (_, (holder, other)):
        holder.open("s", holder="web-1:/cart")
        for wait_ms, wanted in ((None, 0.3), (700, 0.7), (50, 0.05), (0, 0)):
            busy, took = timed(lambda: other.open("s", wait_ms=wait_ms))
            equal((busy.code, busy["n"], busy["h"]), ("BS", "0", "web-1:/cart"), f"W{wait_ms}")
            check(wanted - 0.01 <= took < wanted + LATE_S, f"W{wait_ms}: after {took:.3f} s")
            check(busy.int("m") >= took * 1000 - 10, f"held for {busy['m']} ms, and waited for {took:.3f} s")
    with people(2, "--lock-wait", "0") as (_, (holder, other)):
        holder.open("s")
        busy, took = timed(lambda: other.open("s"))
        check(busy.code == "BS" and took < LATE_S, f"with --lock-wait 0: {busy} after {took:.3f} s")
        other.ask_open("s", wait_ms=5000)
        check(not is_answered(other, 0.1), "who asks to wait does, even so")


def test_at_most_so_many_wait():
    with people(5, "--max-waiters", "3") as (_, (holder, *others)):
        holder.open("s")
        for n, c in enumerate(others[:3]):
            c.ask_open("s", wait_ms=5000)
            wait_until_waiting(holder, n + 1)
        busy, took = timed(lambda: others[3].open("s", wait_ms=5000))
        equal((busy.code, busy["n"]), ("BS", "3"), "the fourth")
        check(took < LATE_S, f"it is told after {took:.3f} s")
        equal(others[3].open("other").code, "EN", "another session")


def test_waiters_that_go():
    closings = {"close": Verbs.close, "reset": lambda c: close_hard(c.socket)}
    with people(4, "-t", "4") as (s, (watcher, holder, first, last)):
        for how, close in closings.items():
            token = holder.open(how).token
            holds = holder
            gone = Verbs(s.address)
            for n, c in enumerate((first, gone, last)):
                c.ask_open(how, wait_ms=5000)
                wait_until_waiting(watcher, n + 1)
            close(gone)
            wait_until_waiting(watcher, 2)
            for c in (first, last):
                equal(holds.close_session(how, token).code, "HD", "close")
                holds, token = c, c.answer().token
            equal(holds.close_session(how, token).code, "HD", "close")
        equal(watcher.stats()["cloakroom_locks"], 0, "leases at the end")


def test_a_lease_has_its_time():
    """L2: it is over after two seconds (of a clock that ticks in seconds), for all who wait, each in its turn; and nobody
    is told busy before its own wait is over."""
    with people(4) as (_, (watcher, holder, first, second)):
        holder.open("s", lease_s=2)
        begin = time.monotonic()
        for n, c in enumerate((first, second)):
            c.ask_open("s", wait_ms=9000, lease_s=2)
            wait_until_waiting(watcher, n + 1)
        for n, c in enumerate((first, second)):
            opened = c.answer()
            took = time.monotonic() - begin
            equal(opened.code, "EN", f"waiter {n + 1}, after {took:.2f} s")
            most = (n + 1) * (2.0 + TOLD_S + LATE_S)  # it is looked at with each WT line
            check(n + 0.99 < took < most, f"waiter {n + 1} had it after {took:.2f} s")


def test_one_that_is_busy_longer_than_a_wait():
    with people(2) as (_, (holder, other)):
        token = holder.open("s", lease_s=4).token
        other.ask_open("s", wait_ms=1000)
        time.sleep(0.5)
        written = holder.write("s", b"v", token, keep=True)
        equal(written.code, "HD", "a write that keeps it")
        busy, took = timed(other.answer)
        equal(busy.code, "BS", "who waits shorter")
        check(took < 0.5 + LATE_S, f"after {took:.2f} s")
        equal(holder.write("s", b"w", written.token).code, "HD", "the write of who holds it")


def test_what_is_sent_behind_waits_too():
    with people(2) as (_, (holder, other)):
        token = holder.open("s").token
        other.send(command("set before 0 0 1", b"1") + command("so s W5000 Oa") + command("set behind 0 0 1", b"2")
                   + command("so t Ob") + command("get before") + command("sn"))
        wait_until_waiting(holder, 1)
        equal((holder.get("before"), holder.get("behind")), (b"1", None), "what has happened so far")
        time.sleep(0.3)
        holder.close_session("s", token)
        equal(other.line(), "STORED", "the set before")
        opened = other.answer()
        equal((opened.code, opened["O"]), ("EN", "a"), "the open that waited")
        check(opened.waits, "it was not told that it waits")
        equal(other.line(), "STORED", "the set behind")
        opened = other.answer()
        equal((opened.code, opened["O"]), ("EN", "b"), "the open behind")
        equal(other.hits(), {"before": b"1"}, "the get")
        equal(other.answer().number, 0, "the count")


def test_one_lease_in_all_dialects():
    """A lock of a stock handler is a lease, and the other way round (L1)."""
    with people(3, "--lock-wait", "500") as (s, (holder, stock, other)):
        token = holder.open("s").token
        stock.send(command("add memc.sess.key.lock.s 0 30 1", b"1"))
        check(not is_answered(stock, 0.05), "php-memcached has to wait")
        holder.write("s", b"v", token)
        equal(stock.line(), "STORED", "its lock")
        other.ask_open("s", wait_ms=5000)
        check(not is_answered(other, 0.05), "an open has to wait for it")
        equal(stock.command("delete memc.sess.key.lock.s"), "DELETED", "given back")
        opened = other.answer()
        equal(opened.value, b"v", "the value")
        stock.send(b"incr s.lock 1\r\nadd s.lock 768 30 1\r\n1\r\nget s\r\n")
        check(not is_answered(stock, 0.05), "php-memcache has to wait")
        other.write("s", b"w", opened.token)
        check((stock.line(), stock.line()) in (("NOT_FOUND", "STORED"), ("1", "NOT_STORED")), "its lock")
        equal(stock.hits(), {"s": b"w"}, "what it reads")
        busy = other.open("s", wait_ms=0)
        equal(busy.code, "BS", "an open while php-memcache holds it")
        equal(add(other, "s"), "NOT_STORED", "an add of php-memcached")


def test_many_on_one():
    """40 clients over 4 threads: each adds one, 25 times; some give up their connection with the lease, and write yet."""
    many, rounds = 40, 25

    def count(address, k):
        c = Verbs(address)
        done = 0
        while done < rounds:
            opened = c.open("n", wait_ms=20000)
            check(opened.code in ("VA", "EN"), f"open: {opened}")
            value = int(opened.value or 0)
            if (done + k) % 9 == 0:
                c.close()
                c = Verbs(address)
            written = c.write("n", b"%d" % (value + 1), opened.token)
            check(written.code in ("HD", "EX"), f"write: {written}")
            done += written.code == "HD"
        c.close()

    with people(1, "-t", "4") as (s, (c,)):
        in_threads([lambda k=k: count(s.address, k) for k in range(many)])
        equal(c.open("n", read_only=True).value, b"%d" % (many * rounds), "the count")
        stats = c.stats()
        equal((stats["cloakroom_lock_waiting"], stats["cloakroom_locks"]), (0, 0), "waiting, leases")
