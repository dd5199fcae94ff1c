#!/usr/bin/env python3
"""Random text commands, whole and slightly broken, and binary ones, to a server and to memcached; their answers must be the
same, and what they count.

    fuzz_compare.py --server build/release/cloakroomd [--seed N] [--seconds 10] [--oracle /usr/bin/memcached]

What the dialogues declare as different is not generated. A failure prints its seed and the shortest run of commands
that still shows it.
"""

import argparse
import random
import re
import shlex
import sys
import time

sys.dont_write_bytecode = True  # a test run leaves nothing in the tree

import compare_binary
from run import ORACLE_ARGS
from server import NO_WAITS, CannotStart, Server
from wire import Connection, show

KEYS = ["a", "b", "key_%s" % ("k" * 40), "k" * 250]
# Counted with, and read at the end only: memcached fills a number that got shorter up with spaces, but not while the
# answer to a get of the same batch still holds the item.
COUNTERS = ["n", "m"]
NUMBERS = ["0", "1", "7", "99", "18446744073709551615", "9999999999999999999"]
EXPTIMES = ["0"] * 8 + ["1000", "2592000", "-1", "2678400"]
FLAGS = ["0", "0", "768", "4294967295"]
# base64 is told back as memcached has stored it: so the key is not asked for along with it.
ENCODED = ["eA==", "a2V5", "AAEC", "a"]
END = b"get n m\r\nversion\r\n"
# Not get_expired and get_flushed: memcached takes what is over out of the tail of its LRU, now and then before it is found.
COUNTED = ("cmd_get cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses delete_hits delete_misses incr_hits incr_misses "
           "decr_hits decr_misses cas_hits cas_misses cas_badval touch_hits touch_misses total_items store_too_large").split()


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def key(self):
        return self.rng.choice(KEYS)

    def counter(self):
        return self.rng.choice(COUNTERS)

    def any_key(self):
        return self.rng.choice(KEYS + COUNTERS)

    def value(self):
        kind = self.rng.randrange(6)
        if kind < 2:
            return self.rng.choice(NUMBERS).encode()
        if kind == 2:
            return b""
        if kind == 3:
            return b"x" * self.rng.choice([1, 10, 100, 3000, 20000])
        value = bytes(self.rng.choices(b"abc 019\r\n\x00\xff", k=self.rng.randrange(1, 20)))
        # An incr of spaces alone, or of 2^63 and more, makes memcached read on into what the memory held before, for
        # a number or a minus sign: so no such values, and no minus sign in any value or key.
        return value if value.strip() else b"z"

    def noreply(self):
        return " noreply" if self.rng.random() < 0.2 else ""

    def store(self, verb, tail=""):
        key = self.any_key()
        # What stands around the digits of a counter is the business of text-numbers.dlg.
        value = self.rng.choice(NUMBERS + ["abc", "", "12 ", "7x"]).encode() if key in COUNTERS else self.value()
        head = "%s %s %s %s %d%s%s\r\n" % (verb, key, self.rng.choice(FLAGS), self.rng.choice(EXPTIMES),
                                         len(value), tail, self.noreply())
        return head.encode() + value + b"\r\n"

    def flags(self, known):
        """Some of these, each once; a letter that is followed by a list takes one of it as its token."""
        rng = self.rng
        picked = rng.sample(sorted(known), rng.randrange(min(len(known), 5) + 1))
        return "".join(" %s%s" % (letter, rng.choice(known[letter]) if known[letter] else "") for letter in picked)

    def meta_get(self):
        rng = self.rng
        known = {"v": None, "s": None, "f": None, "c": None, "t": None, "q": None, "u": None, "O": ["", "x", "o" * 31],
                 "T": EXPTIMES, "N": ["0", "1000"], "R": ["0", "2000", "-1"], "L": ["path/"], "M": ["S", "Q"]}
        if rng.random() < 0.15:
            return "mg %s b%s\r\n" % (rng.choice(ENCODED), self.flags(known))
        return "mg %s%s\r\n" % (self.key(), self.flags({**known, "h": None, "k": None}))

    def meta_set(self):
        rng = self.rng
        key = self.any_key()
        value = rng.choice(NUMBERS) if key in COUNTERS else "x" * rng.choice([0, 1, 2, 3000])
        known = {"c": None, "k": None, "q": None, "I": None, "F": FLAGS, "T": EXPTIMES, "M": "SERAP", "O": ["", "y"],
                 "C": ["0", "1", "9223372036854775808", "18446744073709551615"]}
        if key in COUNTERS:
            known["M"] = "SER"
            del known["I"]
        elif rng.random() < 0.2:  # a newer memcached than 1.6.18 knows N of the other modes
            known["M"] = "SER"
            known["N"] = ["0", "1000"]
        return "ms %s %d%s\r\n%s\r\n" % (key, len(value), self.flags(known), value)

    def meta(self):
        kind = self.rng.randrange(10)
        if kind < 4:
            return self.meta_get()
        if kind < 7:
            return self.meta_set()
        if kind == 7:
            known = {"k": None, "q": None, "I": None, "T": EXPTIMES, "O": ["z"], "C": ["0", "9223372036854775808"]}
            return "md %s%s\r\n" % (self.key(), self.flags(known))
        if kind == 8:
            known = {"v": None, "k": None, "q": None, "c": None, "t": None, "D": NUMBERS[:5],
                     "M": "ID+-Q", "C": ["0", "9223372036854775808"]}
            return "ma %s%s\r\n" % (self.counter(), self.flags(known))
        return self.rng.choice(["mn\r\n", "me %s\r\n" % self.key()])

    def meta_broken(self):
        return self.rng.choice(["mg a z", "mg a s s", "mg a Nx", "mg a T", "mg a Jx", "mg a D-1",
                                "ma n z", "ma n Dx", "mg YQ= b", "me YQ b", "mg a Tx q q", "mg a Fx Cx", "md a O" + "o" * 32,
                                "ms a 1 z\r\nx", "ms a 1 T\r\nx", "ms a 1 MQ\r\nx", "ms a 1 q q\r\nx", "ms a 1 b\r\nx",
                                "mx a", "mgg a", "mg " + "k" * 251, "me " + "k" * 251]) + "\r\n"

    def plain(self):
        rng = self.rng
        if rng.random() < 0.4:
            return self.meta().encode()
        kind = rng.randrange(12)
        if kind < 4:
            return self.store(rng.choice(["set", "set", "add", "replace", "append", "prepend"]))
        if kind == 4:
            # no cas of either server is that large
            return self.store("cas", " %d" % rng.choice([0, 2 ** 63, 2 ** 64 - 1]))
        if kind < 8:
            verb = rng.choice(["get", "get", "gets", "gat 0", "gats 100", "gat -1"])
            # a gat that is cut in pieces beyond 2048 bytes is a declared difference
            keys = " ".join(self.key() for _ in range(rng.choice([1, 1, 1, 2, 5, 5 if "gat" in verb else 30])))
            return ("%s %s\r\n" % (verb, keys)).encode()
        if kind < 10:
            return ("%s %s %s%s\r\n" % (rng.choice(["incr", "decr"]), self.counter(), rng.choice(NUMBERS),
                                       self.noreply())).encode()
        if kind == 10:
            return ("delete %s%s\r\n" % (self.any_key(), self.noreply())).encode()
        return ("touch %s %s%s\r\n" % (self.any_key(), rng.choice(EXPTIMES), self.noreply())).encode()

    def broken(self):
        rng = self.rng
        if rng.random() < 0.3:
            return self.meta_broken().encode()
        kind = rng.randrange(9)
        if kind == 0:
            return self.rng.choice([b"nonsense\r\n", b"GET a\r\n", b"getx a b\r\n", b"\xff\xfe\x01\x02\r\n",
                                    b"set\ta 0 0 1\r\n", b"version2\r\n", b"incrn n 1\r\n"])
        if kind == 1:
            amount = rng.choice(["x", "-1", "1x", "1.5"])
            return ("%s %s %s%s\r\n" % (rng.choice(["incr", "decr"]), self.counter(), amount,
                                       self.noreply())).encode()
        if kind == 2:
            return ("touch %s %s%s\r\n" % (self.any_key(), rng.choice(["x", "1x", "--1"]), self.noreply())).encode()
        if kind == 3:
            return ("gat %s %s\r\n" % (rng.choice(["x", "1x"]), self.key())).encode()
        if kind == 4:
            return ("set %s 0 0 %s\r\n" % (self.key(), rng.choice(["x", "-1", "-2147483648", "5x"]))).encode()
        if kind == 5:
            # a value longer than announced; what is left over is an unknown command
            return ("set %s 0 0 3%s\r\nabcdezzzz\r\n" % (self.key(), self.noreply())).encode()
        if kind == 6:
            return ("%s %s%s\r\n" % (rng.choice(["delete", "touch", "incr", "decr"]), "k" * 251,
                                    " 1" if rng.random() < 2 else "")).replace("delete %s 1" % ("k" * 251),
                                                                               "delete %s" % ("k" * 251)).encode()
        if kind == 7:
            return self.plain().replace(b" ", b"  ", 1)
        return re.sub(rb"\r\n", b"\n", b"get %s\r\n" % self.key().encode())


