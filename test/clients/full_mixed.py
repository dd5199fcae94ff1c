#!/usr/bin/env python3
"""Full, with everything mixed: sessions and cache items, live ones and expired ones between each other, first small
then large. Filled to the brim, and then ten times the memory is written again and anew.

Every live session that was answered STORED must be there in the end, with its value: cache goes, new sessions are
refused, live ones stay. memcached is given the same, and what it lost is counted: where that is nothing, the run has
shown nothing.

    full_mixed.py --server PATH [--memcached PATH]

The server gets a --data of its own; `--no-data` leaves it out.
"""

import collections
import contextlib
import random
import shutil
import socket
import sys
import time

import harness

MEMORY_MB = 32
SMALL = range(50, 500)
LARGE = range(1000, 9000)
LIVE_S, SHORT_S = 3600, 2
BATCH = 200                  # items written before the answers are read
BRIM = 3                     # batches in a row without room for one new session
MOST_MB = 3 * MEMORY_MB      # a server that took so much without a refusal has no brim
TIMES = 10                   # the memory's worth of rewrites
PRESS_S = 20                 # that is enough of them, on a slow machine
STORED = b"STORED"
REFUSED = b"SERVER_ERROR out of memory storing object"
LOST_BY_MEMCACHED = (b"SERVER_ERROR out of memory storing object", b"SERVER_ERROR out of memory writing key")


