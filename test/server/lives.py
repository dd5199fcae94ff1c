"""How long sessions live, whoever writes them: --first-life, --bot-life, --absolute-life and what the verbs ask for; and
which application they are of, by --session-prefix."""

import time

from harness import check, equal
from locks import add
from startup import refused
from verbs import people, put
from wire import command

KEY = "memc.sess.key."


def left(client, id, application=None):
    """Seconds left, as the read of a verb says."""
    read = client.open(id, read_only=True, application=application)
    equal(read.code, "VA", f"a read of {id}")
    return read.int("t")


def check_left(client, id, wanted, why):
    """Some seconds less, for a machine that is busy."""
    got = left(client, id)
    check(wanted - 3 <= got <= wanted, f"{why}: {got} s are left, not {wanted}")


def wait_gone(client, id, begin, life_s):
    """It is there until its end, a second of the clock more or less, and no longer."""
    while client.open(id, read_only=True).code == "VA":
        check(time.monotonic() - begin < life_s + 1.5, f"{id} is there after {life_s} s")
        time.sleep(0.05)
    took = time.monotonic() - begin
    check(took >= life_s - 1.1, f"{id} was gone after {took:.2f} s, not {life_s}")


def test_first_life():
    """Until it is written a second time, by verb or stock handler; no touch makes a visitor of a one-hit visitor."""
    with people(2, "--first-life", "60") as (_, (c, stock)):
        put(c, "s", life_s=1000)
        check_left(c, "s", 60, "written once")
        opened = c.open("s", life_s=1000)
        check(57 <= opened.int("t") <= 60, f"opened with T1000: {opened}")
        c.close_session("s", opened.token, life_s=1000)
        check_left(c, "s", 60, "closed with T1000")
        equal(stock.command(f"touch {KEY}s 1000"), "TOUCHED", "touch")
        check_left(c, "s", 60, "touched")
        put(c, "s", life_s=1000)
        check_left(c, "s", 1000, "written twice")
        stock.store(KEY + "t", b"v", 1000)
        check_left(c, "t", 60, "a stock handler's, written once")
        stock.store(KEY + "t", b"w", 1000)
        check_left(c, "t", 1000, "written twice")
        put(c, "short", life_s=20)
        check_left(c, "short", 20, "one that was to be shorter")
        put(c, "forever", life_s=0)
        check_left(c, "forever", 60, "one that was to be for ever")
        equal(c.kill("s").line, "HD 1", "kill")
        put(c, "s", life_s=1000)
        check_left(c, "s", 60, "begun anew after a kill")
        opened = c.open("old")
        c.write("old", b"v", opened.token, life_s=1000)
        put(c, "old", life_s=1000)
        token = c.open("old").token
        c.kill("old", token=token, succeed=True)
        c.write("new", b"v", c.open("new", after=token).token, life_s=1000)
        check_left(c, "new", 1000, "the successor of a visitor")


def test_first_life_ends():
    with people(1, "--first-life", "2") as (_, (c,)):
        put(c, "twice", life_s=1000)
        put(c, "twice", life_s=1000)
        begin = time.monotonic()
        put(c, "once", life_s=1000)
        wait_gone(c, "once", begin, 2)
        equal(c.open("twice", read_only=True).code, "VA", "a visitor's")
        equal(c.count(), 1, "sessions")


def test_bot_life():
    with people(2, "--bot-life", "100") as (_, (c, stock)):
        put(c, "bot", life_s=1000, bot=True)
        check_left(c, "bot", 100, "a bot's")
        put(c, "bot", life_s=1000)
        check_left(c, "bot", 100, "once a bot's, always a bot's")
        stock.store(KEY + "bot", b"w", 1000)
        check_left(c, "bot", 100, "written by a stock handler")
        opened = c.open("bot", life_s=1000)
        check(97 <= opened.int("t") <= 100, f"opened with T1000: {opened}")
        put(c, "man", life_s=1000)
        check_left(c, "man", 1000, "another's")
        opened = c.open("man", life_s=1000, bot=True)
        check(97 <= opened.int("t") <= 100, f"opened by a bot: {opened}")
    with people(1, "--bot-life", "2") as (_, (c,)):
        begin = time.monotonic()
        put(c, "bot", life_s=1000, bot=True)
        wait_gone(c, "bot", begin, 2)


def test_bare_ids():
    """php-memcache's own, before any lock: sessions only with the option, and only what looks like an id."""
    id = "0123456789abcdefghijkl"
    for options, n in (((), 0), (("--bare-sessions",), 1)):
        with people(2, *options) as (_, (c, stock)):
            for key in (id, id[1:], "page:" + id, id + "_"):
                stock.store(key, key.encode(), 100)
            equal(c.count(), n, f"sessions with {options}")
            for key in (id, id[1:], "page:" + id, id + "_"):
                equal(stock.get(key), key.encode(), f"the value of {key}")
            equal(c.open(id, read_only=True).code, "VA" if n else "NF", "by a verb")


