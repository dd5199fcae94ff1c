#!/usr/bin/env python3
"""What the log on disk costs and gives: cloakroomd --data beside cloakroomd without, memcached and redis-server.

README.md says how to read what it prints.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import time

import peers
import run

SLICE_MS, WARMUP_MS = 250, 20  # the peers take turns this often
LIMIT_S = 900                  # for a whole round
KEY_LEN, PAYLOAD = 40, 1024
SETTLE_S = 10                  # for work that goes on after the last answer
GROWTH = [100_000, 1_000_000, 10_000_000]
GROWTH_VALUE = 200

ON, OFF, MEMCACHED, AOF, RDB = "log on", "log off", "memcached", "redis AOF", "redis RDB"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=[*PARTS, "all"], help="may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="few and short rounds, a tenth of the sessions")
    parser.add_argument("--rounds", type=int, metavar="N", help="3, quick 1; restarts: 5, quick 2")
    parser.add_argument("--seconds", type=int, metavar="T", help="measured per peer and round (5, quick 2)")
    parser.add_argument("--warm-seconds", type=int, metavar="T", help="the same, before it counts (5, quick 1)")
    parser.add_argument("--sessions", type=int, metavar="N", help="200,000 (cost, latency), 1,000,000 (others)")
    parser.add_argument("--sizes", metavar="N,N,...", help="sessions of --part growth (100 thousand to 10 million)")
    parser.add_argument("--sync", choices=["always", "interval", "none"], default="interval", help="of cloakroomd")
    parser.add_argument("--folder", default=peers.ROOT / "build/bench", metavar="PATH", help="on the disk to measure")
    parser.add_argument("--redis", default="redis-server", metavar="PATH", help="left out where there is none")
    parser.add_argument("--json", default=peers.ROOT / "build/bench/durable.json", metavar="PATH")
    peers.add_common_arguments(parser)
    args = parser.parse_args()
    chosen = args.part or ["all"]
    args.part = list(PARTS) if "all" in chosen else chosen
    args.seconds = args.seconds or (2 if args.quick else 5)
    args.warm_seconds = args.warm_seconds or (1 if args.quick else 5)
    default = [n // 10 for n in GROWTH] if args.quick else GROWTH
    args.sizes = sorted(int(n) for n in args.sizes.split(",")) if args.sizes else default
    return args


def sessions_of(args, default):
    return args.sessions or (default // 10 if args.quick else default)


def all_peers(args):
    """{label: peer}, those of redis only where it is installed."""
    data = "--data {tmp}/data --sync " + args.sync
    found = {
        ON: peers.Peer(ON, args.cloakroomd, f"{data} {args.cloakroomd_args}"),
        OFF: peers.Peer(OFF, args.cloakroomd, args.cloakroomd_args),
        MEMCACHED: peers.Peer(MEMCACHED, args.memcached, args.memcached_args),
    }
    if shutil.which(args.redis):
        found[AOF] = peers.RedisPeer(AOF, args.redis, "--appendonly yes --appendfsync everysec")
        found[RDB] = peers.RedisPeer(RDB, args.redis)
    return found


# ---- what the parts share ----


def same_size(value):
    return ["--value-mean", str(value), "--value-min", str(value), "--value-max", str(value)]


def memory_for(sessions, value):
    """-m in megabytes: room to spare, as it is not what is measured here."""
    return 512 + int(sessions * (KEY_LEN + value + 160) * 1.6) // 2**20


def cpu_s(pid):
    """(of a process, of its children that have ended)"""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(~pid << 3 | 2), children  # the clock of another process, see clock_getcpuclockid(3)


class Turn:
    """A server with its generator, and what they did when it was their turn."""

    def __init__(self, stack, args, cpus, label, peer, sessions, value, options):
        self.label = label
        self.server = stack.enter_context(peer.server("tcp", cpus[0], memory_for(sessions, value), args.folder))
        options = ["--sessions", str(sessions), "--warmup-ms", str(WARMUP_MS), "--spin", *options]
        self.generator = stack.enter_context(peers.Generator(args.load, self.server, cpus[1], options, LIMIT_S))
        self.slices = []

    def begin(self):
        self.answered = self._answered(self.generator.measure())
        self.before = cpu_s(self.server.pid)

    def measure(self):
        self.slices.append(self.generator.measure())

    def figures(self):
        """Medians over slices. `all_us` is the time per request of everything from begin() on, that between the turns
        and that of children included."""
        figures = run.round_figures(self.slices)
        after = cpu_s(self.server.pid)
        answered = self._answered(self.slices[-1]) - self.answered
        spent, children = (a - b for a, b in zip(after, self.before))
        figures["children_us"] = children * 1e6 / answered
        figures["all_us"] = (spent + children) * 1e6 / answered
        for key in ("get_p50_us", "get_p99_us", "get_p999_us"):
            figures[key] = statistics.median(s[key] for s in self.slices)
        figures["get_p999_worst_us"] = max(s["get_p999_us"] for s in self.slices)
        figures["get_max_us"] = max(s["get_max_us"] for s in self.slices)
        return figures

    @staticmethod
    def _answered(report):
        return sum(report["total"][kind] for kind in ("gets", "sets", "touches"))


def run_round(args, cpus, wanted, slice_ms=SLICE_MS):
    """`wanted` is [(label, peer, sessions, value, options of the generator)]: all are started and loaded, then they
    take turns. Returns {label: {"figures", "slices", "stats"}}, and what others used of the machine."""
    with contextlib.ExitStack() as stack:
        measure = ["--measure-ms", str(slice_ms), "--seed", str(args.seed)]
        turns = [Turn(stack, args, cpus, *w[:4], [*w[4], *measure]) for w in wanted]
        for _ in range(args.warm_seconds * 1000 // slice_ms):
            for turn in turns:
                turn.generator.measure()
        for turn in turns:
            turn.begin()
        others = peers.Others([pid for t in turns for pid in (t.server.pid, t.generator.process.pid)])
        for _ in range(args.seconds * 1000 // slice_ms):
            for turn in turns:
                turn.measure()
        others_busy, stolen = others.usage()
        found = {t.label: {"figures": t.figures(), "slices": t.slices, "stats": t.server.stats()} for t in turns}
        return {**found, "others_busy": others_busy, "stolen": stolen}


def run_rounds(args, cpus, wanted, slice_ms=SLICE_MS):
    """Who comes first changes from round to round."""
    rounds = []
    for number in range(args.rounds or (1 if args.quick else 3)):
        at = number % len(wanted)
        rounds.append(run_round(args, cpus, wanted[at:] + wanted[:at], slice_ms))
    return rounds


BY_SLICE = {"cpu_us", "requests_per_s", "server_busy", "p99_us", "get_p50_us", "get_p99_us", "get_p999_us"}


def median(rounds, label, key):
    return statistics.median(r[label]["figures"][key] for r in rounds)


def ratio(rounds, first, second, key):
    """[median, lowest, highest] over rounds of the first's figure over the second's, as text; where a slice is long
    enough to tell, slice by slice, each beside its neighbour in time."""
    found = []
    for r in rounds:
        a, b = r[first], r[second]
        if key in BY_SLICE:
            pairs = zip(a["slices"], b["slices"])
            found.append(statistics.median(x[key] / (y[key] or 1) for x, y in pairs))
        elif b["figures"][key]:
            found.append(a["figures"][key] / b["figures"][key])
    return [f"{what(found):.2f}" if found else "" for what in (statistics.median, min, max)]


def print_rounds(rounds, labels, columns, pairs):
    """A row for each label, then one for each pair of labels with their ratio; columns are (title, key, form)."""
    rows = [[""] + [title for title, _, _ in columns]]
    for label in labels:
        rows.append([label] + [form.format(median(rounds, label, key)) for _, key, form in columns])
    for first, second in pairs:
        if first in labels and second in labels:
            found = [ratio(rounds, first, second, key) for _, key, _ in columns]
            rows.append([f"{first} / {second}"] + [f[0] for f in found])
            if len(rounds) > 1:
                rows.append(["  lowest"] + [f[1] for f in found])
                rows.append(["  highest"] + [f[2] for f in found])
    peers.print_table(rows)
    others, stolen = (max(r[key] for r in rounds) for key in ("others_busy", "stolen"))
    if others > 0.1 or stolen > 0.05:
        print(f"note: expect noise: others used up to {others:.0%} of a core, the hypervisor {stolen:.0%}\n")


# ---- the parts; each prints its tables and returns what goes to the JSON file ----

COST_COLUMNS = [
    ("requests/s", "requests_per_s", "{:,.0f}"),
    ("CPU µs", "cpu_us", "{:.2f}"),
    ("user", "cpu_user_us", "{:.2f}"),
    ("system", "cpu_system_us", "{:.2f}"),
    ("all µs", "all_us", "{:.2f}"),
    ("of it children", "children_us", "{:.2f}"),
    ("p99 µs", "p99_us", "{:,.0f}"),
    ("core busy", "server_busy", "{:.0%}"),
]


def part_cost(args, cpus, found):
    """Server CPU per request with the log on and off: 50 connections, 50 % get, 40 % set, 10 % touch, about 1 KiB"""
    results = {}
    labels = [label for label in (ON, OFF, MEMCACHED, AOF) if label in found]
    for scenario in ("tcp-1", "tcp-16"):
        options = run.SCENARIOS[scenario][1]
        sessions = sessions_of(args, 200_000)
        wanted = [(label, found[label], sessions, PAYLOAD, options) for label in labels]
        rounds = results[scenario] = run_rounds(args, cpus, wanted)
        print(f"{scenario}: {run.SCENARIOS[scenario][2]}; {sessions:,} sessions; sync {args.sync}")
        print_rounds(rounds, labels, COST_COLUMNS, [(ON, OFF), (ON, MEMCACHED), (ON, AOF)])
    return results


LATENCY_COLUMNS = [
    ("gets: p50 µs", "get_p50_us", "{:,.0f}"),
    ("p99", "get_p99_us", "{:,.0f}"),
    ("p99.9", "get_p999_us", "{:,.0f}"),
    ("p99.9, worst second", "get_p999_worst_us", "{:,.0f}"),
    ("longest", "get_max_us", "{:,.0f}"),
    ("requests/s", "requests_per_s", "{:,.0f}"),
    ("CPU µs", "cpu_us", "{:.2f}"),
]


def part_latency(args, cpus, found):
    """How long gets take while others write, the log is compacted and synced: 8 connections, half gets, half sets"""
    labels = [label for label in (ON, OFF, MEMCACHED, AOF) if label in found]
    options = ["--connections", "8", "--mix", "50:50:0"]
    sessions = sessions_of(args, 200_000)
    rounds = run_rounds(args, cpus, [(label, found[label], sessions, PAYLOAD, options) for label in labels], 1000)
    print(f"{sessions:,} sessions; sync {args.sync}")
    print_rounds(rounds, labels, LATENCY_COLUMNS, [(ON, OFF), (ON, MEMCACHED), (ON, AOF)])
    return rounds


def part_growth(args, cpus, found):
    """CPU per request as the number of sessions grows: values of 200 bytes, one request per round trip"""
    labels = {(label, n): f"{label}, {n:,}" for n in args.sizes for label in (ON, MEMCACHED)}
    options = same_size(GROWTH_VALUE)
    wanted = [(text, found[label], n, GROWTH_VALUE, options) for (label, n), text in labels.items()]
    rounds = run_rounds(args, cpus, wanted)
    pairs = [(labels[label, n], labels[label, args.sizes[0]]) for label in (ON, MEMCACHED) for n in args.sizes[1:]]
    pairs += [(labels[ON, n], labels[MEMCACHED, n]) for n in args.sizes]
    print(f"all sizes and both servers taking turns; sync {args.sync}")
    print_rounds(rounds, list(labels.values()), COST_COLUMNS, pairs)
    return rounds


def load_only(args, cpus, server, sessions, more=()):
    """Loads exactly 1 KiB each, or whatever `more` says; the generator's last report."""
    command = [str(args.load), *server.generator_address(), "--sessions", str(sessions), "--seed", str(args.seed)]
    command += [*same_size(PAYLOAD), "--limit", str(LIMIT_S), "--connections", "16", "--measure-ms", "0", *more]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=peers.child_setup(cpus[1]))
    if done.returncode != 0:
        raise peers.BenchError(f"{server.peer.name}: {done.stderr.strip()}")
    return done.stdout


