"""Statistics under memcached's names: what tools and exporters read, and that no session's id is in them."""

import os
import re
import subprocess

import harness
from harness import MIB, Skip, check, equal, server, wait_for
from wire import Client, connect, packet, STAT

MEMCACHED = "/usr/bin/memcached"
TOOL = "/usr/share/memcached/scripts/memcached-tool"
SESSION = "memc.sess.key.0123456789abcdef"
NOT_HERE = re.compile(r"ext_")  # of external storage


def kind(client, what=""):
    """One kind of statistics, by name."""
    client.send(f"stats {what}".strip().encode() + b"\r\n")
    found = {}
    while (line := client.line()) != "END":
        word, name, value = (line + " ").split(" ", 2)
        equal(word, "STAT", f"a line of stats {what}")
        found[name] = value.strip()
    return found


def fill(client):
    for i in range(10):
        client.store(f"c{i}", b"v" * 100)
    for i in range(3):
        client.store(f"{SESSION}{i}", b"s" * 1000)
    for _ in range(2):
        client.get(f"{SESSION}0")
    client.get("c1")
    client.command("delete c9")


def test_all_names_of_memcached():
    if not os.path.exists(MEMCACHED):
        raise Skip("Debian's memcached is not installed")
    port = harness.free_port()
    oracle = subprocess.Popen([MEMCACHED, "-l", "127.0.0.1", "-p", str(port), "-U", "0", *harness.as_root()],
                              stderr=subprocess.DEVNULL)
    try:
        def connected():
            try:
                return Client(("127.0.0.1", port))
            except OSError:
                return None
        with wait_for(connected, "memcached answers") as theirs, server() as s, Client(s.address) as ours:
            theirs.store("a", b"v")
            ours.store("a", b"v")
            for what in ("", "settings", "items", "slabs"):
                missing = [name for name in set(kind(theirs, what)) - set(kind(ours, what)) if not NOT_HERE.match(name)]
                if what in ("items", "slabs"):
                    missing = [name for name in missing if name.split(":")[-1] not in
                               {other.split(":")[-1] for other in kind(ours, what)}]
                equal(missing, [], f"names of stats {what} that are missing")
    finally:
        harness.end(oracle)


def test_classes_of_the_store_as_slab_classes():
    with server("-t", "2") as s, Client(s.address) as c:
        equal((kind(c, "items"), kind(c, "slabs")["active_slabs"]), ({}, "0"), "when it is empty")
        fill(c)
        items, slabs, general = kind(c, "items"), kind(c, "slabs"), c.stats()
        equal((items["items:1:number"], items["items:2:number"]), ("9", "3"), "items")
        equal(int(items["items:1:mem_requested"]) + int(items["items:2:mem_requested"]), general["bytes"], "bytes")
        check(100 < int(slabs["1:chunk_size"]) < 160 < 1000 < int(slabs["2:chunk_size"]) < 1100, f"sizes: {slabs}")
        equal((slabs["active_slabs"], int(slabs["total_malloced"])), ("2", general["cloakroom_used_bytes"]), "totals")
        wanted = {"cmd_set": ("10", "3"), "get_hits": ("1", "2"), "delete_hits": ("1", "0"), "touch_hits": ("0", "0")}
        for name, (cache, sessions) in wanted.items():
            equal((slabs[f"1:{name}"], slabs[f"2:{name}"]), (cache, sessions), name)
        equal(c.command("stats reset"), "RESET", "stats reset")
        equal(kind(c, "slabs")["2:get_hits"], "0", "after a reset")


def test_who_is_connected():
    with server("-t", "2", "-l", "[::1]:0") as s, Client(s.address) as c, Client(s.address) as half, \
            Client(s.address) as silent:
        silent.store("a", b"v")
        half.send(b"set foo 0 0 6\r\n")
        wait_for(lambda: "conn_nread" in kind(c, "conns").values(), "one is within a value")
        found = kind(c, "conns")
        states = sorted(value for name, value in found.items() if name.endswith(":state"))
        equal(states, ["conn_listening"] * 2 + ["conn_nread", "conn_parse_cmd", "conn_read"], "states")
        addresses = [value for name, value in found.items() if name.endswith(":addr")]
        host, port = c.socket.getsockname()
        check(f"tcp:{host}:{port}" in addresses and any(a.startswith("tcp6:[::1]:") for a in addresses), f"{addresses}")
        equal([v for n, v in found.items() if n.endswith("listen_addr")], [f"tcp:127.0.0.1:{s.ports[0]}"] * 3, "where")
        mine = next(name.split(":")[0] for name, value in found.items() if value == f"tcp:{host}:{port}")
        equal(found[f"{mine}:secs_since_last_cmd"], "0", "mine")
        wait_for(lambda: sum(int(v) > 0 for n, v in kind(c, "conns").items() if n.endswith("last_cmd")) >= 4, "seconds")


