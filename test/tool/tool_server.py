"""How a server is found and asked: ping, version, stats, check; what is said of one that is not there, or is another's."""

import contextlib
import os
import socket
import subprocess
import threading

import harness
from harness import check, equal, folder, server
from tool import NOWHERE, environment, fails, program, succeeds, tool
from tls import certificates, words as tls_words
from wire import Client

TRY = "/run/cloakroom/cloakroom.sock"


@contextlib.contextmanager
def stranger(answer):
    """A server that says `answer` to whatever comes, and closes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(1 << 16)
                        peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_forms_of_an_address():
    with folder() as where:
        path = str(where / "socket")
        with server("-s", path, listen=False) as s:
            equal(s.address, path, "its address")
            for name in (path, f"unix://{path}"):
                equal(succeeds("ping", "-j", server=name).json()["server"], name, "the server")
    with server("-l", "[::1]:0", listen=False) as s:
        name = f"[::1]:{s.ports[0]}"
        equal(succeeds("ping", "2", "-j", server=name).json()["answered"], 2, "answers")
        equal(succeeds("ping", "2", "-j", env={"CLOAKROOM_SERVER": name}).json()["answered"], 2, "answers")
        fails(3, "such socket", "ping", server=NOWHERE, env={"CLOAKROOM_SERVER": name})


def test_ping_and_version():
    with server() as s:
        done = succeeds("ping", "3", server=s)
        equal(done.out.count("\nanswer "), 3, "answers")
        check("3 of 3 answered; least " in done.out, done.out)
        figures = succeeds("ping", "--json", server=s).json()
        equal((figures["asked"], figures["answered"]), (5, 5), "asked and answered")
        check(0 < figures["least_ms"] <= figures["mean_ms"] <= figures["most_ms"], figures)
        versions = succeeds("version", "--json", server=s).json()
        check(versions["server"].endswith(f"-cloakroom-{versions['tool']}"), versions)
        equal(succeeds("version", server=s).out, f"tool    {versions['tool']}\nserver  {versions['server']}\n", "versions")
        equal(succeeds("--version").out, f"cloakroom {versions['tool']}\n", "--version")
    done = tool("version", "--json", server=NOWHERE)
    equal((done.code, done.json()), (3, {"tool": versions["tool"], "server": None}), "of a tool without a server")


def test_stats_as_table_and_json():
    with server("-m", "32") as s, Client(s.address) as c:
        c.store("k", b"x" * 3000)
        exact = succeeds("stats", "--json", server=s).json()
        equal((exact["curr_items"], exact["limit_maxbytes"], exact["pid"]), (1, 32 << 20, s.child.pid), "in JSON")
        check(isinstance(exact["cloakroom_utilisation"], float) and isinstance(exact["version"], str), exact)
        rows = dict(line.split() for line in succeeds("stats", server=s).out.splitlines())
        equal(set(rows), set(exact), "names of the table and of JSON")
        equal((rows["limit_maxbytes"], rows["curr_items"]), ("32.0M", "1"), "in the table")
        rows = dict(line.split() for line in succeeds("stats", "--bytes", server=s).out.splitlines())
        equal(rows["limit_maxbytes"], str(32 << 20), "with --bytes")
        lines = [line for line in succeeds("stats", server=s).out.splitlines() if line.split()[1].isdigit()]
        equal(len({len(line) for line in lines}), 1, "ends of the numbers")
        equal(succeeds("stats", "settings", "-j", server=s).json()["maxbytes"], 32 << 20, "settings")
        equal(succeeds("stats", "reset", server=s).out, "the counters are set to zero\n", "reset")
        equal(succeeds("stats", "reset", "-j", server=s).json(), {}, "reset in JSON")
        done = tool("stats", "x" * 900, server=s)
        equal((done.code, done.out), (1, ""), f"a group that there is not: {done}")
        fails(2, "cannot be sent", "stats", "a b", server=s)
        fails(1, "no group setings", "stats", "setings", server=s)
        fails(2, "cannot be sent", "stats", "a\r\nquit", server=s)
        fails(2, "cannot be sent", "stats", "x" * 2000, server=s)


def test_tls():
    with certificates() as where, server(*tls_words(where)) as s:
        port = s.ports[0]
        name = f"tls://127.0.0.1:{port}?ca={where / 'ca.pem'}&name=localhost"
        equal(succeeds("ping", "-j", server=name).json()["answered"], 5, "answers")
        succeeds("bench", "--seconds", "1", "--sessions", "5", server=name)
        fails(3, "certificate", "ping", server=f"tls://127.0.0.1:{port}")
        fails(3, "wants TLS: tls://", "count", server=f"127.0.0.1:{port}")
        fails(3, "closed the connection", "count", server=f"127.0.0.1:{port}")


def test_login():
    with folder() as where:
        (where / "users").write_text("boss:s3cret\nother:x\n")
        (where / "wrong").write_text("boss:guess\n")
        (where / "none").write_text("boss\n")
        (where / "long").write_text("boss:" + "x" * 2000 + "\n")
        with server("-Y", str(where / "users")) as s:
            fails(1, "it wants a login", "count", server=s)
            login = ["--login", where / "users"]
            for words in (["count"], ["list"], ["stats"], ["top", "--once"], ["events"], ["ping", "2"]):
                succeeds(*words, *login, server=s)
            succeeds("bench", "--seconds", "1", "--sessions", "5", *login, server=s)
            equal(succeeds("count", *login, server=s).out, "0\n", "what bench left")
            fails(1, "does not accept the login", "count", "--login", where / "wrong", server=s)
            for name, said in (("none", "user:password"), ("long", "user:password"), ("nowhere", "No such file")):
                done = fails(4, said, "count", "--login", where / name, server=s)
                check("xxxx" not in done.err, "it shows what is in the file")
        with stranger(b"hello\r\n") as address:
            fails(1, "hello", "count", *login, server=address)


def test_nobody_answers():
    port = harness.free_port()
    fails(3, "nobody is listening", "ping", server=f"127.0.0.1:{port}")
    fails(3, "no such socket", "stats", server=NOWHERE)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        fails(3, "no answer within 200 ms", "stats", "-t", "200", server=silent.getsockname())


def test_strangers():
    for answer, said in ((b"-ERR unknown command\r\n", "Redis"), (b"HTTP/1.1 400 Bad Request\r\n", "web server"),
                         (b"SSH-2.0-x\r\n", "SSH"), (b"\x1b[31mhello\r\n", "?[31mhello"), (b"", "closed the connection"),
                         (b"STAT a 1\r\nSTAT b", "closed the connection"), (b"x" * 5000, "more than")):
        with stranger(answer) as address:
            done = fails(3, said, "stats", server=address)
            check("\x1b" not in done.err, "it steers the terminal")
    with stranger(b"SERVER_ERROR out of it\r\n") as address:
        fails(1, "refused: SERVER_ERROR out of it", "stats", server=address)
    with stranger(b"STAT \x1b[2J\x07 \x1b]0;x\x07\r\nSTAT n 1\r\nEND\r\n") as address:
        done = succeeds("stats", server=address)
        check("\x1b" not in done.out and "\x07" not in done.out, "it steers the terminal")
        equal(succeeds("stats", "-j", server=address).json()["n"], 1, "in JSON")


def in_own_run(script, *words):
    """Runs a shell script where /run is an empty folder of its own."""
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/cloakroom && " + script,
                           program(), *words], capture_output=True, text=True, timeout=60, env=environment())
    return done


def test_the_local_server_is_found():
    with socket.socket() as there:
        with contextlib.suppress(OSError):
            there.bind(("127.0.0.1", 11211))
            there = None
    if there is not None or os.path.exists(TRY):
        raise harness.Skip("somebody is at 127.0.0.1:11211 or at the usual socket")
    done = fails(3, "no server answers where a local one may be", "ping")
    lines = done.err.splitlines()
    check(len(lines) == 3 and TRY in lines[1] and "127.0.0.1:11211" in lines[2], done.err)
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        raise harness.Skip("mounting needs root")
    begin = f"{harness.program} {' '.join(harness.as_root())} -s {TRY} 2>/dev/null & trap 'kill $!' EXIT; "
    ready = f"for i in $(seq 400); do [ -S {TRY} ] && break; sleep 0.05; done; "
    done = in_own_run(begin + ready + '"$0" ping -j')
    equal(done.returncode, 0, done.stderr)
    check(TRY in done.stdout, done.stdout)
    dead = f"touch {TRY}; {harness.program} {' '.join(harness.as_root())} -l 127.0.0.1 2>/dev/null & trap 'kill $!' EXIT; "
    done = in_own_run(dead + 'for i in $(seq 400); do "$0" ping 1 >/dev/null 2>&1 && break; sleep 0.05; done; "$0" ping -j')
    equal(done.returncode, 0, done.stderr)
    check("127.0.0.1:11211" in done.stdout and TRY in done.stderr, f"{done.stdout} {done.stderr}")


def test_check_in_json():
    with folder() as where:
        data = where / "data"
        with server("--data", str(data)) as s, Client(s.address) as c:
            c.store("k", b"value")
            said = tool("check", data)
            equal((said.code, said.out), (4, ""), f"in use: {said}")
        report = succeeds("check", "-j", data).json()
        equal((report["living_items"], report["findings"], report["damaged_runs"]), (1, [], 0), "a sound one")
        os.chmod(data / "key", 0o644)
        done = tool("check", "-j", data)
        equal((done.code, len(done.json()["findings"])), (1, 1), f"findings of {done}")
