"""HTTP: sessions listed, counted, shown and killed; what is safe before it is told; and what happened to them."""

import contextlib
import json
import shutil
import time
import urllib.parse

import harness
from disk import end_whatever_it_says, is_read_only
from harness import as_root, check, equal, folder, free_port, server, spawn, wait_for
from loading import fill_folder, slow_disk
from verbs import Verbs, put, put_all
from web import Web, web

FIELDS = {"handle", "application", "age_s", "idle_s", "ttl_s", "size", "held", "held_ms", "waiting", "holder", "tags"}


def quoted(**words):
    return urllib.parse.urlencode(words)


def pages(w, limit=None, **words):
    """All sessions of a list, and the sizes of its pages."""
    found, sizes, cursor = [], [], None
    while True:
        more = {**words, **({"limit": limit} if limit else {}), **({"cursor": cursor} if cursor else {})}
        page = w.get("/api/v1/sessions?" + quoted(**more))
        found += page["sessions"]
        sizes.append(len(page["sessions"]))
        cursor = page["cursor"]
        if cursor is None:
            return found, sizes


def test_a_thousand_page_by_page():
    with web("-m", "64") as (s, w), Verbs(s.address) as v:
        put_all(v, [f"plain-{i}" for i in range(700)])
        put_all(v, [f"shop-{i}" for i in range(300)], application="shop", tags=["user:7"], life_s=900)
        told = {one.handle: one for one in v.list()}
        equal(len(told), 1000, "sessions by the verbs")
        for limit, least in ((1000, 1), (100, 10), (7, 143), (None, 10)):
            found, sizes = pages(w, limit)
            equal({one["handle"] for one in found}, set(told), f"handles, {limit} a page")
            check(max(sizes) <= (limit or 100) and len(sizes) >= least, f"pages of {limit}: {sizes}")
        for one in found:
            equal(set(one), FIELDS, "fields")
            like = told[one["handle"]]
            equal((one["application"], one["size"], one["tags"], one["held"]),
                  ("shop" if like.tags else "", like.int("s"), like.tags, False), f"as the verbs have {like}")
            check(one["age_s"] < 60 and one["idle_s"] < 60 and 800 < one["ttl_s"] <= 1440, f"times of {one}")
        found, _ = pages(w, 50, application="shop")
        equal((len(found), {one["application"] for one in found}), (300, {"shop"}), "of the shop")
        equal(len(pages(w, 50, application="shop", tag="user:7")[0]), 300, "of the shop, by tag")
        found, _ = pages(w, 50, application="")
        equal((len(found), {one["application"] for one in found}), (700, {""}), "of the default application")
        equal(pages(w, 50, tag="user:7")[0], [], "the tag is another application's")
        for words, n in (({}, 1000), ({"application": "shop"}, 300), ({"application": "shop", "tag": "user:7"}, 300),
                         ({"tag": "user:7"}, 0), ({"application": "none"}, 0), ({"tag": ""}, 1000), ({"application": ""}, 700)):
            equal(w.get("/api/v1/count?" + quoted(**words)), {"count": n}, f"count {words}")
        equal(w.get("/api/v1/status")["applications"],
              [{"name": "", "sessions": 700}, {"name": "shop", "sessions": 300}], "applications")
        one = found[0]
        equal({**w.get(f"/api/v1/sessions/{one['handle']}"), "idle_s": 0, "age_s": 0, "ttl_s": 0},
              {**one, "idle_s": 0, "age_s": 0, "ttl_s": 0}, "one of them")


def test_numbers_and_cursors_that_are_none():
    with web() as (s, w):
        for words in ("limit=0", "limit=1001", "limit=x", "limit=-1", "limit=99999999999999999999", "cursor=x", "cursor=1.2",
                      "cursor=1.99.0.0", "cursor=9999999999.0.0.0", "nothing=1", "tag=a&tag=b", "tagg=a", "limit=5,tag"):
            w.refused(400, "GET", "/api/v1/sessions?" + words)
        for words in ("cursor=60000.0.0.0", "cursor=1.30.4000000000.18446744073709551615.18446744073709551615", "limit=",
                      "cursor=", "tag=x&cursor=17"):
            equal(w.get("/api/v1/sessions?" + words), {"sessions": [], "cursor": None}, words)
        for handle in ("0", "x" * 16, "0123456789ABCDEF", "0123456789abcdef0"):
            w.refused(400, "GET", f"/api/v1/sessions/{handle}")
            w.refused(400, "DELETE", f"/api/v1/sessions/{handle}")
        w.refused(404, "GET", "/api/v1/sessions/0123456789abcdef")
        w.refused(404, "GET", "/api/v1/sessions/")
        w.refused(404, "GET", "/api/v1/sessions/0123456789abcdef/x")
        w.refused(400, "DELETE", "/api/v1/sessions")
        w.refused(400, "DELETE", "/api/v1/sessions?tag=")
        w.refused(400, "GET", "/api/v1/events?after=x")
        w.refused(400, "GET", "/api/v1/contention?limit=201")


