"""`cloakroom check`: what it says of a folder of --data that is sound, in use, damaged, torn; and what --repair keeps."""

import os
import random
import shutil
import subprocess

import harness
from disk import content, flip_in, kill_told
from durable import SESSION, data_folder, gone, kill, on, recovered, sessions_of, stop, store
from full import check_all
from harness import check, equal, folder

SURE = ("damaged_runs", "torn_ends", "bad_files", "repaired")


def look(data, *options):
    """(exit code, figures, findings, its one line of complaint)"""
    tool = os.path.join(os.path.dirname(harness.program), "cloakroom")
    done = subprocess.run([tool, "check", str(data), *options], capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    findings = [line for line in lines if ".seg: " in line]
    figures = dict(line.split() for line in lines if ".seg: " not in line)
    complaint = done.stderr.strip()
    check("\n" not in complaint, f"more than one line on stderr: {complaint!r}")
    return done.returncode, figures, findings, complaint


def sound(data):
    """The figures of a folder that must have no damage."""
    code, figures, findings, complaint = look(data)
    equal((code, findings, complaint), (0, [], ""), "a look at a sound folder")
    equal({name: figures[name] for name in SURE}, dict.fromkeys(SURE, "0"), "figures of a sound folder")
    return figures


def but_clock(data):
    """What a look must leave alone while the server, which notes the time each second, has it."""
    return {name: bytes_ for name, bytes_ in content(data).items() if name != "clock"}


def test_sound_and_in_use():
    sessions = sessions_of(300)
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, sessions)
            before = but_clock(data)
            code, _, findings, complaint = look(data, "--repair")
            equal((code, findings), (4, []), "a look while the server runs")
            check(str(data) in complaint and "server" in complaint, complaint)
            equal(but_clock(data), before, "the folder after a look")
            kill(s)
        before = content(data)
        first = sound(data)
        equal(content(data), before, "the folder after a look")
        equal((first["living_items"], first["session_records"]), ("300", "300"), "what it counts")
        with on(data) as (s, c):
            stop(s)
        equal(sound(data)["digest"], first["digest"], "the digest after a start that changed nothing")
        with on(data) as (s, c):
            c.store(f"{SESSION}1", b"another")
            gone(c, "nothing")
            equal(c.command(f"delete {SESSION}2"), "DELETED", "delete")
            kill(s)
        last = sound(data)
        equal((last["living_items"], last["tombstone_records"]), ("299", "1"), "what it counts")
        check(last["digest"] != first["digest"], "the digest did not change with what is there")


def test_what_cannot_be_looked_at():
    with folder() as where:
        for data in (where, where / "none"):
            code, figures, _, complaint = look(data)
            equal((code, figures), (4, {}), "of a folder that is not ours, or not there")
            check(str(data) in complaint, complaint)
        equal(content(where), {}, "what it left there")


def test_an_older_format_is_for_the_server():
    with data_folder() as data:
        shutil.copytree(harness.ROOT / "test/samples/format-1", data, dirs_exist_ok=True)
        before = content(data)
        code, figures, _, complaint = look(data, "--repair")
        equal((code, figures), (4, {}), "a look at format 1")
        check("format 1" in complaint and "start the server" in complaint, complaint)
        equal(content(data), before, "the folder after a look")
        with on(data) as (s, _):
            equal(recovered(s)[2], 0, "damaged records")
            s.kill()
        equal(sound(data)["living_items"], "27", "living items after a start")


def test_a_flipped_byte_is_named_and_repaired():
    sessions = {f"{SESSION}{i}": random.randbytes(1000) for i in range(200)}
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, sessions)
            kill(s)
        equal(flip_in(data, sessions[f"{SESSION}50"]), 1, "places where the value lies on disk")
        before = content(data)
        code, figures, findings, _ = look(data)
        equal((code, figures["damaged_runs"], figures["living_items"], len(findings)), (1, "1", "199", 1), "a look")
        equal(content(data), before, "the folder after a look")
        code, _, findings, _ = look(data, "--repair")
        equal(code, 0, "exit code of --repair")
        [side] = set(content(data)) - set(before)
        name, offset = side.split(".damaged-")
        check(findings[0].startswith(f"{name}: ") and offset in findings[0], f"{side}, but told was {findings}")
        kept = (data / side).read_bytes()
        equal(kept, before[name][int(offset):int(offset) + len(kept)], "what is kept of it")
        value = sessions[f"{SESSION}50"]
        check(value[:500] in kept or value[500:] in kept, "the session's record is not in what was kept")
        equal(sound(data)["living_items"], "199", "living items")
        with on(data) as (s, c):
            equal(recovered(s), (199, 0, 0), "what a server finds after that")
            gone(c, f"{SESSION}50")
            check_all(c, {key: v for key, v in sessions.items() if key != f"{SESSION}50"}, "the others")
            kill(s)


def test_a_torn_end_is_repaired():
    sessions = sessions_of(200, lambda: 500)
    with data_folder() as data:
        with on(data, "-t", "1") as (s, c):
            store(c, sessions)
            kill(s)
        path = max(data.glob("*.seg"), key=lambda path: path.stat().st_size)
        os.truncate(path, path.stat().st_size - 100)
        code, figures, findings, _ = look(data)
        equal((code, figures["torn_ends"], len(findings)), (1, "1", 1), "a look")
        equal(look(data, "--repair")[0], 0, "exit code of --repair")
        equal(sound(data)["living_items"], "199", "living items")
        [side] = data.glob("*.damaged-*")
        equal(side.stat().st_size, int(figures["torn_bytes"]), "bytes kept")
        with on(data) as (s, c):
            equal(recovered(s), (199, 0, 0), "what a server finds after that")
            kill(s)


def test_any_damage_is_repaired():
    """Whatever happens to the records of a segment: after a repair a look and a start find nothing, and nothing wrong
    is shown."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    sessions = {f"{SESSION}{i}": rng.randbytes(rng.randint(10, 2000)) for i in range(300)}
    with data_folder() as data:
        with on(data, "-m", "8") as (s, c):
            store(c, sessions)
            kill(s)
        for turn in range(12):
            path = rng.choice(sorted(data.glob("*.seg")))
            whole = bytearray(path.read_bytes())
            size = len(whole)
            for _ in range(rng.randint(1, 5)):
                at = rng.randrange(32, len(whole)) if len(whole) > 32 else 0
                harm = rng.randbytes(rng.choice((1, 8, 100, 5000)))
                if rng.random() < 0.3:
                    at &= ~7
                    whole[at:at] = harm[:len(harm) & ~7]
                elif at > 0:
                    whole[at:at + len(harm)] = harm
            path.write_bytes(whole[:size])  # a server reads no more than was there
            figures = look(data)[1]
            code, repaired, findings, _ = look(data, "--repair")
            what = f"turn {turn}, seed {seed}: {findings[:3]}"
            equal(code, 0, f"exit code of --repair, {what}")
            equal(repaired["digest"], figures["digest"], f"digest, {what}")
            equal(sound(data)["digest"], figures["digest"], f"digest after the repair, {what}")
            with on(data, "-m", "8") as (s, c):
                equal(recovered(s)[0], int(figures["living_items"]), f"sessions, {what}")
                equal(recovered(s)[2], 0, f"damaged records, {what}")
                wrong = [key for key, v in sessions.items() if c.get(key) not in (None, v)]
                check(not wrong, f"wrong values of {wrong[:3]}, {what}")
                store(c, sessions)
                kill_told(s)