def value_of(key, length, version):
    """All of it is told by these three."""
    unit = b"%s/%d/%d|" % (key, length, version)
    return (unit * (length // len(unit) + 1))[:length]


class Wire:
    """A connection in the text protocol, pipelined."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.answers = self.socket.makefile("rb")

    def close(self):
        self.answers.close()
        self.socket.close()

    def set_all(self, items):
        """(key, value, exptime) each; returns the answers in order."""
        self.socket.sendall(b"".join(b"set %s 0 %d %d\r\n%s\r\n" % (k, life_s, len(v), v) for k, v, life_s in items))
        return [self.answers.readline().rstrip() for _ in items]

    def get_all(self, keys):
        self.socket.sendall(b"get %s\r\n" % b" ".join(keys))
        found = {}
        while (line := self.answers.readline()) != b"END\r\n":
            words = line.split()
            if len(words) < 4 or words[0] != b"VALUE":
                raise AssertionError(f"get was answered {line!r}")
            found[words[1]] = self.answers.read(int(words[3]) + 2)[:-2]
        return found

    def stats(self):
        self.socket.sendall(b"stats\r\n")
        return dict(line.split()[1:3] for line in iter(self.answers.readline, b"END\r\n"))


class Load:
    """What one server is given, and what it must have because it said so."""

    def __init__(self, wire, seed, fills=None):
        """`fills`: the bytes of each fill, for a server that has no brim; without, it is filled until it refuses."""
        self.wire = wire
        self.random = random.Random(seed)
        self.given = fills and list(fills)
        self.fills = []
        self.live = {}       # key: (length, version) of what was answered STORED
        self.brief = []      # sessions with a short life
        self.made = 0        # numbers all keys
        self.written = 0     # bytes
        self.refused = {"new session": 0, "rewrite": 0, "cache": 0}
        self.live_bytes = 0

    def new_key(self, prefix):
        self.made += 1
        return b"%s%08x" % (prefix, self.made)

    def store(self, kind, specs, life_s):
        """Writes (key, length, version) each; returns those that were stored."""
        answers = self.wire.set_all([(spec[0], value_of(*spec), life_s) for spec in specs])
        stored = [spec for spec, answer in zip(specs, answers) if answer == STORED]
        odd = set(answers) - {STORED} - (set(LOST_BY_MEMCACHED) if self.given else {REFUSED})
        if odd:
            raise AssertionError(f"{kind}: answered {odd}")
        self.written += sum(spec[1] for spec in specs)
        self.refused[kind] += len(specs) - len(stored)
        return stored

    def keep(self, specs):
        for key, length, version in specs:
            self.live_bytes += length - self.live.get(key, (0,))[0]
            self.live[key] = (length, version)

    def fresh(self, prefix, sizes, n):
        return [(self.new_key(prefix), self.random.choice(sizes), 0) for _ in range(n)]

    def mixed_batch(self, sizes, brief_share):
        """Half cache; of the sessions some expire soon. Returns how many sessions were stored."""
        stored = 0
        for _ in range(4):  # so that they lie between each other
            self.store("cache", self.fresh(b"cache:", sizes, BATCH // 8), LIVE_S)
            specs = self.fresh(b"memc.sess.key.", sizes, BATCH // 8)
            n_brief = round(len(specs) * brief_share)
            brief = self.store("new session", specs[:n_brief], SHORT_S)
            live = self.store("new session", specs[n_brief:], LIVE_S)
            self.brief += [key for key, _, _ in brief]
            self.keep(live)
            stored += len(brief) + len(live)
        return stored

    def fill(self, sizes, brief_share):
        """To the brim, where no new session is taken any more, or with as much as is given; False: there is no end."""
        most = self.given[len(self.fills)] if self.given else MOST_MB << 20
        begin = self.written
        without = 0
        while without < BRIM and self.written - begin < most:
            without = 0 if self.mixed_batch(sizes, brief_share) else without + 1
        self.fills.append(self.written - begin)
        return without == BRIM

    def rewrite_batch(self, most_bytes):
        """Live sessions again, with other sizes, but not more in all than there were at the brim."""
        specs = []
        growth = 0
        for key in self.random.sample(list(self.live), min(BATCH // 2, len(self.live))):
            old, version = self.live[key]
            length = self.random.choice(SMALL if old < SMALL.stop else LARGE)
            if self.live_bytes + growth + length - old > most_bytes:
                length = old
            growth += length - old
            specs.append((key, length, version + 1))
        self.keep(self.store("rewrite", specs, LIVE_S))

    def press(self):
        """Rewrites, new cache and new sessions until TIMES the memory is written, or PRESS_S is over."""
        begin, begin_s = self.written, time.monotonic()
        most_bytes = self.live_bytes
        while self.written - begin < TIMES * MEMORY_MB << 20 and time.monotonic() - begin_s < PRESS_S:
            self.rewrite_batch(most_bytes)
            self.store("cache", self.fresh(b"cache:", LARGE, 8), LIVE_S)
            self.keep(self.store("new session", self.fresh(b"memc.sess.key.", LARGE, 4), LIVE_S))
        return (self.written - begin) >> 20, time.monotonic() - begin_s

    def gone_and_wrong(self):
        """Of the live sessions, after all."""
        gone = wrong = 0
        keys = list(self.live)
        for at in range(0, len(keys), BATCH):
            batch = keys[at:at + BATCH]
            found = self.wire.get_all(batch)
            for key in batch:
                value = found.get(key)
                gone += value is None
                wrong += value is not None and value != value_of(key, *self.live[key])
        return gone, wrong

    def still_there(self, keys):
        return sum(len(self.wire.get_all(keys[at:at + BATCH])) for at in range(0, len(keys), BATCH))


class Verdict:
    passed = 0
    failed = 0

    def expect(self, passed, what):
        print(f"{'ok  ' if passed else 'FAIL'} {what}", flush=True)
        self.passed += bool(passed)
        self.failed += not passed


def load_all(load, say):
    """The whole run; `say(full, what)` is told whether each fill came to a brim."""
    full = load.fill(SMALL, 0.5)
    say(full, f"filled with small values: {len(load.live)} live sessions, {len(load.brief)} short-lived, cache between")
    time.sleep(SHORT_S + 1.2)
    small = len(load.live)
    full = load.fill(LARGE, 0.2)
    say(full, f"the short-lived expired; filled with large values: {len(load.live) - small} more live sessions")
    time.sleep(SHORT_S + 1.2)
    mb, seconds = load.press()
    print(f"     rewritten and anew: {mb} MB, {mb / MEMORY_MB:.1f} times the memory, in {seconds:.1f} s")


def check_stats(load, stats, verdict):
    number = collections.Counter({name.decode(): int(value) for name, value in stats.items() if value.isdigit()})
    verdict.expect(number["evictions"] > 0 and number["cloakroom_evicted_sessions"] == 0,
                   f"cache went first: {number['evictions']} evictions, of sessions "
                   f"{number['cloakroom_evicted_sessions']}")
    told = sum(load.refused.values())
    verdict.expect(0 < told <= number["cloakroom_refused_full"],
                   f"cloakroom_refused_full is {number['cloakroom_refused_full']}, of which seen "
                   + ", ".join(f"{kind} {n}" for kind, n in load.refused.items()))


def check_cloakroom(port, seed, fills, verdict):
    """Notes in `fills` how much went into each fill."""
    with contextlib.closing(Wire(port)) as wire:
        load = Load(wire, seed)
        load_all(load, verdict.expect)
        fills[:] = load.fills
        gone, wrong = load.gone_and_wrong()
        verdict.expect(load.live and gone == wrong == 0,
                       f"{len(load.live)} live sessions of {load.live_bytes >> 10} KB: {gone} lost, {wrong} wrong")
        there = load.still_there(load.brief)
        verdict.expect(load.brief and there == 0, f"{len(load.brief)} expired sessions: {there} still shown")
        before = load.refused["new session"]
        verdict.expect(load.fill(LARGE, 0) and load.refused["new session"] > before,
                       f"new sessions are refused with {REFUSED.decode()!r}")
        gone, wrong = load.gone_and_wrong()
        verdict.expect(gone == wrong == 0, f"after it {len(load.live)} live sessions: {gone} lost, {wrong} wrong")
        check_stats(load, wire.stats(), verdict)


def check_memcached(port, seed, fills, verdict):
    """It passes when it loses sessions: else the same load proves nothing about the other."""
    with contextlib.closing(Wire(port)) as wire:
        load = Load(wire, seed, fills)
        load_all(load, lambda _, what: print(f"     memcached {what}"))
        gone, wrong = load.gone_and_wrong()
        verdict.expect(gone > 0 and wrong == 0,
                       f"memcached, for comparison, lost {gone} of {len(load.live)} live sessions; {wrong} wrong")


def arguments():
    parser = harness.arguments(__doc__)
    parser.add_argument("--memcached", default=shutil.which("memcached") or "/usr/bin/memcached", metavar="PATH",
                        help="what it is compared with (%(default)s)")
    parser.add_argument("--seed", default=str(random.randrange(1 << 32)), help="of a run to repeat")
    parser.add_argument("--no-data", action="store_true", help="without --data")
    return parser.parse_args()


def main():
    args = arguments()
    harness.fail_on_sigterm()
    print(f"     seed {args.seed}")
    verdict = Verdict()
    fills = [MOST_MB << 20] * 2  # for memcached, should the server not come so far
    memory = ["-m", str(MEMORY_MB)]
    with harness.folder() as where:
        data = [] if args.no_data else ["--data", str(where / "data")]
        for server, options, check in ((args.server, data, check_cloakroom), (args.memcached, [], check_memcached)):
            try:
                with harness.tcp_server(server, where, *memory, *options) as port:
                    check(port, args.seed, fills, verdict)
            except (AssertionError, OSError) as error:
                verdict.expect(False, f"{server}: {type(error).__name__}: {error}")
    print(f"mixed: {verdict.passed} passed, {verdict.failed} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
