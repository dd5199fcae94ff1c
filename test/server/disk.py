"""The folder of --data when something is wrong with it: what is refused at the start, each time in one line that says
what to do; a disk that is full, a folder that is gone, bytes that are damaged."""

import contextlib
import os
import random
import resource
import shutil
import signal
import struct
import subprocess

import harness
from durable import SESSION, data_folder, gone, kill, on, recovered, sessions_of, stop, store
from full import BATCH, MOST, check_all, store_all, value
from harness import MIB, check, equal, folder, wait_for
from lifetime import daemon, is_running
from startup import refused
from wire import SET, Client, command

NO_SPACE = "SERVER_ERROR no space left on the disk of --data"
READ_ONLY = "SERVER_ERROR read-only: "
MAGIC = b"CLOAKRM\n"


FILES_MAX, OWN = 1024, 64  # descriptors of segments' files and of any server, beside those of -c


# What is refused at the start


def content(data):
    """Names and bytes of all that is in there."""
    return {path.name: path.read_bytes() if path.is_file() else None for path in sorted(data.iterdir())}


def refused_at(data, *wanted, user=None):
    """Whoever is refused leaves all as it was."""
    before = content(data) if data.is_dir() else None
    options = ["-l", "127.0.0.1:0", *(harness.as_root() if user is None else []), "--data", str(data)]
    refused(options, str(data), *wanted, user=user)
    if before is not None:
        equal(content(data), before, "the folder after it")


def test_bad_values():
    refused(["--data"], "--data", "needs a value")
    refused(["--sync", "sometimes"], "--sync", "always", "interval", "none")
    refused(["--sync-interval-ms", "x"], "--sync-interval-ms", "10 to 3600000 milliseconds")


def test_sync_wants_a_directory():
    for when in ("always", "none"):
        refused(["--sync", when], "--sync", "without --data nothing is kept")


def test_folder_is_made_in_one_that_is_there():
    with folder() as where:
        refused_at(where / "none" / "data")
        check(not (where / "none").exists(), "it made the parent")
        with on(where / "data"):
            check((where / "data" / "store").is_file(), "no file store")
        (where / "empty").mkdir()
        with on(where / "empty"):
            check((where / "empty" / "store").is_file(), "no file store in a folder that was empty")


def test_foreign_folder():
    with folder() as where:
        (where / "notes.txt").write_text("not ours")
        refused_at(where, "notes.txt")
    with folder() as where:
        (where / "photos").mkdir()
        refused_at(where)
    with folder() as where:
        (where / "store").write_text("what another program keeps under this name, long enough to be a head\n" * 100)
        refused_at(where)
    with folder() as where:
        (where / "data").write_text("a file")
        refused_at(where / "data")


def test_newer_format():
    with data_folder() as data:
        with on(data) as (s, c):
            c.store("k", b"v")
        with open(data / "store", "r+b") as f:
            head = f.read(12)
            equal(head[:8], MAGIC, "how the file store begins")
            f.seek(8)
            f.write(struct.pack("<I", struct.unpack("<I", head[8:])[0] + 1))
        refused_at(data, "format")
        with open(data / "store", "r+b") as f:
            f.write(head)
        with on(data) as (s, c):
            equal(c.get("k"), b"v", "after the version was put back")


def test_second_server():
    """Refused, also while the first one writes; which goes on."""
    with data_folder() as data:
        sessions = sessions_of(100)
        with on(data) as (s, c):
            store(c, sessions)
            for _ in range(3):
                options = ["-l", "127.0.0.1:0", *harness.as_root(), "--data", str(data)]
                refused(options, str(data), "another")
            sessions["more"] = b"v"
            c.store("more", b"v")
            check_all(c, sessions, "of the first server")
            kill(s)
        with on(data) as (_, c):
            check_all(c, sessions, "after the kill, which leaves no lock behind")


def test_not_writable():
    if os.geteuid() != 0:
        raise harness.Skip("not root")
    with folder() as where:
        (where / "data").mkdir(mode=0o755)
        refused_at(where / "data", "ermission", user=harness.NOBODY)
        refused_at(where / "to be made", "ermission", user=harness.NOBODY)
        with on(where / "data") as (s, c):
            c.store("k", b"v")
        refused_at(where / "data", "ermission", user=harness.NOBODY)


