#!/usr/bin/env python3
"""What a session costs a page, with the extension and with the handlers that PHP sites have today, each on its own server
(cloakroomd, memcached, redis-server), in one run. Measures, and judges nothing; prints tables as docs/php.md has them.

    cost         microseconds of session_start(), a change of 2 KiB, session_write_close(), in one process: the median of the
                 best round, the median and the 99th percentile of all. Handlers take turns, for as many rounds as are
                 asked for: where cores fall asleep while they wait, or others use the machine, a round trip takes five
                 times as long in some rounds, whatever the handler. And microseconds of processor time, of PHP and its server
                 together, in the round that took least: others who use the machine change that less.
    trips        how often that waits for an answer, counted between PHP and the server
    contention   8 processes, 50 times each, 5 ms in the session, as in contention.py; and the holder is killed
    stopped      the server is stopped (SIGSTOP): how long a page takes, and the next; several minutes

"Kept" is a persistent connection, which the extension always has.
"""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import statistics
import sys
import threading
import time

import contention
import harness
import php_ext
import web

PARTS = ("cost", "trips", "contention", "stopped")
PROCESS_S = 120
STOPPED_S = 200
TRIP_CYCLES = 100
SESSIONS = 64  # as php_cost.php makes them before it counts


def redis_settings(address, kept, is_locking):
    where = f"unix://{address}" if isinstance(address, str) else f"tcp://127.0.0.1:{address}"
    return harness.handler_settings("redis", address) | {
        "session.save_path": where + ("?persistent=1" if kept else ""), "redis.session.locking_enabled": int(is_locking)}


def ways(extension, servers):
    """name -> settings for an address, and the server that has it"""
    def ours(address):
        return php_ext.settings(extension, f"unix://{address}" if isinstance(address, str) else f"tcp://127.0.0.1:{address}")

    def stock(handler, kept, **more):
        return lambda address: harness.handler_settings(handler, address, persistent=kept) | more

    found = {"cloakroom": (ours, "cloakroomd")}
    for handler in ("memcached", "memcache"):
        found[f"{handler}, kept"] = (stock(handler, True), "memcached")
        found[handler] = (stock(handler, False), "memcached")
    found["memcached, kept, no lock"] = (stock("memcached", True, **{"memcached.sess_locking": "0"}), "memcached")
    if "redis" in servers:
        found["redis, kept, lock"] = (lambda address: redis_settings(address, True, True), "redis")
        found["redis, lock"] = (lambda address: redis_settings(address, False, True), "redis")
        found["redis, kept, no lock"] = (lambda address: redis_settings(address, True, False), "redis")
    return found


class Server:
    """One kind of server on a unix socket and on TCP: the addresses, and the processes that can be stopped."""

    def __init__(self, unix, tcp, children):
        self.places = {"unix socket": unix, "TCP": tcp}
        self.children = children

    def signal(self, what):
        for child in self.children:
            child.send_signal(what)


@contextlib.contextmanager
def servers_of(options, where):
    """name -> Server, as far as they are there"""
    with contextlib.ExitStack() as stack:
        def start(name, program, unix_options, tcp_options):
            path, port = str(where / f"{name}.sock"), harness.free_port()
            both = unix_options is None
            children = []
            if not both:
                children.append(stack.enter_context(harness.started(
                    program, [word.format(path=path) for word in unix_options], socket.AF_UNIX, path, where / f"{name}-u.log")))
            children.append(stack.enter_context(harness.started(
                program, [word.format(path=path, port=port) for word in tcp_options], socket.AF_INET, ("127.0.0.1", port),
                where / f"{name}-t.log")))
            return Server(path, port, children)

        found = {"cloakroomd": start("cloakroomd", options.server, None,
                                     ["-s", "{path}", "-a", "700", "-l", "127.0.0.1", "-p", "{port}"]),
                 "memcached": start("memcached", "memcached", ["-s", "{path}", "-a", "700"],
                                    ["-l", "127.0.0.1", "-p", "{port}", "-U", "0"])}
        if shutil.which("redis-server"):
            path, port = str(where / "redis.sock"), harness.free_port()
            child = stack.enter_context(redis(where, path, port))
            found["redis"] = Server(path, port, [child])
        yield found


