"""Clients as programs use them, beyond sessions: each test runs against the server and against memcached.

The expectations are the same for both, so memcached shows that it is the test that is right. A script of functions/
checks what it gets, prints what it did not expect, and "ok" at its end if there was nothing.
"""

import functools
import re
import shutil
import time

import harness

SCRIPT_S = 60
ORACLE = "memcached"
DUMP_TRIES = 10  # its crawler may still be busy with the dump before, and then there is none
SCRIPTS = [  # a program, a script of functions/, and the protocols that it takes by name
    ("php", "memcached.php", ("binary", "text")),
    ("php", "memcache.php", ("binary", "ascii")),
    ("/usr/bin/python3", "pymemcache_client.py", ("text",)),  # Debian's, which has Debian's packages
    ("/usr/bin/perl", "cache_memcached.pl", ("text",)),
    ("/usr/bin/perl", "cache_memcached_fast.pl", ("text",)),
    ("/usr/bin/perl", "memcached_libmemcached.pl", ("binary", "text")),
]
MUNIN_PLUGIN = "/usr/share/munin/plugins/memcached_"
MUNIN_GRAPHS = {
    "rates": {"cache_hits": "1", "cache_misses": "0", "cmd_get": "1", "cmd_set": "1", "total_connections": r"\d",
              "total_items": "1"},
    "bytes": {"bytes_read": r"\d+", "bytes_written": r"\d+"},
    "counters": {"bytes_allocated": r"[1-9]\d+", "curr_connections": r"\d+", "curr_items": "1"},
}
NAGIOS_PLUGIN = "/usr/lib/nagios/plugins/check_memcached"


def script_test(server, where, unix, program, script, protocol):
    where.mkdir()
    start = harness.unix_server if unix else harness.tcp_server
    with start(server, where) as address:
        command = [program, str(harness.HERE / "functions" / script), str(address), protocol]
        code, out = harness.run(command, SCRIPT_S, {"PERL_UNICODE": ""})
    return code == 0 and out == "ok\n", out


def udp_test(server, where):
    where.mkdir()
    port = harness.free_port()
    with harness.tcp_server(server, where, "-U", str(port), port=port):
        code, out = harness.run(["php", str(harness.HERE / "functions" / "udp.php"), str(port)], SCRIPT_S)
    return code == 0 and out == "ok\n", out


def said(command, code=0, text=None, tries=1):
    """Runs a program; returns (what it printed as wanted, what it printed)."""
    for _ in range(tries):
        ended, out = harness.run(command, SCRIPT_S)
        if ended == code and (text is None or re.search(text, out, re.M)):
            break
        time.sleep(0.2)
    fine = ended == code and (text is None or re.search(text, out, re.M))
    return fine, "" if fine else f"{' '.join(command)}: code {ended}, not {code}, or not /{text}/:\n{out[:2000]}\n"


def commands_test(server, where, commands):
    """Programs one after the other against one server: (command, exit code, pattern of what it prints)."""
    where.mkdir()
    (where / "note").write_text("hello\n")
    wrong = ""
    with harness.tcp_server(server, where) as port:
        for command, code, text in commands:
            words = [word.format(address=f"127.0.0.1:{port}", where=where) for word in command.split()]
            wrong += said(words, code, text, DUMP_TRIES if server == ORACLE and "dump" in words else 1)[1]
    return not wrong, wrong


def libmemcached_tools(binary):
    """What libmemcached's tools do to a file named note, and their two load generators, bounded."""
    servers = "--servers={address}" + (" --binary" if binary else "")
    slap = f"memcslap {servers} --concurrency=2 --execute-number=200 --initial-load=100"
    yield f"memccp {servers} {{where}}/note", 0, r"\A\Z"
    yield f"memccat {servers} note", 0, r"\Ahello$"
    yield f"memcexist {servers} note", 0, None
    yield f"memcexist {servers} none", 1, None
    yield f"memctouch {servers} --expire=100 note", 0, None
    yield f"memctouch {servers} --expire=100 none", 1, None
    if not binary:  # memcping takes no --binary, memcdump and the arguments of memcstat are text alone
        yield f"memcdump {servers}", 0, r"\Anote\n\Z"
        yield f"memcping {servers}", 0, r"\A\Z"
        yield f"memcstat {servers} --args=settings", 0, r"^\tmaxbytes: 67108864$"
    yield f"memcstat {servers}", 0, r"^\tcurr_items: 1$"
    yield f"memcrm {servers} note", 0, None
    yield f"memccat {servers} note", 1, None
    yield f"memccp {servers} {{where}}/note", 0, None
    yield f"memcflush {servers}", 0, None
    yield f"memccat {servers} note", 1, None
    for test in ("get", "set", "mget"):
        yield f"{slap} --test={test}", 0, r"^Time to m?.et +400 keys by +2 threads:"
    slap = "memcaslap -s {address} -x 2000 -T 1 -c 4 -v 1" + (" -B" if binary else "")
    yield slap, 0, r"^cmd_get: 1800\ncmd_set: 200\nget_misses: 0\nverify_misses: 0\nverify_failed: 0$"