def disk_bytes(folder):
    return sum(file.stat().st_blocks * 512 for file in pathlib.Path(folder).rglob("*") if file.is_file())


def prepare_kill(server, label):
    """What the server was asked to keep is on its way to the disk; a cloakroomd gets no time."""
    if label == AOF:
        server.settle()
    elif label == RDB:
        server.ask("SAVE")


def restart_once(args, cpus, server, label, sessions):
    """Kills it, and times its way back to all items; then a sample of them is read, to the last byte."""
    prepare_kill(server, label)
    server.crash()
    os.sync()  # what the load left to be written must not be part of the first restart
    begin = time.monotonic()
    server.start(LIMIT_S)
    there = server.items()  # who answers has all, or will never have it
    seconds = time.monotonic() - begin
    if there != sessions:
        raise peers.BenchError(f"{label}: {there:,} of {sessions:,} items after the restart")
    cpu = sum(cpu_s(server.pid))
    reads = ["--keep", "--mix", "100:0:0", "--requests", str(min(sessions, 200_000)), "--measure-ms", "30000"]
    load_only(args, cpus, server, sessions, reads)
    return {"seconds": seconds, "cpu_s": cpu, "rss_kib": server.memory_kib()[0]}


def part_restart(args, cpus, found):
    """SIGKILL, and how long until all items are answered again: 1 KiB each, from a warm page cache"""
    sessions = sessions_of(args, 1_000_000)
    labels = [label for label in (ON, AOF, RDB) if label in found]
    results = {label: [] for label in labels}
    disk = {}
    with contextlib.ExitStack() as stack:
        servers = {}
        for label in labels:
            memory = memory_for(sessions, PAYLOAD)
            servers[label] = stack.enter_context(found[label].server("tcp", cpus[0], memory, args.folder))
            load_only(args, cpus, servers[label], sessions)
        for _ in range(args.rounds or (2 if args.quick else 5)):
            for label in labels:
                results[label].append(restart_once(args, cpus, servers[label], label, sessions))
                disk[label] = disk_bytes(servers[label].folder.name)
    rows = [["", "s until all are there", "fastest", "slowest", "CPU s", "sessions/s", "on disk, MiB", "RSS, MiB"]]
    middle = {}
    for label in labels:
        times = [r["seconds"] for r in results[label]]
        middle[label] = statistics.median(times)
        cpu, rss = (statistics.median(r[key] for r in results[label]) for key in ("cpu_s", "rss_kib"))
        rows.append([label, f"{middle[label]:.2f}", f"{min(times):.2f}", f"{max(times):.2f}", f"{cpu:.2f}",
                     f"{sessions / middle[label]:,.0f}", f"{disk[label] / 2**20:,.0f}", f"{rss / 1024:,.0f}"])
    for other in labels[1:]:
        rows.append([f"{ON} / {other}", f"{middle[ON] / middle[other]:.2f}"] + [""] * 6)
    print(f"{sessions:,} sessions")
    peers.print_table(rows)
    return {"sessions": sessions, "restarts": results, "disk_bytes": disk}