def test_many_connections_from_other_threads():
    with server("-t", "4") as s, Client(s.address) as c:
        others = [connect(s.address) for _ in range(300)]
        wait_for(lambda: sum(v.startswith("conn_") for v in kind(c, "conns").values()) == 302, "all have a state")
        for one in others:
            one.close()
            kind(c, "conns")


def dump(client):
    client.send(b"stats detail dump\r\n")
    lines = []
    while (line := client.line()) != "END":
        lines.append(line)
    return lines


def test_detail():
    with server() as s, Client(s.address) as c:
        c.store("foo:1", b"v")
        equal(dump(c), [], "off at first")
        equal(c.command("stats detail on"), "OK", "on")
        c.store("foo:1", b"v")
        c.get("foo:1")
        c.get("foo:2")
        c.command("delete foo:3")
        equal(dump(c), ["PREFIX foo get 2 hit 1 set 1 del 1"], "counted")
        for bad in ("", " x", " dump x y"[:2]):
            equal(c.command("stats detail" + bad), "CLIENT_ERROR usage: stats detail on|off|dump", "usage")
        equal(c.command("stats reset"), "RESET", "reset")
        equal(dump(c), [], "after a reset")
    with server("-D", ".") as s, Client(s.address) as c, Client(s.address) as binary:
        c.store(SESSION, b"v")
        c.store("0123456789abcdef", b"v")
        equal(dump(c), ["PREFIX memc get 0 hit 0 set 1 del 0"], "a session's prefix")
        binary.send(packet(STAT, b"detail dump"))
        equal([binary.answer()[2] for _ in range(2)], [b"get 0 hit 0 set 1 del 0", b""], "in binary")
        equal(kind(c, "settings")["stat_key_prefix"], ".", "the delimiter")
    with server("-l", "noadmin:127.0.0.1:0", listen=False) as s, Client(s.address) as c:
        equal(c.command("stats detail on"), "CLIENT_ERROR not allowed", "without administration")


def tool(s, *mode):
    done = subprocess.run(["perl", TOOL, f"127.0.0.1:{s.ports[0]}", *mode], capture_output=True, text=True,
                          timeout=20 * harness.slow, check=False)
    said = "" if mode[0] not in ("dump", "keys") else done.stderr
    equal((done.returncode, done.stderr), (0, said), f"memcached-tool {mode}")
    return done.stdout


def test_debians_memcached_tool():
    if not os.path.exists(TOOL):
        raise Skip("Debian's memcached-tool is not installed")
    with server("-m", "32") as s, Client(s.address) as c:
        fill(c)
        rows = [line.split() for line in tool(s, "display").splitlines()[1:]]
        equal([(row[0], row[4], row[5], row[6]) for row in rows], [("1", "9", "no", "0"), ("2", "3", "no", "0")], "display")
        check(re.search(r"^ *curr_items +12$", tool(s, "stats"), re.M), "stats")
        check(re.search(rf"^ *maxbytes +{32 * MIB}$", tool(s, "settings"), re.M), "settings")
        check(re.search(r"^ *sizes_status +disabled$", tool(s, "sizes"), re.M), "sizes")
        everything = "".join(tool(s, mode) for mode in ("display", "stats", "settings", "sizes"))
        check("0123456789abcdef" not in everything, "an id is shown")
        c.send(b"lru_crawler metadump all\r\n")
        if c.line() == "ERROR":  # the tool would wait for ever
            return
        dumped = tool(s, "dump")
        equal(sorted(re.findall(r"^add (\S+)", dumped, re.M)), [f"c{i}" for i in range(9)], "dump, which cannot read sessions")
        check("0123456789abcdef" not in dumped + tool(s, "keys"), "an id is shown")


def test_other_kinds():
    with server() as s, Client(s.address) as c:
        equal(kind(c, "sizes"), {"sizes_status": "disabled"}, "sizes")
        equal(kind(c, "sizes_enable")["sizes_status"], "error", "sizes_enable")
        equal(kind(c, "extstore"), {}, "extstore")
        equal(c.command("stats nonsense"), "ERROR", "nonsense")
        equal(len(kind(c, "settings  and more")), len(kind(c, "settings")), "what follows is not looked at")
