"""Who asks for a lock that another holds waits for it: in order, no longer than told, and whatever the others do (L3, L4,
L6). The stock handlers of PHP poll; here their poll is one request that is answered when the lock is theirs."""

import contextlib
import socket
import time

import wire
from harness import check, equal, in_threads, server, wait_for
from limits import close_hard
from locks import EXISTS, LOCK, add, add_in_binary, triple, triple_in_binary
from wire import Client, command

LATE_S = 0.15  # for a machine that is busy with other things


@contextlib.contextmanager
def waiting(*options, n=3):
    """Yields a server, and n clients."""
    with contextlib.ExitStack() as stack:
        s = stack.enter_context(server(*options))
        yield s, [stack.enter_context(Client(s.address)) for _ in range(n)]


def ask(client, name):
    client.send(command(f"add {LOCK}{name} 0 30 1", b"1"))


def is_answered(client, within=0.0):
    client.socket.settimeout(max(within, 0.001))
    try:
        return client.socket.recv(1, socket.MSG_PEEK) != b""
    except (BlockingIOError, TimeoutError):
        return False
    finally:
        client.socket.settimeout(10)


def n_waiting(client):
    return client.stats()["cloakroom_lock_waiting"]


def timed(function):
    begin = time.monotonic()
    value = function()
    return value, time.monotonic() - begin


def test_in_the_order_of_arrival():
    with waiting("-t", "4", n=6) as (_, clients):
        watcher, holder, *others = clients
        equal(add(holder, "x"), "STORED", "the first")
        for n, c in enumerate(others):
            ask(c, "x")
            wait_for(lambda wanted=n + 1: n_waiting(watcher) == wanted, f"{n + 1} wait")
        for n, c in enumerate(others):
            check(not any(is_answered(other) for other in others[n:]), "somebody is answered though the lock is held")
            equal(watcher.command(f"delete {LOCK}x"), "DELETED", "given back")
            equal(c.line(), "STORED", f"number {n}")
        equal(n_waiting(watcher), 0, "waiting")


def test_a_wait_ends():
    with waiting("--lock-wait", "300", "--lock-wait-incr", "150") as (_, (watcher, holder, other)):
        equal(add(holder, "x"), "STORED", "the first")
        answer, took = timed(lambda: add(other, "x"))
        equal(answer, "NOT_STORED", "the second")
        check(0.29 <= took < 0.3 + LATE_S, f"it waited {took:.3f} s, not 0.3")
        check(triple(holder, "s1"), "the triple of the first")
        granted, took = timed(lambda: triple(other, "s1"))
        check(not granted and 0.14 <= took < 0.15 + LATE_S, f"the triple of the second: {granted}, {took:.3f} s")
        equal(watcher.stats()["cloakroom_lock_late"], 2, "cloakroom_lock_late")


def test_holders_that_go():
    closings = {"close": Client.close, "quit": lambda c: c.send(b"quit\r\n"), "reset": lambda c: close_hard(c.socket)}
    with waiting() as (s, (other, *_)):
        for how, close in closings.items():
            holder = Client(s.address)
            equal(add(holder, how), "STORED", "add")
            ask(other, how)
            check(not is_answered(other, 0.05), "it has to wait")
            close(holder)
            answer, took = timed(other.line)
            equal(answer, "STORED", how)
            check(took < LATE_S, f"{how}: the next one had it after {took:.3f} s")


def test_waiters_that_go():
    closings = {"close": Client.close, "reset": lambda c: close_hard(c.socket)}
    with waiting(n=4) as (s, (watcher, holder, first, last)):
        for how, close in closings.items():
            equal(add(holder, how), "STORED", "add")
            gone = Client(s.address)
            for n, c in enumerate((first, gone, last)):
                ask(c, how)
                wait_for(lambda wanted=n + 1: n_waiting(watcher) == wanted, f"{n + 1} wait")
            close(gone)
            wait_for(lambda: n_waiting(watcher) == 2, f"it is taken out of the queue after {how}")
            for c in (first, last):
                equal(watcher.command(f"delete {LOCK}{how}"), "DELETED", "given back")
                equal(c.line(), "STORED", "the next")
            equal(watcher.command(f"delete {LOCK}{how}"), "DELETED", "given back at last")


def test_a_lock_that_expires_goes_on():
    with waiting("--lock-wait", "5000") as (_, (_, holder, other)):
        equal(add(holder, "x", 1), "STORED", "for a second")
        answer, took = timed(lambda: add(other, "x"))
        equal(answer, "STORED", "the next")
        check(took < 1.0 + 2 * LATE_S, f"after {took:.3f} s")


