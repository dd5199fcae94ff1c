"""Handles of sessions, and the key they are made with: what is shown names a session and logs nobody in."""

import os
import subprocess

import harness
from durable import check_all, data_folder, on, sessions_of, stop, store
from harness import attempt, check, equal
from offline import look


def test_key_is_made_once():
    with data_folder() as data:
        with on(data) as (s, _):
            key = (data / "key").read_bytes()
            equal(len(key), 65, "bytes of the key")
            equal(os.stat(data / "key").st_mode & 0o7777, 0o600, "mode of the key")
            stop(s)
        equal(look(data)[0], 0, "a look at a sound folder")
        with on(data) as (s, _):
            equal((data / "key").read_bytes(), key, "the key at the next start")
            stop(s)


def refused(data, word):
    """The start and the offline look both say so."""
    status, said = attempt(["-l", "127.0.0.1:0", "--data", str(data), *harness.as_root()])
    equal((status, len(said.splitlines())), (1, 1), f"status and lines of {said!r}")
    check(word in said and str(data) in said, said)
    code, figures, _, _ = look_at_key(data)
    equal((code, figures["bad_files"]), (1, "1"), "what cloakroom check says")


def look_at_key(data):
    """As look(), whose findings are about segments alone."""
    tool = os.path.join(os.path.dirname(harness.program), "cloakroom")
    done = subprocess.run([tool, "check", str(data)], capture_output=True, text=True, timeout=60)
    findings = [line for line in done.stdout.splitlines() if line.startswith("key: ")]
    figures = dict(line.split() for line in done.stdout.splitlines() if line not in findings)
    equal(len(findings), 1, f"findings about the key in {done.stdout!r}")
    return done.returncode, figures, findings, done.stderr


def test_key_is_refused():
    with data_folder() as data:
        with on(data) as (s, _):
            stop(s)
        key = (data / "key").read_bytes()
        os.chmod(data / "key", 0o644)
        refused(data, "chmod 600")
        os.chmod(data / "key", 0o600)
        (data / "key").write_bytes(key[:-2] + b"\n")
        refused(data, "damaged")
        (data / "key").write_bytes(key)
        with on(data) as (s, _):
            stop(s)


def named(option, path, *options):
    return attempt(["-l", "127.0.0.1:0", option, str(path), *options, *harness.as_root()])


def test_a_new_key_logs_nobody_out():
    sessions = sessions_of(50, lambda: 200)
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, sessions)
            stop(s)
        first = (data / "key").read_bytes()
        os.rename(data / "key", data / "key.former")
        for _ in range(2):
            with on(data) as (s, c):
                check((data / "key").read_bytes() != first, "the key is a new one")
                check_all(c, sessions, "under a new key")
                stop(s)
        os.remove(data / "key.former") # all have moved
        with on(data) as (s, c):
            check_all(c, sessions, "without the former one")
            stop(s)


def test_sessions_without_their_key():
    sessions = sessions_of(1)
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, sessions)
            stop(s)
        os.rename(data / "key", data.parent / "put-by")
        status, said = attempt(["-l", "127.0.0.1:0", "--data", str(data), *harness.as_root()])
        equal((status, len(said.splitlines())), (1, 1), f"status and lines of {said!r}")
        check("`key`" in said and "backup" in said, said)
        check(not (data / "key").exists(), "no other key is made")
        with on(data, "--id-key", str(data.parent / "put-by")) as (s, c):
            check_all(c, sessions, "with the key it was told")
            stop(s)


def test_a_key_by_name_is_refused():
    with harness.folder() as where:
        for option in ("--id-key", "--former-id-key"):
            status, said = named(option, where / "none")
            equal(status, 1, "status")
            check(f'msg="{option} ' in said and "no such file" in said and "rand -hex 32" in said, said)
            path = where / "key"
            path.write_text("ab" * 32 + "\n")
            path.chmod(0o644)
            status, said = named(option, path)
            check(status == 1 and f"{option} " in said and "chmod 600" in said, said)
            path.unlink()