def talk(port, commands, cuts):
    """All of it in a few writes; the answer up to the last VERSION."""
    connection = Connection(port)
    try:
        stream = b"flush_all\r\n" + b"".join(commands) + END
        at = 0
        for cut in sorted(int(cut * len(stream)) for cut in cuts) + [len(stream)]:
            connection.send(stream[at:cut])
            at = cut
        until = time.monotonic() + 5
        while not re.search(rb"END\r\nVERSION [^\r]*\r\n\Z", connection.rest(0.002)):
            if connection.closed or time.monotonic() > until:
                break
        answer = bytes(connection.buffer)
    finally:
        connection.close()
    answer = re.sub(rb"(VALUE \S+ \d+ \d+) \d+\r\n", rb"\1 CAS\r\n", answer)
    # of meta answers what no two servers have alike, and times that a second may lie between
    answer = re.sub(rb" c[1-9]\d*(?=[ \r])", b" cCAS", answer)
    answer = re.sub(rb" t\d+(?=[ \r])", b" tTTL", answer)
    answer = re.sub(rb"(ME \S+) exp=.* fetch=(\w+) .*\r\n", rb"\1 \2\r\n", answer)
    # see COUNTERS: now and then memcached leaves out the spaces without a reason to be seen from here
    answer = re.sub(rb"(VALUE [nm] \d+) \d+\r\n(\d+) *\r\n", rb"\1\r\n\2\r\n", answer)
    return re.sub(rb"VERSION [^\r]*", b"VERSION", answer)


