"""What a server does while it reads a large data directory: here a small one on a disk that is made slow."""

import contextlib
import pathlib
import subprocess
import time

import harness
from durable import data_folder, kill, on, sessions_of, store
from full import check_all
from harness import MIB, as_root, check, equal, folder, free_port, spawn, wait_for
from wire import Client, command

SOURCE = pathlib.Path(__file__).with_name("slow_disk.c")
SYNC_MS = 60


def slow_disk(where, ms=SYNC_MS):
    """The environment that makes each sync of a server take so much longer."""
    library = where / "slow_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return {"LD_PRELOAD": " ".join([*harness.sanitizer_runtimes(), str(library)]), "SLOW_DISK_MS": str(ms)}


def fill_folder(data):
    sessions = sessions_of(3000, lambda: 1000)
    with on(data, "-m", "8") as (s, c):
        store(c, sessions)
        kill(s)
    return sessions


@contextlib.contextmanager
def start_slowly(data, where):
    """(child, port, file of what it says) of a server that has only just begun."""
    port = free_port()
    said = where / "said"
    with open(said, "wb") as out:
        child = spawn(["-l", "127.0.0.1", "-p", str(port), "-m", "8", "--data", str(data), *as_root()], out,
                      env=slow_disk(where))
    try:
        yield child, port, said
    finally:
        harness.end(child)


def client_of(port):
    def connect():
        try:
            return Client(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None
    return wait_for(connect, "the server accepts connections")


def check_progress(port, said):
    """stats tells how far it is, and that changes, until it is ready."""
    seen = []
    with client_of(port) as c:
        while " ready: " not in said.read_text():
            stats = c.stats()
            if stats["cloakroom_loading"] == 0:
                break
            seen.append((stats["cloakroom_loaded_bytes"], stats["cloakroom_load_bytes"]))
            equal(stats["cloakroom_sync"], "interval", "cloakroom_sync")
            equal(stats["curr_items"], 0, "curr_items")
            time.sleep(0.02)
        wait_for(lambda: c.stats()["cloakroom_loading"] == 0, "the end of loading")
        check("cloakroom_load_bytes" not in c.stats(), "progress is shown though it is over")
    check(len(seen) > 5 and len(set(seen)) > 5, f"progress seen: {seen}")
    equal(seen, sorted(seen), "progress goes on")
    check(all(loaded <= total for loaded, total in seen), f"loaded is at most all: {seen}")
    check(seen[-1][0] > MIB, f"bytes loaded at the last look: {seen[-1]}")


def test_who_comes_while_it_loads_waits():
    with data_folder() as data, folder() as where:
        sessions = fill_folder(data)
        key = next(iter(sessions))
        with start_slowly(data, where) as (child, port, said), contextlib.ExitStack() as clients:
            some = [clients.enter_context(client_of(port)) for _ in range(5)]
            gone = [client_of(port) for _ in range(5)]
            large = clients.enter_context(client_of(port))
            large.send(command(f"set {key} 0 0 {MIB + 1}"))
            for c in some:
                c.send(command(f"get {key}"))
            for c in gone:
                c.send(command(f"set {key} 0 0 1", b"x"))
                c.close()
            check(" ready: " not in said.read_text(), "it is ready too soon for this test")
            with client_of(port) as c:
                check(c.command("flush_all").startswith("SERVER_ERROR loading"), "flush_all while it loads")
                check(c.command("version").startswith("VERSION "), "version while it loads")
            check_progress(port, said)
            for c in some:
                equal(c.hits(), {key: sessions[key]}, "the answer to a get that came too early")
            equal(large.line(), "SERVER_ERROR object too large for cache", "the answer to a set that came too early")
            large.send(b"x" * (MIB + 1) + b"\r\n" + command("mn"))
            equal(large.line(), "MN", "what follows it")
            check_all(some[0], sessions, "all sessions")
            wait_for(lambda: " ready: " in said.read_text(), "the ready line")
            check("recovering: " in said.read_text(), "progress is not logged")
            child.terminate()
            equal(child.wait(10 * harness.slow), 0, "status")


def test_what_cannot_be_loaded_ends_it():
    """Those who wait are let go, and the reason is told."""
    with data_folder() as data, folder() as where:
        fill_folder(data)
        (data / "store").write_bytes(b"something else")
        status, said = harness.attempt(["-l", "127.0.0.1:0", "--data", str(data), *as_root()])
        equal(status, 1, "status")
        check("--data" in said and "ready" not in said, f"what it said: {said!r}")


def test_a_slow_disk_does_not_fill():
    """Writes wait for a disk that syncs more slowly than it is written to: what lies there stays within bounds."""
    with data_folder() as data, folder() as where:
        with on(data, "-m", "8", env=slow_disk(where, 5)) as (s, c):
            sessions = {}
            most = 0
            for version in range(20):
                sessions = sessions_of(2000, lambda: 1000)
                store(c, sessions)
                most = max(most, c.stats()["cloakroom_disk_bytes"])
            check(most < 20 * MIB, f"{most} bytes on disk with -m 8")
            s.kill()
        with on(data, "-m", "8") as (s, c):
            check_all(c, sessions, "the last versions")