def part_memory(args, cpus, found):
    """Bytes per session beyond key and value, and what is written to disk for one byte stored: exactly 1 KiB each"""
    sessions = sessions_of(args, 1_000_000)
    overwrites = sessions * 3 // 2
    results = {}
    for label in (ON, OFF, MEMCACHED, AOF):
        if label in found:
            with found[label].server("tcp", cpus[0], memory_for(sessions, PAYLOAD), args.folder) as server:
                results[label] = memory_of(args, cpus, server, sessions, overwrites)
    rows = [["bytes per session beyond key and value", "loaded", f"{overwrites:,} overwrites", "highest", "RSS, MiB",
             "write amplification", "utilisation", "on disk, MiB"]]
    for label, r in results.items():
        stats = r["stats"]
        rows.append([label, *(f"{r[key]:.0f}" for key in ("loaded", "overwritten", "highest")),
                     f"{r['rss_kib'] / 1024:,.0f}", stats.get("cloakroom_write_amplification", ""),
                     stats.get("cloakroom_utilisation", ""), f"{r['disk_bytes'] / 2**20:,.0f}"])
    print(f"{sessions:,} sessions; on disk is what du says at the end, after {SETTLE_S} s without a request")
    peers.print_table(rows)
    return {"sessions": sessions, "overwrites": overwrites, "servers": results}