def test_u_owns_what_it_makes():
    """Started as root with -u: the files are that user's, and nobody else may read sessions there."""
    if os.geteuid() != 0:
        raise harness.Skip("not root")
    # A process that has changed its user cannot be looked at by LeakSanitizer.
    how = {"user": None, "env": {"ASAN_OPTIONS": "detect_leaks=0"}}
    with folder() as where:
        where.chmod(0o777)
        data = where / "data"
        for turn in range(2):
            with on(data, "-u", "nobody", **how) as (s, c):
                equal(recovered(s), (turn, 0, 0), "what was there")
                c.store(f"{SESSION}1", b"v")
        for path in (data, *data.iterdir()):
            equal(path.stat().st_uid, harness.NOBODY, f"the owner of {path.name}")
        check(data.stat().st_mode & 0o077 == 0, f"the folder's mode is {data.stat().st_mode:o}")


def test_daemon_with_a_relative_name():
    """It goes to /, but keeps what it has where it was started."""
    with folder() as where:
        options = ["--data", os.path.relpath(where / "data"), "-s", str(where / "s.sock")]
        for turn in range(2):
            with daemon(where, *options) as pid:
                with Client(str(where / "s.sock")) as c:
                    equal(c.get(f"{SESSION}1"), b"v" if turn else None, f"at start {turn + 1}")
                    c.store(f"{SESSION}1", b"v")
                os.kill(pid, signal.SIGTERM)
                wait_for(lambda: not is_running(pid), "the end of the daemon")


# A disk that is full


@contextlib.contextmanager
def small_disk(mib):
    """A file system of its own."""
    if os.geteuid() != 0:
        raise harness.Skip("not root: cannot mount a small file system")
    with folder() as where:
        disk = where / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(disk)], capture_output=True,
                              text=True)
        if done.returncode:
            raise harness.Skip(f"cannot mount a small file system: {done.stderr.strip()}")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def fill_disk(client, prefix):
    """New sessions until a whole batch is refused; returns those that were stored."""
    stored = {}
    for at in range(0, MOST, BATCH):
        items = [(f"{prefix}{i}", value(f"{prefix}{i}", random.randint(200, 1500))) for i in range(at, at + BATCH)]
        answers = store_all(client, items)
        check(set(answers) <= {"STORED", NO_SPACE}, f"answers {set(answers)}")
        stored.update(item for item, answer in zip(items, answers) if answer == "STORED")
        if "STORED" not in answers:
            return stored
    raise AssertionError(f"{MOST} sessions and the disk never full")


@contextlib.contextmanager
def full_disk(**options):
    """(server, client, sessions that were stored, folder, file that takes up half of the disk)"""
    with small_disk(24) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(12 * MIB))
        with on(disk / "data", "-m", "64") as (s, c):
            sessions = fill_disk(c, SESSION)
            check(len(sessions) > 500, f"only {len(sessions)} sessions on 12 MiB")
            yield s, c, sessions, disk / "data", filler


def room_again(client, sessions):
    """All writes work, within a time after there is room; adds to `sessions` what was stored."""
    def try_some():
        items = {f"{SESSION}again.{i}": value("again", 1000, random.randint(0, 99)) for i in range(300)}
        answers = store_all(client, list(items.items()))
        sessions.update(item for item, answer in zip(items.items(), answers) if answer == "STORED")
        return set(answers) == {"STORED"}
    wait_for(try_some, "writes where there is room on the disk again")


def test_full_disk_refuses_without_harm():
    with full_disk() as (s, c, sessions, data, filler):
        check_all(c, sessions, "reads with a full disk")
        for key in list(sessions)[:100]:
            new = value(key, 1500, 1)
            answer = c.set(key, new)
            check(answer in ("STORED", NO_SPACE), f"a session written again: {answer}")
            if answer == "STORED":
                sessions[key] = new
        check_all(c, sessions, "what was refused changed nothing")
        stats = c.stats()
        check(stats["cloakroom_refused_disk"] >= BATCH, f"cloakroom_refused_disk {stats['cloakroom_refused_disk']}")
        equal(stats["cloakroom_read_only"], 0, "cloakroom_read_only: it mends itself")
        filler.unlink()
        room_again(c, sessions)
        check_all(c, sessions, "after there was room again")
        kill(s)
        with on(data, "-m", "64") as (s, c):
            equal(recovered(s)[2], 0, "damaged records")
            check_all(c, sessions, "at the next start")


