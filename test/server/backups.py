#!/usr/bin/env python3
"""`cloakroom backup` and `restore`: of a server under a load that writes, deletes and kills, again and again; and their ways.

Run by itself it does the first part alone, so many rounds: backups.py --server PATH --rounds N.
"""

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import harness
from durable import data_folder, kill, on, sessions_of, store
from full import check_all
from harness import check, equal, folder, server
from wire import Client

PREFIX = "memc.sess.key."
WRITERS = 4
KEYS = 300          # of each: with their values a tenth of the memory
MEMORY_MB = "8"     # so all of it is compacted and removed about once a second
DEPTH = 12          # requests in one go
ROUNDS = 3
# What a key was from `answered_s` on at the latest, and from `sent_s` on at the earliest.
State = collections.namedtuple("State", "version sent_s answered_s")
NEVER = float("inf")


def tool(*words, limit_s=60.0, env=None):
    """(exit code, stdout, stderr) of the tool."""
    path = os.path.join(os.path.dirname(harness.program), "cloakroom")
    done = subprocess.run([path, *map(str, words)], capture_output=True, text=True, timeout=limit_s * harness.slow,
                          env=harness.environment(**(env or {})))
    return done.returncode, done.stdout, done.stderr


def done_well(*words):
    code, out, complaint = tool(*words)
    equal((code, complaint), (0, ""), f"{' '.join(map(str, words))}, which said {out!r}")
    return dict(line.split() for line in out.splitlines())


# ---- under a load ----


def value_of(key, version):
    unit = f"{version} {key}|".encode()
    return (unit * 100)[:200 + (version * 7919 + len(key)) % 900]


