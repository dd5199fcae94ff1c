#!/usr/bin/env python3
"""kill -9 of a server with --data, over and over, while eight clients write: what was answered is there afterwards.

Each client has keys of its own on a kept connection, partly pipelined, and tells a checker in a process apart what it
is about to send and what was answered, the moment it was read. The server is killed 50 to 400 ms after it was ready,
now and then once more while it starts again, and then all keys are looked at: each shows what was answered last, or
what was on its way, never anything older. Memory is 16 MB, so that segments are compacted and reused meanwhile.

    kill9.py --server PATH [--rounds N] [--sync always|interval|none]

One round is one test. `--no-data` leaves out --data: then it must fail, or it sees nothing.
"""

import collections
import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import harness

MEMORY_MB = 16
WRITERS = 8
KEYS = 500                    # of each writer; 4,000 of 900 bytes are a quarter of the memory
KILL_S = (0.05, 0.4)          # after the server is ready
EARLY_S = (0.0, 0.03)         # after its start, where it is killed before it is ready
EARLY_EVERY = 4               # rounds
PIPELINED = 0.3               # share of the batches
DEPTHS = range(2, 20)
READ_BATCH = 100
ANSWERED_LEAST = 50
COMPACTED_ROUNDS = 20         # so many write the memory full several times
LONG_S = 100000               # a life that does not end here
SHORT_S = 3
EARLIER_S, LATER_S = 1.5, 2.5  # lives are counted in whole seconds, over a restart too
IO_S = 20
FORK = multiprocessing.get_context("fork")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
FOREVER = float("inf")

Op = collections.namedtuple("Op", "verb key version life_s sent_s")
# What a key may show: `version` (None: nothing) for sure until `sure_s`, and no longer than `most_s`.
State = collections.namedtuple("State", "version sure_s most_s")
ABSENT = State(None, FOREVER, FOREVER)


def key_name(key):
    return f"memc.sess.key.{key[0]}.{key[1]}"


