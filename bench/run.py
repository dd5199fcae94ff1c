#!/usr/bin/env python3
"""Compares cloakroomd with memcached: the same load in turn, A B A B, each with one worker on one core.

README.md says how to read what it prints.
"""

import argparse
import contextlib
import statistics

import peers

DEFAULT_ROUNDS, DEFAULT_SECONDS = 5, 2
QUICK_ROUNDS, QUICK_SECONDS = 2, 1
SLICE_MS, WARMUP_MS = 250, 50  # the peers take turns this often
WARM_SLICES = 6  # not counted: most sessions are written anew once, so memory is no longer fresh
LIMIT_S = 120  # for loading, and for what the machine does besides

# name: (transport, options of the generator, what one "request" is)
SCENARIOS = {
    "tcp-1": ("tcp", ["--depth", "1"], "TCP, one request per round trip"),
    "unix-1": ("unix", ["--depth", "1"], "unix socket, one request per round trip"),
    "tcp-16": ("tcp", ["--depth", "16"], "TCP, 16 requests pipelined"),
    "unix-16": ("unix", ["--depth", "16"], "unix socket, 16 requests pipelined"),
    "connect-tcp": ("tcp", ["--cycle"], "TCP; one request is connect, get, set, close"),
    "connect-unix": ("unix", ["--cycle"], "unix socket; one request is connect, get, set, close"),
    "tcp-binary-1": ("tcp", ["--depth", "1", "--protocol", "binary"], "TCP, binary, one per round trip"),
}
NOT_BY_DEFAULT = {"tcp-binary-1"}

COLUMNS = [
    ("requests/s", "requests_per_s", "{:,.0f}"),
    ("CPU µs", "cpu_us", "{:.2f}"),
    ("user", "cpu_user_us", "{:.2f}"),
    ("system", "cpu_system_us", "{:.2f}"),
    ("p50 µs", "p50_us", "{:,.0f}"),
    ("p99 µs", "p99_us", "{:,.0f}"),
    ("core busy", "server_busy", "{:.0%}"),
    ("generator", "generator_busy", "{:.0%}"),
]
FIGURES = [key for _, key, _ in COLUMNS] + ["p999_us"]
RATIOS = ["cpu_us", "cpu_user_us", "cpu_system_us", "requests_per_s", "p50_us", "p99_us"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--scenario",
        action="append",
        choices=[*SCENARIOS, "all"],
        help="may be repeated (default: all but binary)",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"pairs per scenario ({DEFAULT_ROUNDS})")
    parser.add_argument("--seconds", type=int, metavar="T", help=f"measured per run ({DEFAULT_SECONDS})")
    parser.add_argument("--connections", type=int, default=50, metavar="N")
    parser.add_argument("--sessions", type=int, default=200000, metavar="K")
    parser.add_argument("--memory", type=int, default=1024, metavar="MB", help="-m of both servers (1024)")
    parser.add_argument("--mix", default="50:40:10", metavar="G:S:T", help="percent of get, set and touch")
    parser.add_argument("--sleep", action="store_true", help="let the generator sleep while it waits")
    parser.add_argument("--json", default=peers.ROOT / "build/bench/results.json", metavar="PATH")
    peers.add_common_arguments(parser)
    args = parser.parse_args()
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else DEFAULT_ROUNDS)
    args.seconds = args.seconds or (QUICK_SECONDS if args.quick else DEFAULT_SECONDS)
    chosen = args.scenario or [name for name in SCENARIOS if name not in NOT_BY_DEFAULT]
    args.scenario = list(SCENARIOS) if "all" in chosen else chosen
    return args


def generator_options(args, name, seed):
    options = ["--connections", str(args.connections), "--sessions", str(args.sessions), "--mix", args.mix]
    options += ["--seed", str(seed), "--measure-ms", str(SLICE_MS), "--warmup-ms", str(WARMUP_MS)]
    return SCENARIOS[name][1] + options + ([] if args.sleep else ["--spin"])