def test_start_on_a_full_disk():
    """What is there can be read, whether it was killed then or ended."""
    for end in (kill, stop):
        with full_disk() as (s, c, sessions, data, filler):
            end(s)
            with on(data, "-m", "64") as (s, c):
                equal(recovered(s)[2], 0, "damaged records")
                check_all(c, sessions, "on a disk that is still full")
                filler.unlink()
                room_again(c, sessions)
                kill(s)
            with on(data, "-m", "64") as (s, c):
                check_all(c, sessions, "at the next start")


# A folder that is gone


WRITES = [("set {} 0 0 1", b"x"), ("set new 0 0 1", b"x"), ("add other 0 0 1", b"x"), ("append {} 0 0 1", b"x"),
          ("replace {} 0 0 1", b"x"), ("incr number 1", None), ("delete {}", None), ("touch {} 100", None),
          ("flush_all", None)]


def check_read_only(client, address, sessions):
    first = next(iter(sessions))
    for line, data in WRITES:
        answer = client.command(line.format(first), data)
        check(answer.startswith(READ_ONLY), f"{line}: {answer!r}")
    client.send(command("gat 100 " + " ".join(list(sessions)[:9])) + command("mn"))
    check(client.line().startswith(READ_ONLY), "gat of many keys")
    equal(client.line(), "MN", "after one refusal for all of them")
    with Client(address) as other:
        check(other.packet(SET, first.encode(), bytes(8), b"x")[1] != 0, "set in binary was taken")
    with Client(address) as other:
        check_all(other, sessions, "reads of a new connection")
    check_all(client, sessions, "reads")
    equal(client.get("number"), b"1", "what was refused")
    client.send(command("get new"))
    # A shard that holds what never got to the disk, here a probe, cannot tell whether a miss is one of those.
    answer = client.line()
    check(answer == "END" or answer.startswith(READ_ONLY), f"a miss: {answer!r}")
    stats = client.stats()
    equal(stats["cloakroom_read_only"], 1, "cloakroom_read_only")
    check(stats["cloakroom_disk_error"] != "none", "cloakroom_disk_error")


def end_whatever_it_says(s):
    """It may have told the operator of the trouble."""
    s.child.send_signal(signal.SIGTERM)
    s.child.wait(5 * harness.slow)


def is_read_only(address):
    with Client(address) as c:
        return c.set(f"{SESSION}probe", b"v").startswith(READ_ONLY)


def remove_under(sync):
    sessions = sessions_of(200)
    with data_folder() as data:
        with on(data, "--sync", sync, "--sync-interval-ms", "200") as (s, c):
            store(c, sessions)
            c.store("number", b"1")
            shutil.rmtree(data)
            wait_for(lambda: is_read_only(s.address), f"read-only, --sync {sync}", 3.0)
            with Client(s.address) as other:  # the one in whose turn it happened is told, and closed
                check_read_only(other, s.address, sessions)
            end_whatever_it_says(s)
        with on(data, "--sync", sync) as (s, c):
            equal(recovered(s), (0, 0, 0), "what is in a new folder")
            store(c, sessions)
            kill(s)
        with on(data, "--sync", sync) as (s, c):
            check_all(c, sessions, "in the new folder")


def test_removed_folder():
    harness.in_threads([lambda sync=sync: remove_under(sync) for sync in ("always", "interval", "none")])


# Bytes that are damaged


def flip_in(data, wanted):
    """One bit of `wanted`, wherever it lies; returns in how many places."""
    places = 0
    for path in data.glob("*.seg"):
        whole = bytearray(path.read_bytes())
        at = whole.find(wanted)
        while at >= 0:
            whole[at + len(wanted) // 2] ^= 0x10
            places += 1
            at = whole.find(wanted, at + 1)
        with open(path, "r+b") as f:
            f.write(whole)
    return places


def kill_told(s):
    """It may have told where the damage is, before its ready line and nothing after it."""
    check(not s.died(), s.died())
    s.kill()
    *before, last = s.said().strip().splitlines()
    equal(last, s.ready, "what it said last")
    odd = [line for line in before if ".seg" not in line]
    check(not odd, f"it also said {odd[:3]}")


def damaged(end, n):
    sessions = {f"{SESSION}{i}": random.randbytes(1000) for i in range(200)}
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, sessions)
            end(s)
        bad = list(sessions)[10::25][:n]  # none beside another: two neighbours lie in one stretch that is bad
        equal([flip_in(data, sessions[key][400:600]) for key in bad], [1] * n, "places where a value lies on disk")
        with on(data) as (s, c):
            equal(recovered(s), (200 - n, 0, n), "what was there")
            equal(c.stats()["cloakroom_damaged_records"], n, "cloakroom_damaged_records")
            gone(c, *bad)
            check_all(c, {key: v for key, v in sessions.items() if key not in bad}, "the others")
            store(c, {key: sessions[key] for key in bad})
            kill_told(s)
        with on(data) as (s, c):
            check_all(c, sessions, "after the damaged were written again")
            kill_told(s)


