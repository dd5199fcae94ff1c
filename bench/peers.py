"""Servers to compare and the generator that loads them: started, pinned, asked, ended.

Every process here is ended by its own pid, also on Ctrl-C and SIGTERM; should this process be killed, the
kernel ends them (PR_SET_PDEATHSIG).
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 10
START_POLL_S = 0.005
STOP_TIMEOUT_S = 5
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class BenchError(Exception):
    """Told to the user in one line."""


# ---- the machine ----


def siblings(cpu):
    """The processors that share a core with `cpu`, itself included."""
    path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        parts = path.read_text().strip().split(",")
    except OSError:
        return {cpu}
    ranges = [[int(end) for end in part.split("-")] for part in parts]
    return {number for r in ranges for number in range(r[0], r[-1] + 1)}


def pick_cpus(text=None):
    """(server's, generator's) processor: as told in "S,G", else two that share no core."""
    if text:
        server, generator = (int(part) for part in text.split(","))
        return server, generator
    allowed = sorted(os.sched_getaffinity(0))
    server = allowed[-1]
    others = sorted(set(allowed) - siblings(server)) or allowed[:-1]
    if not others:
        raise BenchError("two processors are needed: one for the server, one for the generator")
    return server, others[0]


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {
        "kernel": " ".join((os.uname().sysname, os.uname().release, os.uname().machine)),
        "cpu": models[0] if models else os.uname().machine,
        "cpus": os.cpu_count(),
        "load_average": list(os.getloadavg()),
    }


def machine_busy_s():
    """(processor seconds used by all, seconds the hypervisor withheld) since boot."""
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    hz = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / hz, steal / hz


def process_busy_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- servers ----


class Peer:
    """A server that could be started: a name for the tables, a program, arguments beyond the common ones."""

    def __init__(self, name, program, extra=""):
        self.name = name
        self.program = shutil.which(str(program)) or ""
        self.extra = shlex.split(extra)
        self.version = None
        if not self.program:
            raise BenchError(f"{name}: there is no program {program}")

    def server(self, transport, cpu, memory_mb, parent=None):
        return Server(self, transport, cpu, memory_mb, parent)

    def describe(self):
        return {"program": self.program, "version": self.version, "extra_arguments": self.extra}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def child_setup(cpu):
    """What a child does before it becomes the program: run on one processor, die with us."""

    def setup():
        os.sched_setaffinity(0, {cpu})
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return setup


class Server:
    """A running peer with one worker, listening on `transport` ("tcp" or "unix"). A context manager. What it writes
    is in a folder of its own, which is made in `parent` and outlives crash() and start()."""

    def __init__(self, peer, transport, cpu, memory_mb, parent=None):
        self.peer = peer
        self.transport = transport
        self.cpu = cpu
        self.memory_mb = memory_mb
        self.parent = parent
        self.process = None
        self.folder = None
        self.port = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cloakroom-bench-", dir=self.parent)
        self.port = free_port()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            end_process(self.process)
        self.folder.cleanup()

    @property
    def pid(self):
        return self.process.pid

    def start(self, timeout_s=START_TIMEOUT_S):
        """Returns once it answers."""
        log_path = os.path.join(self.folder.name, "log")
        with open(log_path, "wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(self._command(), **streams, preexec_fn=child_setup(self.cpu))
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = pathlib.Path(log_path).read_text(errors="replace").strip()
                raise BenchError(f"{self.peer.name} did not start: {shlex.join(self._command())}: {text}")
            time.sleep(START_POLL_S)

    def crash(self):
        """SIGKILL, and nothing of it runs when this returns."""
        self.process.kill()
        self.process.wait()

    def _command(self):
        command = [self.peer.program, "-t", "1", "-m", str(self.memory_mb), "-c", "1024", "-U", "0"]
        if self.transport == "tcp":
            command += ["-l", "127.0.0.1", "-p", str(self.port)]
        else:
            command += ["-s", self._socket_path(), "-a", "0700"]
        if os.geteuid() == 0:
            command += ["-u", "root"]
        if "cloakroomd" in os.path.basename(self.peer.program):
            command += ["--http", "off"]
        return command + [part.replace("{tmp}", self.folder.name) for part in self.peer.extra]

    def _socket_path(self):
        return os.path.join(self.folder.name, "socket")

    @contextlib.contextmanager
    def asked(self, command, timeout_s=2):
        """A file that the answer to a command can be read from."""
        family = socket.AF_INET if self.transport == "tcp" else socket.AF_UNIX
        address = ("127.0.0.1", self.port) if self.transport == "tcp" else self._socket_path()
        with socket.socket(family) as s:
            s.settimeout(timeout_s)
            s.connect(address)
            s.sendall(command.encode() + b"\r\n")
            with s.makefile("rb") as file:
                yield file

    def stats(self):
        """What `stats` answers, as {name: text}."""
        found = {}
        with self.asked("stats") as file:
            while (words := file.readline().decode().split(None, 2)) and words[0] == "STAT":
                found[words[1]] = words[2].strip()
        return found

    def items(self):
        return int(self.stats()["curr_items"])

    def _answers(self):
        """Asks for the version, and for an item, which waits until a cloakroomd has read its directory; False when
        nobody listens yet."""
        try:
            with self.asked("version\r\nget x", 600) as file:
                line = file.readline()
                file.readline()
        except OSError:
            return False
        if not line.startswith(b"VERSION "):
            raise BenchError(f"{self.peer.name} answered {line!r} to version")
        self.peer.version = line.decode().split(None, 1)[1].strip()
        return True

    def generator_address(self):
        if self.transport == "tcp":
            return ["--tcp", f"127.0.0.1:{self.port}"]
        return ["--unix", self._socket_path()]

    def memory_kib(self):
        """VmRSS and VmHWM (the highest so far) in KiB."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return int(fields["VmRSS"].split()[0]), int(fields["VmHWM"].split()[0])