def run_round(args, cpus, pair, name, seed):
    """Fresh servers, both loaded; then they take turns, a slice of time each."""
    slices = {peer.name: [] for peer in pair}
    options = generator_options(args, name, seed)
    limit_s = 4 * args.seconds + WARM_SLICES + LIMIT_S
    with contextlib.ExitStack() as stack:
        generators, pids = [], []
        for peer in pair:
            server = stack.enter_context(peers.Server(peer, SCENARIOS[name][0], cpus[0], args.memory))
            generators.append(
                stack.enter_context(peers.Generator(args.load, server, cpus[1], options, limit_s))
            )
            pids += [server.pid, generators[-1].process.pid]
        for _ in range(WARM_SLICES):
            for generator in generators:
                generator.measure()
        others = peers.Others(pids)
        for _ in range(args.seconds * 1000 // SLICE_MS):
            for generator in generators:
                slices[generator.name].append(generator.measure())
        usage = others.usage()
    return {"slices": slices, "others_busy": usage[0], "stolen": usage[1]}


def run_scenario(args, cpus, pair, name):
    """The peer that comes first in one round comes second in the next."""
    rounds = []
    for number in range(args.rounds):
        order = pair if number % 2 == 0 else pair[::-1]
        rounds.append(run_round(args, cpus, order, name, args.seed + number))
    return {"what": SCENARIOS[name][2], "rounds": rounds, "summary": summarize(rounds, pair)}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def round_figures(slices):
    """A peer's figures in a round: the medians of its slices; the CPU time is divided as their sum is."""
    figures = {key: statistics.median(s[key] for s in slices) for key in FIGURES}
    total = sum(s["cpu_us"] * s["requests"] for s in slices)
    user = sum(s["cpu_user_us"] * s["requests"] for s in slices)
    figures["cpu_user_us"] = figures["cpu_us"] * (user / total if total else 0)
    figures["cpu_system_us"] = figures["cpu_us"] - figures["cpu_user_us"]
    return figures


def round_ratios(slices, figures, pair):
    """First peer over second: the median over slices, each beside its neighbour in time."""
    first, second = (peer.name for peer in pair)
    ratios = {key: figures[first][key] / (figures[second][key] or 1) for key in RATIOS}
    for key in set(RATIOS) - {"cpu_user_us", "cpu_system_us"}:
        pairs = zip(slices[first], slices[second])
        ratios[key] = statistics.median(a[key] / (b[key] or 1) for a, b in pairs)
    return ratios


def summarize(rounds, pair):
    """Median, lowest and highest round of everything."""
    for r in rounds:
        r["figures"] = {peer.name: round_figures(r["slices"][peer.name]) for peer in pair}
        r["ratios"] = round_ratios(r["slices"], r["figures"], pair)
    summary = {}
    for peer in pair:
        figures = [r["figures"][peer.name] for r in rounds]
        summary[peer.name] = {key: spread([f[key] for f in figures]) for key in FIGURES}
    summary["ratio"] = {key: spread([r["ratios"][key] for r in rounds]) for key in RATIOS}
    for key in ("others_busy", "stolen"):
        summary[key] = spread([r[key] for r in rounds])
    return summary


def print_scenario(name, result, pair):
    summary = result["summary"]
    print(f"{name}: {result['what']}")
    rows = [[""] + [title for title, _, _ in COLUMNS]]
    for peer in pair:
        cells = [form.format(summary[peer.name][key]["median"]) for _, key, form in COLUMNS]
        rows.append([peer.name] + cells)
    ratio = summary["ratio"]
    rows.append(["ratio"] + [f"{ratio[key]['median']:.2f}" if key in ratio else "" for _, key, _ in COLUMNS])
    rows.append(["  lowest"] + [f"{ratio[key]['min']:.2f}" if key in ratio else "" for _, key, _ in COLUMNS])
    rows.append(["  highest"] + [f"{ratio[key]['max']:.2f}" if key in ratio else "" for _, key, _ in COLUMNS])
    peers.print_table(rows)
    print_notes(summary, pair)


def print_notes(summary, pair):
    for peer in pair:
        figures = summary[peer.name]
        if figures["generator_busy"]["median"] > 0.9 and figures["server_busy"]["median"] < 0.9:
            print(f"note: with {peer.name} the generator was the limit; trust CPU µs, not requests/s")
    others, stolen = summary["others_busy"]["max"], summary["stolen"]["max"]
    if others > 0.1 or stolen > 0.05:
        print(f"note: expect noise: others used up to {others:.0%} of a core, the hypervisor {stolen:.0%}")


def main():
    args = parse_arguments()
    pair = peers.peers_of(args)
    cpus = peers.pick_cpus(args.cpus)
    results = {"machine": peers.machine(), "settings": settings_of(args, cpus), "scenarios": {}}
    peers.ask_versions(pair, cpus)
    results["peers"] = {peer.name: peer.describe() for peer in pair}
    peers.print_head(results["machine"], pair)
    print(f"{args.rounds} rounds of {args.seconds} s per peer; medians; ratio = cloakroomd / memcached\n")
    for name in args.scenario:
        results["scenarios"][name] = run_scenario(args, cpus, pair, name)
        print_scenario(name, results["scenarios"][name], pair)
        print()
    results["machine"]["load_average_after"] = peers.machine()["load_average"]
    peers.write_json(args.json, results)


def settings_of(args, cpus):
    keys = ("rounds", "seconds", "connections", "sessions", "memory", "mix", "sleep", "seed")
    settings = {key: getattr(args, key) for key in keys}
    settings["server_cpu"], settings["generator_cpu"] = cpus
    return settings


if __name__ == "__main__":
    peers.run_main(main)