def counters(port):
    connection = Connection(port)
    try:
        connection.send(b"stats\r\n")
        until = time.monotonic() + 5
        while not connection.rest(0.002).endswith(b"END\r\n") and time.monotonic() < until:
            pass
        found = dict(line.split()[1:3] for line in bytes(connection.buffer).decode().splitlines()[:-1])
    finally:
        connection.close()
    return [int(found.get(name, 0)) for name in COUNTED]


def talk_and_count(port, commands, cuts):
    """The answers, and behind them by how much each counter has moved."""
    before = counters(port)
    is_binary = commands and commands[0][:1] == b"\x80"
    answer = compare_binary.talk(port, commands, cuts) if is_binary else talk(port, commands, cuts)
    moved = [now - then for now, then in zip(counters(port), before)]
    return answer + "".join(" %s=%d" % pair for pair in zip(COUNTED, moved)).encode()


def differs(servers, commands, cuts):
    ours, theirs = (talk_and_count(server.port, commands, cuts) for server in servers)
    return None if ours == theirs else (ours, theirs)


def shrink(servers, commands, cuts):
    """Leaves out what is not needed for the difference."""
    size = len(commands) // 2
    while size:
        at = 0
        while at < len(commands):
            fewer = commands[:at] + commands[at + size:]
            if differs(servers, fewer, cuts):
                commands = fewer
            else:
                at += size
        size //= 2
    return commands


def report(servers, seed, commands, cuts, answers):
    print("seed %d: the answers differ" % seed)
    at = next(i for i in range(len(max(answers, key=len))) if answers[0][i:i + 1] != answers[1][i:i + 1])
    for who, answer in zip(("server", "oracle"), answers):
        print("  %s at byte %d of %d: ...%s" % (who, at, len(answer), show(answer[max(at - 60, 0):at + 80])))
    commands = shrink(servers, commands, cuts)
    answers = differs(servers, commands, cuts)
    if not answers:
        print("it does not come back when tried again")
        return
    print("the shortest commands that show it:")
    for command in commands:
        print("  > %s" % show(command))
    for who, answer in zip(("server", "oracle"), answers):
        print("  %s: %s" % (who, show(answer, 2000)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--server-args", default="")
    parser.add_argument("--oracle", default="/usr/bin/memcached")
    parser.add_argument("--seed", type=int, help="one run with this seed")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    servers, runs, count = [], 0, 0
    try:
        servers.append(Server(options.server, NO_WAITS + shlex.split(options.server_args)))
        servers.append(Server(options.oracle, ORACLE_ARGS))
        until = time.monotonic() + options.seconds
        first = options.seed if options.seed is not None else random.SystemRandom().randrange(10 ** 9)
        print("seeds from %d" % first)
        while time.monotonic() < until:
            rng = random.Random(first + runs)
            maker = compare_binary.BinaryMaker(rng) if rng.random() < 0.3 else Maker(rng)
            commands = [maker.broken() if rng.random() < 0.15 else maker.plain() for _ in range(60)]
            cuts = [rng.random() for _ in range(rng.choice([0, 0, 1, 5]))]
            runs, count = runs + 1, count + len(commands)
            answers = differs(servers, commands, cuts)
            if answers:
                report(servers, first + runs - 1, commands, cuts, answers)
                print("compare: 0 passed, 1 failed")
                return 1
            if options.seed is not None:
                break
        print("no difference in %d commands, %d runs" % (count, runs))
        print("compare: 1 passed, 0 failed")
        return 0
    except CannotStart as error:
        print(error)
        return 1
    finally:
        for server in servers:
            if server.death():
                print(server.death())
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