def memcached_tool():
    """memcached-tool from memcached's package."""
    path = shutil.which("memcached-tool") or "/usr/share/memcached/scripts/memcached-tool"
    tool = f"{path} {{address}}"
    yield "memccp --servers={address} --expire=1000 {where}/note", 0, None
    yield "memccat --servers={address} note", 0, None
    yield tool, 0, r"\A  #  Item_Size  Max_age .*\n  1 +\d+B +\d+s +1 +1 +(yes|no) +0 +0 +0\n\Z"
    yield f"{tool} display", 0, r"\A  #  Item_Size  Max_age .*\n  1 "
    yield f"{tool} stats", 0, r"^ +curr_items +1$"
    yield f"{tool} stats", 0, r"^ +get_hits +1$"
    yield f"{tool} settings", 0, r"^ +maxbytes +67108864$"
    yield f"{tool} sizes", 0, r"^ +sizes_status +disabled$"
    yield f"{tool} keys", 0, r"^key=note exp=\d{10} la=\d{10} cas=\d+ fetch=yes cls=1 size=\d+$"
    yield f"{tool} dump", 0, r"^add note 0 \d{10} 6\nhello$"
    yield f"{tool} dump 1", 0, r"^add note 0 \d{10} 6\nhello$"


def monitors_test(server, where):
    """What plugins of Munin and Nagios read of a server that has stored one item and read it once."""
    where.mkdir()
    (where / "note").write_text("hello\n")
    wrong = ""
    with harness.tcp_server(server, where) as port:
        for command in (f"memccp --servers=127.0.0.1:{port} {where}/note", f"memccat --servers=127.0.0.1:{port} note"):
            wrong += said(command.split())[1]
        for graph, wanted in MUNIN_GRAPHS.items():
            plugin = where / f"memcached_{graph}"
            plugin.symlink_to(MUNIN_PLUGIN)
            _, out = harness.run(["/usr/bin/perl", str(plugin)], SCRIPT_S, {"host": "127.0.0.1", "port": str(port)})
            shown = {line.split(".value ")[0].removeprefix("memcache_"): line.split()[-1] for line in out.splitlines()}
            if shown.keys() != wanted.keys() or not all(re.fullmatch(wanted[name], shown[name]) for name in wanted):
                wrong += f"memcached_{graph}: {out}"
        nagios = [NAGIOS_PLUGIN, "-H", "127.0.0.1", "-p", str(port)]
        wrong += said(nagios, 0, r"\AOK: no stats available yet")[1]  # it keeps what it saw in the server
        wrong += said([*nagios, "-v"], 0, r"cmd_get=1 cmd_set=1 get_hits=1 get_misses=0 evictions=0")[1]
    return not wrong, wrong


def tests(server, where):
    """(name, function) of each test; a function returns (passed, what was printed)."""
    each = []
    for program, script, protocols in SCRIPTS:
        name = re.sub(r"\..*", "", script).replace("_", " ")
        for protocol in protocols:
            each.append((f"functions {name} {protocol}", functools.partial(
                script_test, unix=False, program=program, script=script, protocol=protocol)))
            if program == "php":
                each.append((f"functions {name} {protocol} unix", functools.partial(
                    script_test, unix=True, program=program, script=script, protocol=protocol)))
    each.append(("tools of Munin and Nagios", monitors_test))
    for name, commands in (("tools of libmemcached text", list(libmemcached_tools(False))),
                           ("tools of libmemcached binary", list(libmemcached_tools(True))),
                           ("tools memcached-tool", list(memcached_tool()))):
        each.append((name, functools.partial(commands_test, commands=commands)))
    yield "functions udp", functools.partial(udp_test, server, where / "functions-udp")
    for number, (name, function) in enumerate(each):
        yield name, functools.partial(function, server, where / f"functions-{number}")
        yield f"{name}, memcached", functools.partial(function, ORACLE, where / f"functions-{number}-oracle")