def test_absolute_life():
    """From its creation, however much it is used; E is shorter, or does not matter."""
    with people(2, "--absolute-life", "5") as (_, (c, stock)):
        begin = time.monotonic()
        for id, absolute_s in (("s", None), ("longer", 1000), ("none", 0), ("shorter", 3)):
            put(c, id, life_s=1000, absolute_s=absolute_s)
        stock.store(KEY + "stock", b"v", 1000)
        while time.monotonic() - begin < 1.5:
            put(c, "s", life_s=1000)
            put(c, "shorter", life_s=1000)
            stock.store(KEY + "stock", b"v", 1000)
            stock.send(command(f"gat 1000 {KEY}longer"))
            stock.hits()
            time.sleep(0.1)
        wait_gone(c, "shorter", begin, 3)
        check(all(left(c, id) <= 4 for id in ("s", "longer", "none", "stock")), "more than is left of its absolute life")
        for id in ("s", "longer", "none", "stock"):
            wait_gone(c, id, begin, 5)


def test_absolute_life_of_verbs():
    with people(1) as (_, (c,)):
        put(c, "s", life_s=1000, absolute_s=100)
        check_left(c, "s", 100, "E100")
        put(c, "s", life_s=1000)
        check_left(c, "s", 100, "written without E")
        put(c, "s", life_s=1000, absolute_s=200)
        check_left(c, "s", 200, "E200")
        put(c, "s", life_s=1000, absolute_s=0)
        check_left(c, "s", 1000, "E0")
        put(c, "s")
        check_left(c, "s", 1000, "written without T")
        put(c, "new")
        check_left(c, "new", 1440, "a new one without T")
        put(c, "forever", life_s=0)
        equal(left(c, "forever"), -1, "T0")
        put(c, "s", life_s=-1)
        equal(c.open("s", read_only=True).line, "NF", "T-1")


def test_applications_by_prefix():
    """Each prefix is an application of its own, for stock handlers and verbs alike."""
    options = ("--session-prefix", "shop.sess.=shop", "--session-prefix", "blog.", "--session-prefix", "x:=shop")
    with people(3, "-t", "2", *options) as (_, (c, stock, other)):
        stock.store("shop.sess.a", b"shop", 100)
        stock.store("blog.a", b"blog", 100)
        stock.store("x:b", b"x", 100)
        stock.store(KEY + "a", b"cache", 100)
        equal([c.count(), c.count(application="shop"), c.count(application="blog"), c.count(application="")], [3, 2, 1, 0],
              "sessions, the last of the default application")
        equal(c.command("sn Ashop Ox"), "HD 2 Ox", "sn A<name>")
        equal(c.open("a", read_only=True, application="shop").value, b"shop", "of shop")
        equal(c.open("a", read_only=True, application="blog").value, b"blog", "of blog")
        equal(c.open("b", read_only=True, application="shop").value, b"x", "of the other prefix of shop")
        equal(c.open("a", read_only=True).line, "NF", "of the default application, whose prefix was not given")
        equal(stock.get("x:a"), b"shop", "one session by either prefix of shop")
        put(c, "new", b"verbs", application="blog")
        equal(stock.get("blog.new"), b"verbs", "what verbs wrote")
        token = c.open("a", application="shop").token
        equal(other.open("a", application="blog").code, "VA", "another application's lease")
        other.send(command("add shop.sess.lock.a 0 30 1", b"1"))
        time.sleep(0.05)
        equal(c.stats()["cloakroom_lock_waiting"], 1, "a lock of the same session waits")
        equal(c.write("a", b"w", token, application="shop").code, "HD", "write")
        equal(other.line(), "STORED", "the lock")
        equal(c.open("a", application="shop", wait_ms=0).code, "BS", "an open beside the lock")
        equal(sorted(line.fields["A"] for line in c.list()), ["blog", "blog", "shop", "shop"], "applications in a list")
        equal(c.kill("a", application="shop").line, "HD 1", "kill")
        equal((stock.get("shop.sess.a"), stock.get("blog.a")), (None, b"blog"), "after it")


def test_the_default_prefix_beside_others():
    options = ("--session-prefix", KEY, "--session-prefix", "shop.=shop", "--session-prefix", "also.=")
    with people(2, *options) as (_, (c, stock)):
        stock.store("also.a", b"another prefix, no name", 100)
        equal(stock.get(KEY + "a"), b"another prefix, no name", "the same session")
        stock.store(KEY + "a", b"v", 100)
        stock.store("shop.a", b"v", 100)
        equal((c.count(), c.count(application="shop")), (2, 1), "sessions")
        equal([line.fields.get("A") for line in c.list() if line.fields.get("A") != "shop"], [None], "the default one's")
        equal((c.count(application=""), len(c.list(application="")), c.command("sl Ax A")), (1, 1, "CLIENT_ERROR duplicate flag"),
              "the default one alone")
        equal(add(stock, "a"), "STORED", "its lock")


def test_prefixes_that_make_no_sense():
    for word in ("", "=x", "a=b c", "a=" + "n" * 65):
        refused(["--session-prefix", word], "--session-prefix")