def memory_of(args, cpus, server, sessions, overwrites):
    empty_kib = server.memory_kib()[0]
    options = ["--sessions", str(sessions), "--seed", str(args.seed), "--connections", "16", "--depth", "64"]
    options += [*same_size(PAYLOAD), "--load-depth", "64", "--mix", "0:100:0", "--requests", str(overwrites)]
    options += ["--warmup-ms", "0", "--measure-ms", str(LIMIT_S * 1000)]

    def beyond(report):
        time.sleep(SETTLE_S)
        return [((kib - empty_kib) * 1024 - report["stored_bytes"]) / sessions for kib in server.memory_kib()]

    with peers.Generator(args.load, server, cpus[1], options, LIMIT_S) as generator:
        loaded = beyond(generator.loaded)
        overwritten = beyond(generator.measure())
    return {"loaded": loaded[0], "overwritten": overwritten[0], "highest": overwritten[1],
            "rss_kib": server.memory_kib()[0], "disk_bytes": disk_bytes(server.folder.name), "stats": server.stats()}


PARTS = {"cost": part_cost, "restart": part_restart, "memory": part_memory, "latency": part_latency,
         "growth": part_growth}


def main():
    args = parse_arguments()
    found = all_peers(args)
    cpus = peers.pick_cpus(args.cpus)
    pathlib.Path(args.folder).mkdir(parents=True, exist_ok=True)
    for peer in found.values():
        with peer.server("tcp", cpus[0], 64, args.folder):
            pass  # its version is known now, and trouble before anything long begins
    results = {"machine": peers.machine(), "peers": {label: peer.describe() for label, peer in found.items()},
               "arguments": {key: str(value) for key, value in vars(args).items()}, "parts": {}}
    peers.print_head(results["machine"], found.values())
    if AOF not in found:
        print(f"note: without redis-server, as there is no {args.redis}")
    for name in args.part:
        print(f"\n{name}: {PARTS[name].__doc__}\n")
        results["parts"][name] = PARTS[name](args, cpus, found)
        peers.write_json(args.json, results)


if __name__ == "__main__":
    peers.run_main(main)