class Writer(threading.Thread):
    """Has keys of its own, and knows what each was when."""

    def __init__(self, number, address):
        super().__init__(daemon=True)
        self.number = number
        self.keys = [self.name(i) for i in range(KEYS)]
        self.states = {key: [State(None, 0, 0)] for key in self.keys}
        self.version = 0
        self.address = address
        self.failure = None
        self.is_over = False
        self.counts = collections.Counter()

    def name(self, i):
        return f"w{self.number}x{i:06d}abcdefghijklmnopqrst"

    def replace(self, key):
        """What was killed stays so: another takes its place."""
        self.keys[self.keys.index(key)] = new = self.name(len(self.states))
        self.states[new] = [State(None, 0, 0)]

    def request(self, key, verb):
        """One in three keys is left alone for a long time, so that the dead lie beside the living."""
        if verb == "set":
            self.version += 1
            value = value_of(key, self.version)
            return b"set %s 0 0 %d\r\n%s\r\n" % ((PREFIX + key).encode(), len(value), value), self.version
        line = f"delete {PREFIX}{key}\r\n" if verb == "delete" else f"sk {key}\r\n"
        return line.encode(), None

    def batch(self, client):
        n = random.randint(1, DEPTH)
        chosen = random.sample(self.keys if random.random() < 0.3 else self.keys[:KEYS // 3], n)
        verbs = random.choices(["set", "delete", "sk"], [75, 22, 3], k=n)
        wanted = [self.request(key, verb) for key, verb in zip(chosen, verbs)]
        sent_s = time.monotonic()
        for key, (_, version) in zip(chosen, wanted):
            self.states[key].append(State(version, sent_s, NEVER))
        client.send(b"".join(text for text, _ in wanted))
        for key, verb in zip(chosen, verbs):  # no key is twice in it
            answer = client.line()
            check(answer.split()[0] in {"STORED", "DELETED", "NOT_FOUND", "HD", "NF"}, f"{verb}: {answer!r}")
            self.counts[verb] += 1
            if verb == "sk":
                self.replace(key)
            self.states[key][-1] = self.states[key][-1]._replace(answered_s=time.monotonic())

    def run(self):
        try:
            with Client(self.address) as client:
                while not self.is_over:
                    self.batch(client)
        except BaseException as error:
            self.failure = error

    def end(self):
        self.is_over = True
        self.join(30 * harness.slow)
        if self.failure is not None:
            raise self.failure

    def check_key(self, key, value, began_s, ended_s):
        """The last that was answered before it began, or one after that, sent before it ended."""
        states = self.states[key]
        floor = max(i for i, state in enumerate(states) if state.answered_s < began_s)
        allowed = {state.version for state in states[floor:] if state.sent_s < ended_s}
        if value is None:
            check(None in allowed, f"{key} is missing; it was one of {sorted(v for v in allowed if v)}")
            return
        number = value.split(b" ", 1)[0]
        version = int(number) if number.isdigit() else 0
        check(value == value_of(key, version), f"{key} shows what was never written there")
        check(version in allowed, f"{key} is of version {version}, not of {allowed}")

    def check_restored(self, client, began_s, ended_s):
        living = 0
        names = list(self.states)
        names = random.sample(names, min(len(names), 4 * KEYS)) + names[-KEYS:] + self.keys
        for at in range(0, len(names), 50):
            keys = names[at:at + 50]
            client.send(f"get {' '.join(PREFIX + key for key in keys)}\r\n".encode())
            found = client.hits()
            living += len(found) if at >= len(names) - KEYS else 0
            for key in keys:
                self.check_key(key, found.get(PREFIX + key), began_s, ended_s)
        return living


def one_round(where, data, writers, number):
    backup, restored = where / f"backup-{number}", where / f"restored-{number}"
    began_s = time.monotonic()
    taken = done_well("backup", data, backup)
    ended_s = time.monotonic()
    equal(taken["damaged"], "0", "damage found in a sound directory")
    back = done_well("restore", backup, restored)
    with server("--data", str(restored), "--http", "off", "-m", MEMORY_MB) as s, Client(s.address) as client:
        check(", 0 damaged records" in s.ready and "torn" not in s.ready, f"the ready line: {s.ready!r}")
        living = sum(writer.check_restored(client, began_s, ended_s) for writer in writers)
        kill(s)
    check(living > WRITERS * KEYS // 10, f"only {living} sessions in it")
    check(int(back["items"]) >= living, f"{living} sessions, and it counted {back['items']} items")
    shutil.rmtree(backup)
    shutil.rmtree(restored)


def play_rounds(rounds, tell=lambda number: None):
    with folder() as where:
        data = where / "data"
        with server("--data", str(data), "--http", "off", "-m", MEMORY_MB, "--sync-interval-ms", "50") as s:
            writers = [Writer(i, s.address) for i in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(1.0)
            try:
                for number in range(rounds):
                    one_round(where, data, writers, number)
                    tell(number)
            finally:
                for writer in writers:
                    writer.end()
            counts = sum((writer.counts for writer in writers), collections.Counter())
            check(min(counts[verb] for verb in ("set", "delete", "sk")) > 50, f"what was done: {counts}")


def test_backups_of_a_server_at_work():
    play_rounds(1 if harness.is_sanitized() else ROUNDS)


# ---- their ways ----


def flip_at(path, at):
    whole = bytearray(path.read_bytes())
    whole[at] ^= 0x10
    path.write_bytes(whole)


def filled(where, n=200):
    data = where / "data"
    sessions = sessions_of(n)
    with on(data, "--http", "off") as (s, c):
        store(c, sessions)
        kill(s)
    return data, sessions


def test_what_was_there_is_there_again():
    """Also of a directory that no server has; JSON says the same as the table."""
    with folder() as where:
        data, sessions = filled(where)
        taken = done_well("backup", data, where / "backup")
        equal((taken["key"], taken["damaged"]), ("yes", "0"), "what it says")
        code, out, _ = tool("--json", "restore", where / "backup", where / "back")
        told = json.loads(out)
        equal((code, told["living_items"], told["findings"]), (0, len(sessions), []), "what the restore says")
        equal((data / "key").read_bytes(), (where / "back/key").read_bytes(), "the key")
        with on(where / "back", "--http", "off") as (_, c):
            check_all(c, sessions, "what was restored")


def test_nothing_is_put_over_anything():
    with folder() as where:
        data, _ = filled(where, 5)
        done_well("backup", data, where / "backup")
        before = sorted(os.listdir(where / "backup"))
        for words in (["backup", data, where / "backup"], ["restore", where / "backup", data]):
            code, out, complaint = tool(*words)
            equal((code, out), (4, ""), f"{words[0]} over something")
            check("holds something already" in complaint and complaint.count("\n") == 1, complaint)
        equal(sorted(os.listdir(where / "backup")), before, "the backup after that")


def test_what_is_no_backup_is_not_restored():
    """Nor one that was broken off, or changed since; and nothing is left of the try."""
    with folder() as where:
        data, _ = filled(where)
        code, _, complaint = tool("restore", data, where / "back")
        check(code == 4 and "not finished" in complaint, complaint)
        done_well("backup", data, where / "backup")
        segment = max((where / "backup").glob("*.seg"), key=lambda path: path.stat().st_size)
        flip_at(segment, 500)
        code, _, complaint = tool("restore", where / "backup", where / "back")
        check(code == 4 and segment.name in complaint, complaint)
        check(not (where / "back").exists(), "something is left of it")


def test_damage_is_told_and_taken_along():
    with folder() as where:
        data, sessions = filled(where)
        segment = max(data.glob("*.seg"), key=lambda path: path.stat().st_size)
        flip_at(segment, 300)
        code, out, complaint = tool("backup", data, where / "backup")
        equal((code, complaint), (1, ""), "a backup of a damaged directory")
        check(f"{segment.name}: " in out and "damaged" in out, out)
        code, out, _ = tool("--json", "restore", where / "backup", where / "back")
        told = json.loads(out)
        equal((code, told["damaged_runs"], told["living_items"]), (1, 1, len(sessions) - 1), "its restore")


def test_without_its_key():
    with folder() as where:
        data, sessions = filled(where, 5)
        done_well("backup", data, where / "backup", "--without-key")
        check(not (where / "backup/key").exists(), "the key is in it")
        code, _, hint = tool("restore", where / "backup", where / "back")
        check(code == 0 and "no key" in hint and "--id-key" in hint, hint)
        shutil.copy2(data / "key", where / "back/key")
        with on(where / "back", "--http", "off") as (_, c):
            check_all(c, sessions, "what was restored")


def test_files_of_root_go_to_the_servers_user():
    if os.geteuid() != 0:
        raise harness.Skip("needs root")
    with folder() as where:
        data, _ = filled(where, 5)
        done_well("backup", data, where / "backup")
        (where / "back").mkdir(mode=0o700)
        os.chown(where / "back", harness.NOBODY, harness.NOBODY)
        done_well("restore", where / "backup", where / "back")
        equal({path.stat().st_uid for path in (where / "back").iterdir()}, {harness.NOBODY}, "owners")


def test_what_it_needs_is_said():
    with data_folder() as data:
        for words, what in ((["backup"], "two directories"), (["backup", data], "two directories"),
                            (["restore", data, data, data], "too many words")):
            code, _, complaint = tool(*words)
            check(code == 2 and what in complaint, f"{words}: {code}, {complaint}")
        code, _, complaint = tool("backup", data, f"{data}-2")
        check(code == 4 and "No such file" in complaint and not os.path.exists(f"{data}-2"), complaint)
        data.mkdir()
        code, _, complaint = tool("backup", data, f"{data}-2")
        check(code == 4 and "store" in complaint and not os.path.exists(f"{data}-2"), complaint)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=harness.program, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=200, metavar="N")
    args = parser.parse_args()
    harness.use(args.server, 0)
    done = []
    try:
        play_rounds(args.rounds, done.append)
    except AssertionError as error:
        print(f"round {len(done) + 1}: {error}")
    print(f"backups: {len(done)} passed, {args.rounds - len(done)} failed")
    return len(done) != args.rounds


if __name__ == "__main__":
    sys.exit(main())