def test_killed_by_handle_is_gone():
    """Who has the id finds nothing, a request that has it open cannot write it, and it does not come back."""
    with web() as (s, w), Verbs(s.address) as v, Verbs(s.address) as other:
        put(v, "victim")
        put(v, "stays")
        handles = {one["handle"]: one for one in pages(w)[0]}
        opened = v.open("victim")
        held = next(one for one in pages(w)[0] if one["held"])["handle"]
        equal(w.ask("DELETE", f"/api/v1/sessions/{held}").json, {"killed": 1}, "the kill")
        w.refused(404, "GET", f"/api/v1/sessions/{held}")
        w.refused(404, "DELETE", f"/api/v1/sessions/{held}")
        equal(v.write("victim", b"late", opened.token).code, "GN", "a write of who had it open")
        equal(other.open("victim", must_exist=True, wait_ms=0).code, "NF", "an open")
        equal([one["handle"] for one in pages(w)[0]], [one for one in handles if one != held], "who is left")
        kinds = [event["kind"] for event in w.get("/api/v1/events")["events"] if event["handle"] == held]
        equal(kinds, ["created", "killed"], "what happened to it")


def test_killed_by_tag():
    with web() as (s, w), Verbs(s.address) as v:
        put_all(v, [f"a-{i}" for i in range(3000)], tags=["user:1", "x"])
        put_all(v, [f"b-{i}" for i in range(10)], tags=["user:2"])
        put_all(v, [f"c-{i}" for i in range(10)], tags=["user:1"], application="shop")
        equal(w.ask("DELETE", "/api/v1/sessions?tag=user:1").json, {"killed": 3000}, "the kill")
        equal(w.get("/api/v1/count"), {"count": 20}, "who is left")
        equal(w.ask("DELETE", "/api/v1/sessions?tag=user:1&application=shop").json, {"killed": 10}, "of the shop")
        equal(v.count(), 10, "who is left, by the verbs")


def test_tags_of_any_bytes():
    """Unicode as it is; what is none is shown as such, and found by its bytes all the same."""
    with web() as (s, w), Verbs(s.address) as v:
        put(v, "one", tags=["Grüße:日本".encode().decode("latin-1"), "\"quote\\"])  # as a client writes bytes
        v.ask("so", "two")
        token = v.answer().token
        v.send(b"sw two 1 K" + token.encode() + b" Gbad\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80end G\xf0\x9f\x98\x80\r\nx\r\n")
        equal(v.answer().code, "HD", "a tag that is no UTF-8")
        tags = sorted(tag for one in pages(w)[0] for tag in one["tags"])
        equal(tags, sorted(["Grüße:日本", "\"quote\\", "bad\ufffd\ufffd(" + "\ufffd" * 7 + "end", "😀"]), "tags")
        for tag, n in (("Grüße:日本", 1), (b"bad\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80end", 1), ("😀", 1), ("x\0y", 0)):
            equal(w.get("/api/v1/count?" + quoted(tag=tag)), {"count": n}, f"count of {tag!r}")
        equal(w.ask("DELETE", "/api/v1/sessions?" + quoted(tag="Grüße:日本")).json, {"killed": 1}, "killed by it")


