"""pymemcache's functions: the port is the argument."""

import sys

from pymemcache import serde
from pymemcache.client.base import Client, PooledClient
from pymemcache.exceptions import MemcacheClientError, MemcacheIllegalInputError, MemcacheServerError

failed = 0


def check(what, got, wanted):
    global failed
    if got != wanted:
        failed += 1
        print(f"{what}: {got!r:.200}, not {wanted!r:.200}")


def raises(what, error, function, *arguments, **named):
    try:
        got = function(*arguments, **named)
    except error:
        return
    check(what, got, error)


def storing(c):
    check("set", c.set("a", b"one", expire=60, noreply=False), True)
    check("get", c.get("a"), b"one")
    check("get with a default", c.get("none", b"else"), b"else")
    check("set bytes", c.set(b"bytes", b"\0\r\nEND\r\n\xff", noreply=False), True)
    check("get bytes", c.get(b"bytes"), b"\0\r\nEND\r\n\xff")
    check("set long", c.set("long", b"x" * 1000000, noreply=False), True)
    check("get long", c.get("long"), b"x" * 1000000)
    check("noreply", c.set("quiet", b"q", noreply=True), True)
    check("after noreply", c.get("quiet"), b"q")
    check("set_many", c.set_many({f"m{n}": str(n).encode() for n in range(100)}, noreply=False), [])
    check("get_many", c.get_many([f"m{n}" for n in range(0, 200, 2)]),
          {f"m{n}": str(n).encode() for n in range(0, 100, 2)})
    check("delete_many", c.delete_many(["m1", "m3", "none"], noreply=False), True)
    check("deleted", c.get_many(["m1", "m2", "m3"]), {"m2": b"2"})
    check("add", c.add("fresh", b"a", noreply=False), True)
    check("add again", c.add("fresh", b"b", noreply=False), False)
    check("replace", c.replace("fresh", b"c", noreply=False), True)
    check("replace none", c.replace("none", b"c", noreply=False), False)
    check("append", c.append("fresh", b"d", noreply=False), True)
    check("prepend", c.prepend("fresh", b"b", noreply=False), True)
    check("appended", c.get("fresh"), b"bcd")
    check("append none", c.append("none", b"d", noreply=False), False)
    check("delete", c.delete("fresh", noreply=False), True)
    check("delete none", c.delete("fresh", noreply=False), False)


def versions(c):
    c.set("v", b"1", noreply=False)
    value, cas = c.gets("v")
    check("gets", value, b"1")
    check("cas", c.cas("v", b"2", cas, noreply=False), True)
    check("cas, too late", c.cas("v", b"3", cas, noreply=False), False)
    check("cas none", c.cas("none", b"3", cas, noreply=False), None)
    check("kept", c.get("v"), b"2")
    check("gets_many", {key: pair[0] for key, pair in c.gets_many(["v", "none"]).items()}, {"v": b"2"})
    check("gets none", c.gets("none"), (None, None))


def numbers(c):
    c.set("n", b"10", noreply=False)
    check("incr", c.incr("n", 5), 15)
    check("decr", c.decr("n", 100), 0)
    check("incr none", c.incr("none", 1), None)
    c.set("text", b"abc", noreply=False)
    raises("incr of a text", MemcacheClientError, c.incr, "text", 1)
    c.set("n", b"18446744073709551615", noreply=False)
    check("wraps", c.incr("n", 2), 1)
    check("touch", c.touch("n", 60, noreply=False), True)
    check("touch none", c.touch("none", 60, noreply=False), False)
    check("touch to the past", c.touch("n", -1, noreply=False), True)
    check("is gone", c.get("n"), None)


def errors(c):
    raises("too large", MemcacheServerError, c.set, "huge", b"x" * (2 << 20), noreply=False)
    check("goes on", c.get("text"), b"abc")
    raises("key with a blank", MemcacheIllegalInputError, c.get, "a b")


def questions(c):
    check("version", c.version().startswith(b"1.6."), True)
    stats = c.stats()
    check("stats", (stats[b"curr_connections"] >= 1, stats[b"cmd_get"] > 0), (True, True))
    check("stats settings", c.stats("settings")[b"maxbytes"], 64 << 20)
    check("stats items", any(key.startswith(b"items:1:") for key in c.stats("items")), True)
    check("flush_all", c.flush_all(noreply=False), True)
    check("flushed", c.get("text"), None)
    check("cache_memlimit", c.cache_memlimit(48), True)


def main():
    address = ("127.0.0.1", int(sys.argv[1]))
    client = Client(address, timeout=20)
    for part in (storing, versions, numbers, errors, questions):
        part(client)
    client.quit()
    pooled = PooledClient(address, max_pool_size=4, timeout=20, serde=serde.pickle_serde, key_prefix=b"app:")
    value = {"a": [1, 2.5, None], "b": "x"}
    check("pooled set", pooled.set("object", value, noreply=False), True)
    check("pooled get", pooled.get("object"), value)
    check("pooled get_many", pooled.get_many(["object", "none"]), {"object": value})
    if not failed:
        print("ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