def value_of(key, version):
    """300 to 1,500 bytes, all of them told by key and version; begins with the version."""
    unit = f"{version} {key_name(key)}|".encode()
    length = 300 + (key[1] * 7919 + version * 104729) % 1201
    return (unit * (length // len(unit) + 1))[:length]


def version_in(key, value):
    """The version whose value this is, all of it; None when it is no value of this key."""
    number = value.split(b" ", 1)[0]
    version = int(number) if number.isdigit() and len(number) < 12 else 0
    return version if value == value_of(key, version) else None


# The clients


def request(op):
    name = key_name(op.key)
    if op.verb == "set":
        value = value_of(op.key, op.version)
        return b"set %s 0 %d %d\r\n%s\r\n" % (name.encode(), op.life_s, len(value), value)
    return f"delete {name}\r\n".encode() if op.verb == "delete" else f"touch {name} {op.life_s}\r\n".encode()


class Writer:
    """One client, in its own process: goes on at each port it is given, until the server there is gone."""

    def __init__(self, number, seed):
        self.number = number
        self.random = random.Random(seed)
        self.versions = [0] * KEYS
        self.short = None  # the key that was set last, if for a short life

    def op(self):
        if self.short is not None and self.random.random() < 0.5:  # a life that only a touch prolongs
            i, self.short = self.short, None
            return self.made("touch", i, LONG_S)
        # Every second one hits a tenth of the keys: the others grow old and are moved when segments are compacted.
        i = self.random.randrange(KEYS if self.random.random() < 0.5 else KEYS // 10)
        verb = self.random.choices(("set", "delete", "touch"), (8, 1, 1))[0]
        life_s = SHORT_S if self.random.random() < 0.05 else LONG_S
        if verb == "set":
            self.versions[i] += 1
            self.short = i if life_s == SHORT_S else None
        return self.made(verb, i, life_s)

    def made(self, verb, i, life_s):
        return Op(verb, (self.number, i), self.versions[i], life_s, time.monotonic())

    def batch(self):
        depth = self.random.choice(DEPTHS) if self.random.random() < PIPELINED else 1
        return [self.op() for _ in range(depth)]

    def write_until_the_end(self, connection, log):
        """Each batch is told before it is sent, each answer when it is read."""
        unread = b""
        while True:
            ops = self.batch()
            log.send(("sent", ops))
            connection.sendall(b"".join(map(request, ops)))
            waiting = len(ops)
            while waiting:
                data = connection.recv(1 << 16)
                if not data:
                    return
                *lines, unread = (unread + data).split(b"\r\n")
                log.send(("answered", lines))
                waiting -= len(lines)

    def run(self, ports, log):
        with contextlib.suppress(EOFError):
            while port := ports.recv():
                # Killed while we write: a reset, or a broken pipe.
                with contextlib.suppress(ConnectionError):
                    with socket.create_connection(("127.0.0.1", port), timeout=IO_S) as connection:
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        self.write_until_the_end(connection, log)
                log.send(("gone", None))


# The checker


class Key:
    """What was answered last, and what was sent since without an answer."""

    def __init__(self):
        self.state = ABSENT
        self.on_its_way = collections.deque()

    def possible(self):
        """The states it may be in: the last one answered, and each that was on its way, in the order sent."""
        states = [self.state]
        for op in self.on_its_way:
            states.append(after(op, states[-1], FOREVER))
        return states


def state_of(version, life_s, sent_s, answered_s):
    """An op that was never answered may have been run at any time until the kill."""
    if life_s == LONG_S:
        return State(version, FOREVER, FOREVER)
    return State(version, sent_s + life_s - EARLIER_S, answered_s + life_s + LATER_S)


def after(op, state, answered_s):
    if op.verb == "delete" or (op.verb == "touch" and state.version is None):
        return ABSENT
    return state_of(op.version if op.verb == "set" else state.version, op.life_s, op.sent_s, answered_s)


class Verdict:
    def __init__(self):
        self.answered = self.looked_at = self.lost = self.wrong = 0
        self.examples = []

    def count(self, kind, what):
        setattr(self, kind, getattr(self, kind) + 1)
        if getattr(self, kind) <= 2:
            self.examples.append(f"{kind}: {what}")


class Checker:
    """In its own process: knows what was answered, and compares it with what the server has after its restart."""

    def __init__(self):
        self.keys = {(w, i): Key() for w in range(WRITERS) for i in range(KEYS)}
        self.queues = [collections.deque() for _ in range(WRITERS)]
        self.verdict = Verdict()

    def sent(self, number, ops):
        for op in ops:
            self.queues[number].append(op)
            self.keys[op.key].on_its_way.append(op)

    def answered(self, number, lines):
        now_s = time.monotonic()
        for line in lines:
            op = self.queues[number].popleft()
            self.one_answered(self.keys[op.key], op, line, now_s)

    def one_answered(self, key, op, line, now_s):
        self.verdict.answered += 1
        key.on_its_way.popleft()
        if line == b"NOT_FOUND" and op.verb != "set":
            if key.state.version is not None and now_s < key.state.sure_s:
                self.verdict.count("lost", f"{key_name(op.key)} was not found while the server ran, had {key.state}")
            key.state = ABSENT
        elif line == {"set": b"STORED", "delete": b"DELETED", "touch": b"TOUCHED"}[op.verb]:
            if op.verb != "set" and (key.state.version is None or op.sent_s > key.state.most_s):
                self.verdict.count("wrong", f"{key_name(op.key)} answered {line!r}, had {key.state}")
            key.state = after(op, key.state, now_s)
        else:
            self.verdict.count("wrong", f"{op.verb} {key_name(op.key)} was answered {line!r}")

    def gone(self, number):
        self.queues[number].clear()

    def look_at_all(self, port):
        """All keys of a server that has started again; what it shows is the state from then on."""
        with socket.create_connection(("127.0.0.1", port), timeout=IO_S) as connection, \
                connection.makefile("rb") as answers:
            keys = list(self.keys)
            for at in range(0, len(keys), READ_BATCH):
                batch = keys[at:at + READ_BATCH]
                begin_s = time.monotonic()
                connection.sendall(f"get {' '.join(map(key_name, batch))}\r\n".encode())
                found = read_hits(answers)
                end_s = time.monotonic()
                for key in batch:
                    self.look_at(key, found.get(key_name(key).encode()), begin_s, end_s)

    def look_at(self, name, value, begin_s, end_s):
        self.verdict.looked_at += 1
        key = self.keys[name]
        states = key.possible()
        version = None if value is None else version_in(name, value)
        allowed = [s for s in states if fits(s, value, version, begin_s, end_s)]
        if not allowed:
            self.verdict.count(*judge(name, states, value, version))
        key.on_its_way.clear()
        if version is None:
            key.state = ABSENT
        elif len(allowed) == 1:
            key.state = allowed[0]
        else:  # more than one life is possible
            key.state = State(version, min((s.sure_s for s in allowed), default=0), FOREVER)


def fits(state, value, version, begin_s, end_s):
    """May a key in this state have shown this between begin and end?"""
    if value is None:
        return state.version is None or end_s >= state.sure_s
    return version is not None and state.version == version and begin_s <= state.most_s


def judge(name, states, value, version):
    """(kind, what): `wrong` is what no client ever sent, `lost` what was so once, but should not be any more."""
    wanted = f"{key_name(name)} should show {' or '.join(map(str, states))}"
    if value is None:
        return "lost", f"{wanted}: is gone"
    if version is None or version > max(s.version or 0 for s in states) > 0:
        return "wrong", f"{wanted}: has {value[:80]!r}"
    return "lost", f"{wanted}: has version {version}"


def read_hits(answers):
    """The values of one answer to get, by key."""
    found = {}
    while (line := answers.readline()) != b"END\r\n":
        words = line.split()
        if len(words) != 4 or words[0] != b"VALUE":
            raise AssertionError(f"get was answered {line!r}")
        found[words[1]] = answers.read(int(words[3]) + 2)[:-2]
    return found


def check_all(logs, boss):
    """The checker's process. The boss asks for a round's verdict once all connections are gone, naming the port."""
    checker = Checker()
    numbers = {log: number for number, log in enumerate(logs)}
    ended = set()
    with contextlib.suppress(EOFError):
        while True:
            for ready in multiprocessing.connection.wait([boss, *logs] if len(ended) == WRITERS else logs):
                if ready is boss:
                    checker.look_at_all(boss.recv())
                    boss.send(checker.verdict)
                    checker.verdict = Verdict()
                    ended.clear()
                    break
                what, data = ready.recv()
                number = numbers[ready]
                if what == "gone":
                    checker.gone(number)
                    ended.add(number)
                else:
                    getattr(checker, what)(number, data)


# The server, and the rounds


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_as_child(function, arguments):
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    function(*arguments)


class Server:
    """A server that is killed and started again with the same options. It dies with this process."""

    def __init__(self, options, where):
        self.options = options
        self.where = where
        self.child = None

    def spawn(self):
        self.log = self.where / "server.log"
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen(self.options, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          preexec_fn=die_with_parent)

    def start(self):
        """Returns the port once it is ready."""
        self.spawn()
        until = time.monotonic() + harness.START_S
        while not (ready := re.search(r" ready: port (\d+).*\n", self.said())):
            if self.child.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the server did not start, status {self.child.poll()}: {self.said()[-2000:]}")
            time.sleep(0.002)
        return int(ready[1])

    def said(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        """It must not have ended before, but by an early kill."""
        ended = self.child.poll()
        self.child.kill()
        self.child.wait()
        if ended is not None:
            raise AssertionError(f"the server ended by itself, {ended}: {self.said()[-2000:]}")

    def close(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()


class Crew:
    """The writers' and the checker's processes."""

    def __init__(self, seed):
        self.processes = []
        self.ports = []
        logs = []
        for number in range(WRITERS):
            ours, theirs = FORK.Pipe()
            to_checker, from_writer = FORK.Pipe()
            writer = Writer(number, f"{seed}/{number}")
            self.start(writer.run, theirs, from_writer)
            theirs.close()
            from_writer.close()
            self.ports.append(ours)
            logs.append(to_checker)
        self.boss, theirs = FORK.Pipe()
        self.start(check_all, logs, theirs)
        for end in [*logs, theirs]:
            end.close()

    def start(self, function, *arguments):
        process = FORK.Process(target=run_as_child, args=(function, arguments), daemon=True)
        process.start()
        self.processes.append(process)

    def write_at(self, port):
        for pipe in self.ports:
            pipe.send(port)

    def verdict(self, port):
        self.boss.send(port)
        return self.boss.recv()

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()


class Run:
    """The rounds, and what they add up to."""

    def __init__(self, server, crew, rng):
        self.server = server
        self.crew = crew
        self.random = rng
        self.passed = self.failed = self.copied = 0
        self.sums = collections.Counter()

    def expect(self, passed, what):
        print(f"{'ok  ' if passed else 'FAIL'} {what}", flush=True)
        self.passed += bool(passed)
        self.failed += not passed

    def kill_and_restart(self, port, early):
        """Returns the port of the new server."""
        self.crew.write_at(port)
        time.sleep(self.random.uniform(*KILL_S))
        self.copied += copied_bytes(port)
        self.server.kill()
        if early:
            self.server.spawn()
            time.sleep(self.random.uniform(*EARLY_S))
            self.server.kill()
        return self.server.start()

    def one(self, number, port):
        port = self.kill_and_restart(port, number % EARLY_EVERY == 0)
        verdict = self.crew.verdict(port)
        self.expect(verdict.lost == 0 and verdict.wrong == 0,
                    f"round {number}: {verdict.answered} writes answered, then killed; {verdict.looked_at} keys looked "
                    f"at, {verdict.lost} lost, {verdict.wrong} wrong")
        for example in verdict.examples:
            print(f"     {example}")
        self.sums.update({what: getattr(verdict, what) for what in ("answered", "lost", "wrong")})
        return port

    def all(self, rounds):
        port = self.server.start()
        for number in range(1, rounds + 1):
            port = self.one(number, port)
        print(f"     {rounds} kills, {self.sums['answered']} writes answered: {self.sums['lost']} lost, "
              f"{self.sums['wrong']} wrong")
        # On a busy machine a round may be over before its first answer, but not most of them.
        self.expect(self.sums["answered"] >= ANSWERED_LEAST * rounds, "the server was at work when it was killed")
        if rounds >= COMPACTED_ROUNDS:
            self.expect(self.copied > 0, f"segments were compacted meanwhile: {self.copied >> 10} KB copied")


def copied_bytes(port):
    """What compaction has copied since the server's start."""
    with socket.create_connection(("127.0.0.1", port), timeout=IO_S) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"stats\r\n")
        stats = dict(line.split()[1:3] for line in iter(answers.readline, b"END\r\n") if len(line.split()) == 3)
    return int(stats.get(b"cloakroom_copied_bytes", 0))


def arguments():
    parser = harness.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=40, metavar="N", help="kills (%(default)s)")
    parser.add_argument("--sync", default="", metavar="MODE", help="always, interval or none (the server's default)")
    parser.add_argument("--seed", default=str(random.randrange(1 << 32)), help="of a run to repeat, as far as it can be")
    parser.add_argument("--no-data", action="store_true", help="without --data: must fail")
    return parser.parse_args()


def main():
    args = arguments()
    harness.fail_on_sigterm()
    print(f"     seed {args.seed}")
    with harness.folder() as where, contextlib.ExitStack() as stack:
        data = [] if args.no_data else ["--data", str(where / "data"), *(["--sync", args.sync] if args.sync else [])]
        as_root = ["-u", "root"] if os.geteuid() == 0 else []
        options = [*harness.program(args.server), *as_root, "-l", "127.0.0.1:0", "--http", "off", "-m", str(MEMORY_MB), *data]
        crew = stack.enter_context(contextlib.closing(Crew(args.seed)))
        server = stack.enter_context(contextlib.closing(Server(options, where)))
        rounds = Run(server, crew, random.Random(args.seed))
        try:
            rounds.all(args.rounds)
        except (AssertionError, OSError, EOFError) as error:
            rounds.expect(False, f"{type(error).__name__}: {error}")
    print(f"kill: {rounds.passed} passed, {rounds.failed} failed")
    return 1 if rounds.failed else 0


if __name__ == "__main__":
    sys.exit(main())