def test_who_is_waited_for():
    with contextlib.ExitStack() as stack:
        s, w = stack.enter_context(web())
        clients = [stack.enter_context(Verbs(s.address)) for _ in range(9)]
        put_all(clients[0], [f"busy-{i}" for i in range(3)])
        for i, c in enumerate(clients[:3]):
            equal(c.open(f"busy-{i}", holder=f"web{i}/{i}/page\u00e9").code, "VA", "an open")
        for i, c in enumerate(clients[3:]):
            c.ask_open("busy-2" if i < 4 else "busy-0", wait_ms=20000)
        put(clients[1], "idle")  # gives the lease on busy-1 back
        waiting = wait_for(lambda: (lambda found: found if sum(one["waiting"] for one in found) == 6 else None)(
            w.get("/api/v1/contention")["sessions"]), "all wait")
        equal([(one["waiting"], one["holder"], one["held"]) for one in waiting],
              [(4, "web2/2/page\ufffd", True), (2, "web0/0/page\ufffd", True)], "who is waited for")
        check(all(0 <= one["held_ms"] < 60000 for one in waiting), f"how long: {waiting}")
        new = Verbs(s.address)
        equal(new.open("new", holder="web9/9/first").code, "EN", "an open of one that is not there")
        stack.enter_context(new)
        last = w.get("/api/v1/contention")["sessions"][-1]
        equal((last["holder"], last["size"], last["waiting"]), ("web9/9/first", 0, 0), "one that is not stored yet")
        w.refused(404, "GET", f"/api/v1/sessions/{last['handle']}")
        equal(len(w.get("/api/v1/contention?limit=1")["sessions"]), 1, "the first alone")
        equal(w.get("/api/v1/contention?limit=1")["sessions"][0]["waiting"], 4, "waiting for the first")


def test_events_go_on_where_they_ended():
    with web() as (s, w), Verbs(s.address) as v:
        put_all(v, [f"s-{i}" for i in range(250)])
        first = w.get("/api/v1/events?limit=100")
        equal((len(first["events"]), first["next"], first["missed"]), (100, 100, 0), "the first")
        rest = w.get(f"/api/v1/events?after={first['next']}&limit=1000")
        events = first["events"] + rest["events"]
        last = rest["next"]
        equal([one["number"] for one in events], list(range(1, last + 1)), "numbers")
        equal(sum(one["kind"] == "created" for one in events), 250, "sessions created")
        equal(w.get(f"/api/v1/events?after={last}"), {"events": [], "next": last, "missed": 0}, "no more")
        put_all(v, [f"t-{i}" for i in range(4500)])
        late = w.get(f"/api/v1/events?after={last}&limit=1")
        check(late["missed"] > 400 and late["events"][0]["number"] == last + late["missed"] + 1,
              f"what is no longer known: {late}")


def test_a_kill_is_told_when_it_is_safe():
    """With --sync always the answer waits for the disk, as a client's does; health does not."""
    with folder() as where, folder() as data:
        how = {"where": data, "env": slow_disk(where, 300)}
        with server("--http", "127.0.0.1:0", "--data", str(data / "d"), "--sync", "always", **how) as s:
            w = Web(s, data / "d/http-token")
            with Verbs(s.address) as v:
                put(v, "victim", tags=["t"])
                handle = v.list()[0].handle
            for path, killed in ((f"/api/v1/sessions/{handle}", 1), ("/api/v1/sessions?tag=t", 0)):
                begin = time.monotonic()
                equal(w.ask("DELETE", path).json, {"killed": killed}, path)
                took = time.monotonic() - begin
                check(killed == 0 or took >= 0.25, f"answered after {took:.3f} s, before the disk had it")
            begin = time.monotonic()
            for _ in range(20):
                w.get("/health")
            check(time.monotonic() - begin < 0.3 * harness.slow, "health waits for the disk")


