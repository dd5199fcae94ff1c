"""Lists, counts and kills of many sessions: all that stay are told, page by page, while others come and go; no cursor does
harm; and nobody else waits for it (S7)."""

import collections
import random
import threading
import time

import harness
from harness import check, equal, server
from steady import FORK, LATENCY_S
from verbs import Verbs, people, put_all
from wire import command

MANY = 10000
NO_CURSOR = "CLIENT_ERROR no such cursor: begin without one"
APPLICATIONS = 256  # the default one among them


def beside(function):
    """Runs function(stop) in a thread; call what is returned to end it, and to have its failure."""
    stop = threading.Event()
    failures = []

    def run():
        try:
            function(stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def end():
        stop.set()
        thread.join(20 * harness.slow)
        check(not thread.is_alive(), "a thread goes on")
        if failures:
            raise failures[0]
    return end


def write_others(address, stop):
    """Sessions that come and go, which makes the index grow and what lies in it move."""
    with Verbs(address) as c:
        for turn in range(500):
            if stop.wait(0.01):
                return
            ids = [f"other{turn}-{i}" for i in range(300)]
            put_all(c, ids, tags=["other", "both"])
            for id in ids[:250]:
                c.ask("sk", id)
            for id in ids[:250]:
                equal(c.answer().line, "HD 1", f"kill of {id}")


def test_all_that_stay_are_told_page_by_page():
    with server("-t", "4", "-m", "256") as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(MANY)], tags=["stay", "both"])
        stay = {session.handle for session in c.list(n=1000)}
        equal(len(stay), MANY, "handles")
        end = beside(lambda stop: write_others(s.address, stop))
        try:
            sizes = [(1000, None), (100, "stay"), (7, None), (1, "stay"), (100, "both"), (100, None)]
            for n, which in sizes + ([] if harness.is_sanitized() else [(1, None)]):
                found, pages, cursor = collections.Counter(), 0, None
                while True:
                    some, cursor = c.page(cursor=cursor, n=n, tag=which)
                    check(len(some) <= n, f"a page of {len(some)}, not {n}")
                    found.update(session.handle for session in some)
                    pages += 1
                    if cursor is None:
                        break
                    check(pages < 5 * MANY + 10 * MANY / n, f"{pages} pages of {n}: it goes on for ever")
                missing = stay - set(found)
                check(not missing, f"{len(missing)} are missing of pages of {n}, tag {which}")
                if which is not None:
                    check(max(found.values()) == 1, f"told twice by tag {which}")
                    check(which == "both" or set(found) == stay, f"{len(set(found) - stay)} have no tag {which}")
                twice = sum(times > 1 for handle, times in found.items() if handle in stay)
                check(twice <= MANY / 20, f"{twice} of {MANY} are told twice")
        finally:
            end()
        equal(c.count(tag="stay"), MANY, "count by tag")


def test_counts_add_up():
    with people(1, "-t", "4") as (_, (c,)):
        for a in range(5):
            put_all(c, [f"s{i}" for i in range(100 * (a + 1))], application=f"app.{a}", tags=["t"])
        put_all(c, [f"s{i}" for i in range(50)], tags=["t", "u"])
        equal([c.count(application=f"app.{a}") for a in range(5)], [100, 200, 300, 400, 500], "by application")
        equal((c.count(), c.count(tag="t"), c.count(tag="u")), (1550, 50, 50), "of all, and by the default one's tags")
        equal((c.count(application="none"), c.count(tag="none")), (0, 0), "of none")
        equal([len(c.list(application=f"app.{a}", n=9)) for a in range(5)], [100, 200, 300, 400, 500], "lists")
        equal({session.fields["A"] for session in c.list(application="app.3", tag="t")}, {"app.3"}, "by both")
        equal(c.kill_tag("t", application="app.4").line, "HD 500", "kill")
        equal((c.count(), c.count(application="app.4")), (1050, 0), "after it")


