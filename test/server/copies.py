"""Copies of a session on several servers, told apart by the revision of their writer: the newer one stays, on each server,
over restarts and compaction, too; what is told of one is enough to make it again elsewhere."""

from durable import ENDS, data_folder, kill
from harness import check, equal
from session_kept import on
from verbs import people, put

DRAWN = 1 << 16


def revision(count, drawn=7):
    return count * DRAWN + drawn


def copy(client, id, value, rev, **how):
    return client.write(id, value, None, R=rev, **how).code


def told(client, id, **how):
    """What is told of a copy, by who only reads."""
    return client.open(id, read_only=True, v=True, **how)


def test_newer_stays():
    with people(2) as (_, (a, b)):
        equal(told(a, "s").line, "NF", "of nothing")
        equal(copy(a, "s", b"five", revision(5)), "HD", "a copy")
        equal(told(a, "s")["v"], str(revision(5)), "its revision")
        equal(copy(b, "s", b"four", revision(4)), "EX", "an older one")
        equal(copy(b, "s", b"five", revision(5, 6)), "EX", "one that has drawn less")
        equal(copy(b, "s", b"five", revision(5, 8)), "EX", "one that has drawn more, and did not know of it")
        opened = a.open("s", v=True)
        equal((opened.value, opened["v"]), (b"five", str(revision(5))), "an open")
        check("l" in told(b, "s") and "l" not in told(b, "t"), "somebody has its lease")
        equal(b.open("t", v=True).code, "EN", "one that is not there yet")
        check("l" in told(a, "t"), "somebody has its lease, too")
        check("l" not in a.open("s", read_only=True), "nobody has asked")
        equal(copy(b, "s", b"six", revision(6)), "HD", "a newer one, while somebody holds the session")
        equal(a.write("s", b"mine", opened.token, R=revision(6, 8)).code, "EX", "a write of who holds it")
        equal(told(a, "s").value, b"six", "in the end")
        equal(a.kill("s").line, "HD 1", "kill")
        equal(told(a, "s").line, f"NF v{revision(7, 0xffff)}", "of a killed one")
        equal(copy(b, "s", b"late", revision(7, 0xfffe)), "GN", "of who did not know")
        opened = a.open("s", v=True)
        equal((opened.code, opened["v"]), ("EN", str(revision(7, 0xffff))), "an open after it")
        equal(a.write("s", b"new", opened.token, R=revision(7, 1)).code, "GN", "no newer than the kill")
        opened = a.open("s", v=True)
        equal(a.write("s", b"new", opened.token, R=revision(8)).code, "HD", "a newer one")


def test_made_again_elsewhere():
    """All that a server tells is enough for the next: tags, age, lives."""
    with people(1) as (_, (there,)), people(1) as (_, (here,)):
        put(there, "s", b"value", tags=["user:1", "b"], life_s=900, absolute_s=3600)
        one = told(there, "s")
        equal((one["v"], one.tags, one["E"]), ("0", ["user:1", "b"], "3600"), "of one that has no revision")
        equal(copy(here, "s", one.value, revision(1), tags=one.tags, absolute_s=one.int("E"), a=one.int("a") + 100,
                   life_s=900), "HD", "a copy of it")
        other = told(here, "s")
        check(100 <= other.int("a") <= 103, f"its age: {other}")
        equal((other.value, other.tags, other["E"]), (b"value", ["user:1", "b"], "3600"), "the copy")
        equal(here.kill_tag("user:1").line, "HD 1", "kill by tag")
        equal(copy(here, "s", b"value", revision(1), a=4000, absolute_s=3600), "GN", "again")
        equal(copy(here, "t", b"value", revision(1), a=4000, absolute_s=3600), "HD", "one whose time is over")
        equal(told(here, "t").line, "NF", "it")


def test_succeeded():
    with people(1) as (_, (c,)):
        equal(copy(c, "s", b"old", revision(1)), "HD", "a copy")
        equal(c.close_session("s", None, succeeded_s=30, R=revision(2, 0xffff)).line, "HD", "it is succeeded")
        shown = told(c, "s")
        check("s" in shown and shown.int("v") == revision(2, 0xffff), f"then: {shown}")
        equal(copy(c, "s", b"late", revision(2)), "GN", "a late copy")
        equal(copy(c, "t", b"old", revision(1)), "HD", "another")
        equal(c.kill("t", succeed=True, R=revision(9, 0xffff)).line, "HD 1", "killed to be succeeded")
        equal(told(c, "t").line, f"NF v{revision(9, 0xffff)}", "it")


def test_kept():
    """Over a restart, a kill of the server, and compaction."""
    for end in ENDS:
        with data_folder() as data:
            with on(data, "-m", "8") as (s, c):
                for i in range(40):
                    equal(copy(c, f"s{i}", b"x" * 2000, revision(5, i), tags=["t"]), "HD", "a copy")
                equal(c.kill("s0").line, "HD 1", "kill")
                for turn in range(20):
                    for i in range(200):
                        copy(c, f"t{i}", b"y" * 2000, revision(turn + 1))
                end(s)
            with on(data, "-m", "8") as (s, c):
                equal([told(c, f"s{i}").int("v") for i in range(1, 40)], [revision(5, i) for i in range(1, 40)], "revisions")
                equal(told(c, "s0").line, f"NF v{revision(6, 0xffff)}", "of the killed")
                equal(copy(c, "s0", b"late", revision(6)), "GN", "late")
                equal(copy(c, "s1", b"late", revision(4)), "EX", "older")
                equal({told(c, f"t{i}").int("v") for i in range(200)}, {revision(20)}, "of those written over and over")
                equal(c.count(tag="t"), 39, "by tag")
                kill(s)