class RedisPeer(Peer):
    """redis-server, which speaks something else and takes other options."""

    def server(self, transport, cpu, memory_mb, parent=None):
        return RedisServer(self, transport, cpu, memory_mb, parent)


class RedisServer(Server):
    def _command(self):
        command = [self.peer.program, "--dir", self.folder.name, "--save", "", "--daemonize", "no"]
        if self.transport == "tcp":
            command += ["--bind", "127.0.0.1", "--port", str(self.port)]
        else:
            command += ["--port", "0", "--unixsocket", self._socket_path(), "--unixsocketperm", "700"]
        return command + self.peer.extra

    def ask(self, command, timeout_s=600):
        """A command's answer of one line or one text; BenchError when it is an error."""
        with self.asked(command, timeout_s) as file:
            line = file.readline().decode().strip()
            if line.startswith("-"):
                raise BenchError(f"{self.peer.name} answered {line} to {command}")
            return file.read(int(line[1:])).decode() if line.startswith("$") else line[1:]

    def stats(self):
        lines = self.ask("INFO").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def items(self):
        return int(self.ask("DBSIZE"))

    def settle(self):
        """Returns once no child rewrites the log and what was answered has been synced."""
        while self.stats()["aof_rewrite_in_progress"] != "0":
            time.sleep(0.2)
        time.sleep(2)

    def _answers(self):
        """False as well while it loads what it had."""
        try:
            self.peer.version = self.stats()["redis_version"]
            self.items()
        except (OSError, BenchError, ValueError, KeyError):
            return False
        return True

    def generator_address(self):
        return ["--protocol", "redis", *super().generator_address()]


def end_process(process):
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---- the generator ----


class Generator:
    """A generator that has loaded a server's sessions and measures on demand. A context manager."""

    def __init__(self, program, server, cpu, options, limit_s):
        self.name = server.peer.name
        self.command = [str(program), *server.generator_address(), "--server-pid", str(server.pid)]
        self.command += ["--on-demand", "--limit", str(limit_s), *options]
        self.cpu = cpu
        self.loaded = None

    def __enter__(self):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(self.command, bufsize=0, **pipes, preexec_fn=child_setup(self.cpu))
        try:
            self.loaded = self._report()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end_process(self.process)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def measure(self):
        with contextlib.suppress(BrokenPipeError):  # then it has ended, and _report tells why
            self.process.stdin.write(b"\n")
        return self._report()

    def _report(self):
        """The next report. Its --limit ends the generator, and so this wait; so does a wrong answer."""
        line = self.process.stdout.readline()
        report = json.loads(line) if line else None
        if report and not any(report["total"][kind] for kind in ("misses", "refused", "wrong")):
            return report
        error = self.process.stderr.read().decode(errors="replace").strip()
        raise BenchError(f"{self.name}: {error or 'the generator ended'}")


class Others:
    """What processes other than `pids` use of the machine: sampled at birth and at usage()."""

    def __init__(self, pids):
        self.pids = pids
        self.before = self._sample()

    def _sample(self):
        everybody, stolen = machine_busy_s()
        return everybody - sum(process_busy_s(pid) for pid in self.pids), stolen, time.monotonic()

    def usage(self):
        """(cores used by others, cores withheld by the hypervisor), on average"""
        others, stolen, elapsed = (after - before for after, before in zip(self._sample(), self.before))
        return max(0.0, others / elapsed), stolen / elapsed


# ---- what both programs share ----


def add_common_arguments(parser):
    build = ROOT / "build"
    parser.add_argument("--cloakroomd", default=build / "release/cloakroomd", metavar="PATH")
    parser.add_argument(
        "--memcached",
        default=os.environ.get("MEMCACHED") or "memcached",
        metavar="PATH",
        help="the peer (default: $MEMCACHED, else memcached from PATH)",
    )
    parser.add_argument(
        "--cloakroomd-args",
        default="",
        metavar="ARGS",
        help="more arguments, written with an equals sign; {tmp} is a folder of the run's own",
    )
    parser.add_argument("--memcached-args", default="", metavar="ARGS")
    parser.add_argument("--load", default=build / "release/load", metavar="PATH", help="the load generator")
    parser.add_argument("--cpus", metavar="S,G", help="processors of the server and of the generator")
    parser.add_argument("--seed", type=int, default=1)


def peers_of(args):
    return [
        Peer("cloakroomd", args.cloakroomd, args.cloakroomd_args),
        Peer("memcached", args.memcached, args.memcached_args),
    ]


def ask_versions(pair, cpus):
    """A short start of each, so that the versions are known, and trouble is, before anything long begins."""
    for peer in pair:
        with Server(peer, "unix", cpus[0], 64):
            pass


def print_head(info, peers):
    for peer in peers:
        extra = f" {shlex.join(peer.extra)}" if peer.extra else ""
        print(f"{peer.name}: {peer.version} ({peer.program}{extra})")
    load = " ".join(f"{value:.2f}" for value in info["load_average"])
    print(f"{info['kernel']}; {info['cpus']} × {info['cpu']}; load average at the start {load}")


def print_table(rows):
    """Rows of strings, the first of them the head; the first column is flush left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("|" + "-" * (widths[0] + 2) + "".join("|" + "-" * (w + 1) + ":" for w in widths[1:]) + "|")
    print()


def write_json(path, results):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"written to {path}")


def run_main(main):
    """Runs `main`; SIGTERM and Ctrl-C unwind it, so that everything started is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout.reconfigure(line_buffering=True)
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