def test_at_most_so_many_applications():
    with people(1) as (_, (c,)):
        for a in range(APPLICATIONS + 1):
            token = c.open("s", application=f"app{a}").token
            wanted = "HD" if a < APPLICATIONS - 1 else "SERVER_ERROR"
            equal(c.write("s", b"v", token, application=f"app{a}").code, wanted, f"application {a}")
        equal(c.count(), APPLICATIONS - 1, "sessions")
        equal(c.write("s", b"v", c.open("s").token).code, "HD", "the default application")


def nonsense(rng):
    """A cursor that none has been told, or that has been changed."""
    numbers = [rng.choice((0, 1, 2, 7, 31, 32, 33, 63, 64, 255, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64,
                           rng.getrandbits(64), rng.getrandbits(32), rng.randrange(5000))) for _ in range(rng.randint(1, 7))]
    text = ".".join(str(number) for number in numbers)
    if rng.random() < 0.2:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(".-_xA9") + text[at + 1:]
    return text[:64]


def test_no_cursor_does_harm():
    """Some thousand cursors: each is answered, by a page that is none too long or by an error; a walk from there ends."""
    rng = random.Random(5)
    with people(2, "-t", "2") as (_, (c, walker)):
        put_all(c, [f"s{i}" for i in range(2000)], tags=["g"])
        some = [c.page(n=50)[1], c.page(n=50, tag="g")[1]]
        for turn in range(4000):
            cursor = nonsense(rng)
            if turn % 4 == 0:  # one that was told, with a number of it changed
                numbers = rng.choice(some).split(".")
                numbers[rng.randrange(len(numbers))] = str(rng.choice((0, 1, rng.getrandbits(16), rng.getrandbits(40))))
                cursor = ".".join(numbers)
            tag = " Gg" if rng.random() < 0.5 else ""
            c.send(command(f"sl C{cursor} N20{tag}") + command(f"se C{cursor} N3") + command("mn"))
            for kind, most in (("SE", 20), ("EV", 3)):
                n = 0
                while (line := c.line()).startswith(kind + " "):
                    n += 1
                check(n <= most, f"{n} lines of {kind} behind cursor {cursor}")
                check(line.startswith(("EN", "CLIENT_ERROR")), f"cursor {cursor}: {line}")
            equal(c.line(), "MN", f"what follows cursor {cursor}")
            if turn % 40 == 0 and not line_of_list(c, f"sl C{cursor} N20{tag}").startswith("CLIENT_ERROR"):
                check(walk(walker, cursor, tag) <= 2100, f"a walk from cursor {cursor} does not end")
        for cursor in ("x", "1.2", "0.0.0.0.0.0", "-1"):
            equal(c.command(f"sl C{cursor}"), NO_CURSOR, f"cursor {cursor}")


def line_of_list(client, asked):
    """The line behind its sessions."""
    client.send(command(asked))
    while (line := client.line()).startswith("SE "):
        pass
    return line


def walk(client, cursor, tag):
    """How many pages there are behind a cursor, or enough."""
    pages = 0
    while cursor is not None and pages <= 2100:
        line = line_of_list(client, f"sl C{cursor} N100{tag}")
        check(line.startswith("EN"), line)
        cursor = line[4:] if line.startswith("EN C") else None
        pages += 1
    return pages


def latencies(address, pipe):
    """In a process of its own: how long each get took, until told to stop."""
    times = []
    with Verbs(address) as c:
        c.store("some", b"v" * 100)
        while not pipe.poll():
            begin = time.monotonic()
            c.get("some")
            times.append((begin, time.monotonic() - begin))
            if len(times) == 20:
                pipe.send("on")
    pipe.recv()
    pipe.send(times)


