"""What the client tests share: a server on a free port in a folder of its own, and running programs with a time-out.

Ends only what it started: each server is a child that is waited for, and dies with its test.
"""

import argparse
import contextlib
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

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
START_S = 10


def arguments(description):
    """A parser with what every client test takes."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(ROOT / "build/release/cloakroomd"), metavar="'PATH [OPTIONS]'",
                        help="the server to test (build/release/cloakroomd); /usr/bin/memcached is the comparison")
    return parser


def fail_on_sigterm():
    """SIGTERM unwinds like Ctrl-C, so that `with` blocks stop their servers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@contextlib.contextmanager
def folder():
    """A temporary folder that any user may enter, as servers and web servers change their user."""
    with tempfile.TemporaryDirectory(prefix="cloakroom-clients-") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def need_php():
    """Ends the test with one line where PHP lacks one of the handlers."""
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True).stdout.split() if shutil.which("php") else []
    if not {"memcached", "memcache"} <= set(modules):
        sys.exit("no php with the extensions memcached and memcache: `tools/deps check` installs them")


def program(server):
    """The command line of --server, split; ends the test with one line where there is no such program."""
    words = shlex.split(server)
    path = shutil.which(words[0])
    if not path:
        sys.exit(f"no server {words[0]}: build it with `make`, or name one with --server")
    return [os.path.abspath(path), *words[1:]]


def connects(family, address):
    with socket.socket(family) as s:
        s.settimeout(1)
        try:
            s.connect(address)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def started(server, options, family, address, log):
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    no_http = ["--http", "off"] if os.path.basename(program(server)[0]) == "cloakroomd" else []
    with open(log, "ab") as out:
        child = subprocess.Popen([*program(server), *as_root, *no_http, *options], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + START_S
        while not connects(family, address):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{server} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        try:
            yield child
        except Exception:
            print(f"     {server} had said:\n{log.read_text(errors='replace')[-2000:]}")
            raise
        if child.poll() is not None:
            sys.exit(f"{server} ended by itself, code {child.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def tcp_server(server, where, *options, port=None):
    """Yields the port of a new server on loopback."""
    port = port or free_port()
    wanted = ["-l", "127.0.0.1", "-p", str(port), "-U", "0", *options]
    with started(server, wanted, socket.AF_INET, ("127.0.0.1", port), where / f"server-{port}.log"):
        yield port


@contextlib.contextmanager
def unix_server(server, where, *options):
    """Yields the path of the socket of a new server."""
    path = str(where / "server.sock")
    with started(server, ["-s", path, "-a", "700", *options], socket.AF_UNIX, path, where / "server-unix.log"):
        yield path


def run(command, timeout_s, environment=None):
    """Runs a program; returns (exit code, what it printed), the code -1 meaning that it took too long."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", start_new_session=True,
                             env=os.environ | (environment or {}))
    try:
        out, _ = child.communicate(timeout=timeout_s)
        return child.returncode, out
    except subprocess.TimeoutExpired:
        return -1, f"no end after {timeout_s} s"
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # its own session: its children too
            child.wait()


def write_ini(path, settings):
    """An ini file, and the environment that makes PHP and its children read it after the system's own."""
    path.mkdir()
    (path / "test.ini").write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
    return {"PHP_INI_SCAN_DIR": f":{path}"}


def handler_settings(handler, address, persistent=False, binary=True):
    """The ini settings of a session handler for an address, which is a port or the path of a unix socket."""
    unix = isinstance(address, str)
    common = {"session.save_handler": handler, "session.use_cookies": "0", "session.cache_limiter": "",
              "session.use_strict_mode": "0", "session.gc_probability": "0", "display_errors": "stderr"}
    if handler == "memcached":
        return common | {"session.save_path": address if unix else f"127.0.0.1:{address}",
                         "memcached.sess_binary_protocol": "1" if binary else "0",
                         "memcached.sess_persistent": "1" if persistent else "0"}
    return common | {"session.save_path": (f"unix://{address}" if unix else f"tcp://127.0.0.1:{address}")
                                          + ("?persistent=1" if persistent else ""),
                     "memcache.protocol": "binary" if binary else "ascii"}