@contextlib.contextmanager
def redis(where, path, port):
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path, "--unixsocketperm", "700",
               "--save", "", "--appendonly", "no", "--dir", str(where)]
    with web.process("redis", command, where, lambda: harness.connects(socket.AF_UNIX, path) and web.listens(port)()) as child:
        yield child


# --- Cost

def processor_us(server):
    """What all threads of a server have used."""
    used_ns = 0
    for child in server.children:
        for thread in pathlib.Path(f"/proc/{child.pid}/task").iterdir():
            used_ns += int((thread / "schedstat").read_text().split()[0])
    return used_ns / 1000


def cost_once(name, environment, more, server, options):
    """(nanoseconds of each cycle, microseconds of processor time of one)"""
    before_us = processor_us(server) if server else 0
    code, out = harness.run(["php", str(harness.HERE / "php_cost.php"), str(options.cycles), *more], PROCESS_S, environment)
    if code != 0:
        sys.exit(f"{name}: {out}")
    used_us = processor_us(server) - before_us if server else 0
    found = json.loads(out.splitlines()[-1])
    return found["took"], used_us / (options.cycles + (0 if more else SESSIONS)) + found["used_us"] / options.cycles


def cost(runs, options):
    found = {}
    for _ in range(options.rounds):
        for name, environment, more, server in runs:
            found.setdefault(name, []).append(cost_once(name, environment, more, server, options))
    figures = {}
    for name, rounds in found.items():
        took = sorted(ns for one, _ in rounds for ns in one)
        figures[name] = [us / 1000 for us in (min(statistics.median(one) for one, _ in rounds), statistics.median(took),
                                              took[len(took) * 99 // 100])] + [min(used_us for _, used_us in rounds)]
    return figures


# --- Round trips

class Relay(threading.Thread):
    """Stands between PHP and a server on a unix socket, and counts how often PHP waits for an answer."""

    def __init__(self, path, target):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.target, self.trips, self.connects, self.ended = target, 0, 0, False

    def run(self):
        pairs = {}      # each end of a connection -> the other
        has_asked = {}  # the client's end -> is the last that was said a request?
        while not self.ended:
            for one in select.select([self.listener, *pairs], [], [], 0.1)[0]:
                if one is self.listener:
                    client, server = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
                    server.connect(self.target)
                    pairs |= {client: server, server: client}
                    has_asked[client] = False
                    self.connects += 1
                elif one in pairs:
                    self.pass_on(one, pairs, has_asked)

    def pass_on(self, one, pairs, has_asked):
        try:
            data = one.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            other = pairs.pop(one)
            pairs.pop(other)
            one.close()
            other.close()
            return
        if one in has_asked:
            has_asked[one] = True
        elif has_asked[pairs[one]]:
            self.trips += 1
            has_asked[pairs[one]] = False
        with contextlib.suppress(BrokenPipeError):  # it has left, which is seen when it is read from
            pairs[one].sendall(data)


def count_trips(where, settings_of, target):
    """(round trips, connections) of a page"""
    folder = pathlib.Path(where)
    folder.mkdir()
    relay = Relay(str(folder / "relay.sock"), target)
    relay.start()
    environment = harness.write_ini(folder / "ini", settings_of(str(folder / "relay.sock")))
    counts = []
    for cycles in (TRIP_CYCLES, 2 * TRIP_CYCLES):  # what begins and ends a process is not counted
        code, out = harness.run(["php", str(harness.HERE / "php_cost.php"), str(cycles)], PROCESS_S, environment)
        if code != 0:
            sys.exit(out)
        time.sleep(0.2)
        counts.append((relay.trips, relay.connects))
        relay.trips = relay.connects = 0
    relay.ended = True
    relay.join()
    relay.listener.close()
    return [(after - before) / TRIP_CYCLES for before, after in zip(*counts)]


# --- Trouble

def measure_stopped(environment, server):
    """Seconds of a page, and of the next, while the server is stopped."""
    with contention.processes(environment, ("stopped",)) as (page,):
        page.go()
        page.line()  # has had a session
        server.signal(signal.SIGSTOP)
        time.sleep(0.2)
        try:
            page.go()
            found = json.loads(page.line())
        finally:
            server.signal(signal.SIGCONT)
    return found


def say_killed(found):
    if found["refused"]:
        return f"never: refused after {say_seconds(found['seconds'])}"
    return "at once, without the lock" if found["seconds"] < 0 else say_seconds(found["seconds"])


def say_seconds(s):
    return f"{s * 1000:.0f} ms" if s < 0.95 else f"{s:.1f} s"


# --- All of it

def table(head, rows):
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def show_cost(all_ways, servers, where, options):
    handlers = harness.handler_settings
    (where / "files").mkdir()
    runs = [("`files`, on disk", harness.write_ini(where / "files-ini", handlers("files", 0) |
                                                   {"session.save_path": str(where / "files")}), [], None)]
    for place in ("unix socket", "TCP"):
        for name, (settings, server) in all_ways.items():
            ini = harness.write_ini(where / f"ini-{len(runs)}", settings(servers[server].places[place]))
            runs.append(((name, place), ini, [], servers[server]))
        address = servers["cloakroomd"].places[place]
        target = f"unix://{address}" if place != "TCP" else f"tcp://127.0.0.1:{address}"
        runs.append((("two empty trips", place), {}, [target], servers["cloakroomd"]))
    figures = cost(runs, options)
    rows = []
    for name in [*all_ways, "two empty trips"]:
        cells = [f"{us:.0f}" for place in ("unix socket", "TCP") for us in figures[name, place]]
        rows.append([name, *cells])
    rows.append(["files, on disk", *[f"{us:.0f}" for us in figures["`files`, on disk"]], "", "", "", ""])
    table(["µs", "unix: best", "all", "99 %", "processor", "TCP: best", "all", "99 %", "processor"], rows)
    for place in ("unix socket", "TCP"):
        ratio = figures["cloakroom", place][0] / figures["memcached, kept", place][0]
        print(f"cloakroom / memcached kept, {place}: {ratio:.2f} of the best, "
              f"{figures['cloakroom', place][1] / figures['memcached, kept', place][1]:.2f} of all, "
              f"{figures['cloakroom', place][3] / figures['memcached, kept', place][3]:.2f} of the processor time")


def show_trips(all_ways, servers, where, _):
    rows = []
    for number, (name, (settings, server)) in enumerate(all_ways.items()):
        trips, connects = count_trips(where / f"trips-{number}", settings, servers[server].places["unix socket"])
        rows.append([name, f"{trips:.1f}", f"{connects:.1f}"])
    table(["a page", "round trips", "connections"], rows)


def show_contention(all_ways, servers, where, _):
    rows = []
    for number, (name, (settings, server)) in enumerate(all_ways.items()):
        environment = harness.write_ini(where / f"contention-{number}", settings(servers[server].places["TCP"]))
        cycles = contention.cycles(environment)
        killed = contention.killed(environment) if "no lock" not in name else None
        after = say_killed(killed) if killed else ""
        rows.append([name, f"{cycles['ratio']:.2f}", str(cycles["refused"]), str(cycles["lost"]), after])
    table(["8 × 50 × 5 ms", "of 400 × 5 ms", "refused", "lost", "holder killed: the next after"], rows)


def show_stopped(all_ways, servers, where, _):
    rows = []
    for number, (name, (settings, server)) in enumerate(all_ways.items()):
        environment = harness.write_ini(where / f"stopped-{number}", settings(servers[server].places["TCP"]))
        rows.append([name, *(say_seconds(s) for s in measure_stopped(environment, servers[server]))])
    table(["the server is stopped", "this page", "the next page of the process"], rows)


SHOW = {"cost": show_cost, "trips": show_trips, "contention": show_contention, "stopped": show_stopped}


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cycles", type=int, default=1000, help="in a round")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(PARTS)}; without one: all but stopped")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    harness.need_php()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    extension = os.path.join(os.path.dirname(harness.program(options.server)[0]), "cloakroom.so")
    with harness.folder() as where, servers_of(options, where) as servers:
        for part in options.parts or PARTS[:-1]:
            SHOW[part](ways(extension, servers), servers, where, options)


if __name__ == "__main__":
    main()