def test_at_most_so_many_wait():
    with waiting("--max-waiters", "3", n=6) as (_, (watcher, holder, *others)):
        equal(add(holder, "x"), "STORED", "the first")
        for c in others[:3]:
            ask(c, "x")
        wait_for(lambda: n_waiting(watcher) == 3, "three wait")
        answer, took = timed(lambda: add(others[3], "x"))
        equal(answer, "NOT_STORED", "the fourth")
        check(took < LATE_S, f"the fourth is told after {took:.3f} s")


def test_what_is_sent_behind_waits_too():
    """Answers come in the order of the requests, and nothing behind the lock happens before it is had."""
    with waiting() as (_, (watcher, holder, other)):
        equal(add(holder, "x"), "STORED", "the first")
        other.send(command("set before 0 0 1", b"1") + command(f"add {LOCK}x 0 30 1", b"1")
                   + command("set behind 0 0 1", b"2") + command("get before"))
        wait_for(lambda: n_waiting(watcher) == 1, "it waits")
        equal((watcher.get("before"), watcher.get("behind")), (b"1", None), "what has happened so far")
        equal(watcher.command(f"delete {LOCK}x"), "DELETED", "given back")
        equal([other.line() for _ in range(3)], ["STORED"] * 3, "answers")
        equal(other.hits(), {"before": b"1"}, "the last answer")


def test_nobody_waits_unread():
    """An add whose answer is not awaited."""
    with waiting("--lock-wait", "5000") as (_, (_, holder, other)):
        equal(add(holder, "x"), "STORED", "the first")
        other.send(f"add {LOCK}x 0 30 1 noreply\r\n1\r\nversion\r\n".encode())
        answer, took = timed(other.line)
        check(answer.startswith("VERSION") and took < LATE_S, f"{answer} after {took:.3f} s")


def test_binary_waits():
    with waiting("--lock-wait", "300") as (s, (text, holder, other)):
        equal(add_in_binary(other, "x"), 0, "the first")
        with Client(s.address) as next_one:
            code, took = timed(lambda: add_in_binary(next_one, "x"))
            equal(code, EXISTS, "too late")
            check(took > 0.28, f"it waited {took:.3f} s")
            next_one.send(wire.packet(wire.ADD, (LOCK + "x").encode(), bytes(7) + b"\x1e", b"1"))
            check(not is_answered(next_one, 0.05), "it has to wait")
            other.close()
            equal(next_one.answer()[1], 0, "the next")
            check(triple_in_binary(holder, "s2"), "the triple")
            next_one.send(wire.packet(wire.INCR, b"s2.lock", bytes(7) + b"\1" + bytes(7) + b"\1" + bytes(4)))
            check(not is_answered(next_one, 0.05), "the count has to wait")
            holder.close()
            equal(next_one.answer()[2], bytes(7) + b"\1", "the count of who has it")
        wait_for(lambda: text.stats()["cloakroom_locks"] == 0, "no lock at the end")


def test_what_was_left_behind_is_given_back():
    """php-memcache leaves its lock on a kept connection after read_and_close: the next request there gives it back."""
    with waiting() as (_, (_, kept, other)):
        check(triple(kept, "s1"), "the first request")
        answer, took = timed(lambda: triple(kept, "s1"))
        check(answer and took < LATE_S, f"the same session again: {answer} after {took:.3f} s")
        ask(other, "y")
        equal(other.line(), "STORED", "another lock")
        other.send(b"incr s1.lock 1\r\n")
        check(not is_answered(other, 0.05), "it has to wait for the first one's")
        check(triple(kept, "s2"), "another session on the kept connection")
        equal(other.line(), "1", "the first one's lock")


def test_many_on_one():
    """50 clients, each with the lock ten times, nobody twice at once."""
    rounds, many = 10, 50

    def count(address):
        with Client(address) as c:
            for _ in range(rounds):
                while add(c, "n") != "STORED":
                    pass
                c.store("n", b"%d" % (int(c.get("n")) + 1))
                equal(c.command(f"delete {LOCK}n"), "DELETED", "delete")

    with server("-t", "4") as s, Client(s.address) as c:
        c.store("n", b"0")
        in_threads([lambda: count(s.address)] * many)
        equal(c.get("n"), b"%d" % (many * rounds), "the count")
        stats = c.stats()
        equal((stats["cloakroom_lock_waiting"], stats["cloakroom_locks"], stats["cloakroom_lock_late"]), (0, 0, 0),
              "waiting, locks, late")