def test_while_it_loads():
    with folder() as where, folder() as data_in:
        data = data_in / "d"
        fill_folder(data)
        for name in ("http-token", "http-token-reader"):
            (data_in / name).write_text("t" * 20 + name[5:].ljust(20, "-") + "\n")
            (data_in / name).chmod(0o600)
        port, web_port = free_port(), free_port()
        with open(where / "said", "wb") as out:
            child = spawn(["-l", "127.0.0.1", "-p", str(port), "-m", "8", "--data", str(data), "--http",
                           f"127.0.0.1:{web_port}", "--http-token-file", str(data_in / "http-token"), *as_root()], out,
                          env=slow_disk(where))
        try:
            w = object.__new__(Web)
            w.port, w.admin = web_port, (data_in / "http-token").read_text().strip()

            def loading():
                try:
                    answer = w.ask("GET", "/health", token=None)
                except ConnectionRefusedError:
                    return None
                return answer if answer.status == 503 else None
            health = wait_for(loading, "health while it loads").json
            equal((health["live"], health["ready"], "read" in health["why"]), (True, False, True), f"health {health}")
            for path in ("/api/v1/sessions", "/api/v1/count", "/api/v1/events", "/api/v1/contention",
                         "/api/v1/sessions/0123456789abcdef"):
                w.refused(503, "GET", path)
            for path in ("/api/v1/sessions/0123456789abcdef", "/api/v1/sessions?tag=t"):
                w.refused(503, "DELETE", path)
            status = w.get("/api/v1/status")
            equal((status["ready"], status["sessions"], status["applications"]), (False, 0, []), "status")
            check(b"\ncloakroom_loading 1\n" in w.ask("GET", "/metrics").body, "metrics")
            check(" ready: " not in (where / "said").read_text(), "it is ready too soon for this test")
            wait_for(lambda: w.ask("GET", "/health").status == 200, "it is ready", 20)
            equal(w.get("/api/v1/count"), {"count": 3000}, "sessions, once it is ready")
        finally:
            child.terminate()
            child.wait(10 * harness.slow)


def test_once_the_disk_has_failed():
    with folder() as where:
        data = where / "d"
        with server("--http", "127.0.0.1:0", "--data", str(data), "--http-token-file", str(where / "token"),
                    where=where) as s:
            w = Web(s, where / "token")
            with Verbs(s.address) as v:
                put_all(v, ["one", "two"], tags=["t"])
                handle = v.list()[0].handle
            shutil.rmtree(data)
            wait_for(lambda: is_read_only(s.address), "read-only", 5.0)
            health = w.ask("GET", "/health", token=None)
            equal((health.status, health.json["ready"], health.json["read_only"]), (503, False, True), "health")
            check(len(health.json["why"]) > 5, f"why: {health.json}")
            w.refused(503, "DELETE", f"/api/v1/sessions/{handle}")
            w.refused(503, "DELETE", "/api/v1/sessions?tag=t")
            check(len(w.get("/api/v1/sessions?tag=t")["sessions"]) == 2, "those that were safe")
            check(b"\ncloakroom_read_only 1\n" in w.ask("GET", "/metrics").body, "metrics")
            end_whatever_it_says(s)


def test_it_remembers_a_past():
    with web() as (s, w), Verbs(s.address) as v:
        put_all(v, [f"s-{i}" for i in range(50)])
        history = wait_for(lambda: (lambda h: h if len(h["rows"]) >= 3 and h["rows"][-1][1] == 50 else None)(
            w.get("/api/v1/history")), "three seconds of history", 10)
        names = ["time_ms", "sessions", "opens", "writes", "waits", "waiting", "memory", "disk", "refused", "gets", "sets",
                 "cpu_s"]
        equal((history["step_s"], history["names"]), (1, names), "step and names")
        row = dict(zip(names, history["rows"][-1]))
        equal((row["opens"], row["writes"], row["waits"], row["refused"]), (50, 50, 0, 0), f"row {row}")
        check(abs(row["time_ms"] / 1000 - time.time()) < 30 and row["memory"] > 0 and row["cpu_s"] > 0, f"row {row}")
        times = [one[0] for one in history["rows"]]
        check(all(900 <= b - a <= 3000 for a, b in zip(times, times[1:])), f"times {times}")
        later = w.get(f"/api/v1/history?after={times[-2]}")["rows"]
        check(1 <= len(later) <= 4 and later[0] == history["rows"][-1], f"later rows: {later}")
        equal(json.dumps(w.get("/api/v1/history?after=99999999999999")["rows"]), "[]", "rows of the future")


def test_it_says_from_where_on_new_ones_are_refused():
    """And so it is: there the first is refused, and not before."""
    with web("-m", "16") as (s, w), Verbs(s.address) as v:
        percent = w.get("/api/v1/status")["memory"]["sessions_refused_at_percent"]
        check(85 < percent < 98, f"from {percent} % on")
        for i in range(1 << 16):
            opened = v.open(f"s-{i}")
            if opened.code != "EN" or v.write(f"s-{i}", b"v" * 4000, opened.token).code != "HD":
                break
        memory = w.get("/api/v1/status")["memory"]
        full = memory["used"] * 100 / memory["limit"]
        check(percent - 3 < full <= percent + 1, f"refused at {full:.1f} %, said was {percent} %")