def check_nobody_waits(address, what, do):
    """Others are served while it runs, many times, and none waits for long."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=latencies, args=(address, theirs), daemon=True)
    process.start()
    try:
        check(ours.poll(10 * harness.slow), "gets before it begins")
        ours.recv()
        begin = time.monotonic()
        do()
        took = time.monotonic() - begin
        ours.send("stop")
        check(ours.poll(10 * harness.slow), "the gets end")
        times = [span for at, span in ours.recv() if at + span >= begin and at <= begin + took]
    finally:
        process.kill()
        process.join()
    # Each waits for a turn of what runs beside it, which is to be short.
    if len(times) < 50:
        raise harness.TooSlow(f"{len(times)} gets beside a {what} of {took:.2f} s")
    worst = max(times)
    if worst >= LATENCY_S * harness.slow:
        raise harness.TooSlow(f"a get beside a {what} of {took:.2f} s took {worst:.3f} s")


def test_others_do_not_wait_for_lists_and_kills():
    """100,000 sessions of one tag are counted, listed and killed; a get beside that, on the same worker, takes its turn."""
    with server("-t", "1", "-m", "256") as s, Verbs(s.address) as c:
        many = 100000
        put_all(c, [f"s{i}" for i in range(many)], tags=["g"])
        check_nobody_waits(s.address, "count", lambda: equal(c.count(tag="g"), many, "count"))
        check_nobody_waits(s.address, "list", lambda: equal(len(c.list(n=1000)), many, "list"))
        check_nobody_waits(s.address, "kill", lambda: equal(c.kill_tag("g").line, f"HD {many}", "kill"))
        equal((c.count(), c.list()), (0, []), "what is left")


def test_who_does_not_read_its_list():
    """What is not taken is not made: memory stays as it was, and others are served."""
    with server("-t", "2", "-m", "64") as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(20000)], tags=["a-tag-of-some-length" * 3])
        before = s.memory_mib()
        idle = [Verbs(s.address) for _ in range(20)]
        for one in idle:
            one.send(command("sl N1000") * 100)
        time.sleep(0.5)
        check(s.memory_mib() < before + 16 * harness.slow, f"from {before:.0f} to {s.memory_mib():.0f} MiB")
        equal(c.count(tag="a-tag-of-some-length" * 3), 20000, "a count meanwhile")
        for one in idle:
            one.close()
        equal(c.kill_tag("a-tag-of-some-length" * 3).line, "HD 20000", "a kill")


def test_a_session_is_shown_as_it_is():
    with people(3) as (s, (c, holder, waiter)):
        put_all(c, ["s"], b"x" * 1000, tags=["b", "a", "b"], life_s=500, application="shop")
        holder.open("s", application="shop", holder="web-1:/cart")
        waiter.ask_open("s", application="shop", wait_ms=9000)
        harness.wait_for(lambda: c.stats()["cloakroom_lock_waiting"] == 1, "it waits")
        line, = c.list()
        equal((line.tags, line.fields["A"], line.fields["n"], line.fields["h"]), (["b", "a"], "shop", "1", "web-1:/cart"), "line")
        check(line.int("a") <= 5 and line.int("i") <= 5 and 490 <= line.int("t") <= 500, f"times of {line}")
        check(1000 < line.int("s") < 1200 and line.int("m") < 5000, f"size, and how long it has been held: {line}")
        put_all(c, ["t"])
        equal([one.handle for one in c.list(held=True)], [line.handle], "held ones")
        handles = {one.handle for one in c.list()}
        for handle in handles:
            equal([one.handle for one in c.list(handle=handle)], [handle], "one by its handle")
        equal((len(handles), c.list(handle="00" * 8), c.list(handle=line.handle, application="other")), (2, [], []), "others")
        holder.close()
        waiter.answer()
        waiter.close()
        harness.wait_for(lambda: c.list(held=True) == [], "nobody holds it")
        holder = Verbs(s.address)
        holder.open("s", application="shop")
        line, = c.list(held=True)
        check("n" not in line.fields and "h" not in line.fields and "m" in line.fields, line)