def test_damaged_values_are_misses():
    for end in (stop, kill):
        for n in (1, 7):
            damaged(end, n)


def overwrite(rng, path):
    with open(path, "r+b") as f:
        f.seek(rng.randrange(path.stat().st_size))
        f.write(rng.randbytes(rng.randint(1, 100)))


def blank(rng, path):
    with open(path, "r+b") as f:
        f.seek(rng.randrange(max(1, path.stat().st_size // 4096)) * 4096)
        f.write(bytes(4096))


def cut(rng, path):
    os.truncate(path, rng.randrange(path.stat().st_size))


def double(rng, path):
    """A record's bytes in a place that is not its own."""
    whole = path.read_bytes()
    with open(path, "r+b") as f:
        begin = rng.randrange(len(whole))
        f.seek(rng.randrange(len(whole)) & ~7)
        f.write(whole[begin & ~7:begin + 3000])


def test_any_damage_shows_nothing_wrong():
    """Whatever happens to the bytes of a segment: each key shows a value it had, or nothing, and the server runs."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    with data_folder() as data, folder() as kept:
        sessions = {f"{SESSION}{i}": value(f"{i}", rng.randint(100, 3000)) for i in range(1000)}
        with on(data, "-m", "8") as (s, c):
            store(c, sessions)
            kill(s)
        for turn in range(16):
            copy = kept / str(turn)
            shutil.copytree(data, copy)
            harm = rng.choice((overwrite, blank, cut, double))
            harm(rng, rng.choice(sorted(path for path in copy.glob("*.seg") if path.stat().st_size > 0)))
            what = f"{harm.__name__}, turn {turn}, seed {seed}"
            with on(copy, "-m", "8") as (s, c):
                found = {key: c.get(key) for key in sessions}
                wrong = [key for key, v in found.items() if v not in (None, sessions[key])]
                check(not wrong, f"{what}: {len(wrong)} wrong values, first {wrong[:3]}")
                check(any(found.values()), f"{what}: nothing is left, {s.ready}")
                store(c, sessions)
                kill_told(s)
            with on(copy, "-m", "8") as (s, c):
                check_all(c, sessions, f"{what}: written again")
                kill_told(s)


def test_descriptors_do_not_run_out():
    """Each large value has a file of its own, open until its last sync: who writes many of them waits for the disk, rather
    than take the descriptors of connections."""
    few = {resource.RLIMIT_NOFILE: 100 + FILES_MAX + OWN}
    with data_folder() as data:
        options = ("-m", "512", "-c", "100", "-t", "2", "--sync-interval-ms", "60000")
        with on(data, *options, limits=few) as (s, c):
            most = 0
            values = {f"{SESSION}{i}": value(str(i), 70000) for i in range(3000)}
            for at in range(0, len(values), 100):
                answers = store_all(c, list(values.items())[at:at + 100])
                equal(set(answers), {"STORED"}, f"answers from {at} on")
                most = max(most, len(os.listdir(f"/proc/{s.child.pid}/fd")))
            check(FILES_MAX / 2 < most < FILES_MAX + OWN, f"{most} descriptors")
            with contextlib.ExitStack() as crowd:
                all_in = [crowd.enter_context(Client(s.address)) for _ in range(99)]
                equal({one.command("mn") for one in all_in}, {"MN"}, "as many connections as -c says")
            check_all(c, values, "large values")
            equal(c.stats()["cloakroom_read_only"], 0, "cloakroom_read_only")
            kill(s)
        with on(data, *options, limits=few) as (s, _):
            equal(recovered(s), (3000, 0, 0), "after a SIGKILL")


def test_too_few_descriptors():
    with data_folder() as data:
        refused(["-c", "100", "--data", str(data)], "-c 100 with --data", str(100 + FILES_MAX + OWN), "ulimit",
                limits={resource.RLIMIT_NOFILE: 100 + FILES_MAX + OWN - 1}, user=harness.NOBODY)
