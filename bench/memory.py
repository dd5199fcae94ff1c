#!/usr/bin/env python3
"""What a session costs in memory beyond its key and value: after loading, and after many overwrites."""

import argparse
import time

import peers

KEY_LEN = 40
SETTLE_S = 10  # for work that goes on after the last answer: cloakroomd compacts while it is idle
LIMIT_S = 300  # for each run
CONNECTIONS, DEPTH = 16, 64

# name: options of the generator for the sizes of values
SIZES = {
    "same": "every value has the same size",
    "new": "sizes are log-normal about the same mean, new with each overwrite",
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=500000, metavar="K")
    parser.add_argument("--overwrites", type=int, default=1500000, metavar="N")
    parser.add_argument("--item-bytes", type=int, default=1066, metavar="N", help="key and value (1066)")
    parser.add_argument("--memory", type=int, default=2048, metavar="MB", help="-m of both servers (2048)")
    parser.add_argument("--sizes", choices=[*SIZES, "both"], default="both")
    parser.add_argument("--json", default=peers.ROOT / "build/bench/memory.json", metavar="PATH")
    peers.add_common_arguments(parser)
    return parser.parse_args()


def generator_options(args, sizes):
    value = str(args.item_bytes - KEY_LEN)
    options = ["--sessions", str(args.sessions), "--seed", str(args.seed), "--value-mean", value]
    if sizes == "same":
        options += ["--value-min", value, "--value-max", value]
    options += ["--connections", str(CONNECTIONS), "--depth", str(DEPTH), "--load-depth", str(DEPTH)]
    options += ["--mix", "0:100:0", "--requests", str(args.overwrites)]
    return options + ["--warmup-ms", "0", "--measure-ms", str(LIMIT_S * 1000)]


def beyond(args, server, empty_kib, report):
    """Bytes per session that the server grew beyond the keys and values it holds: (now, at its highest)."""
    time.sleep(SETTLE_S)
    grown = [(kib - empty_kib) * 1024 for kib in server.memory_kib()]
    return [(bytes_ - report["stored_bytes"]) / args.sessions for bytes_ in grown]


def run_peer(args, cpus, peer, sizes):
    options = generator_options(args, sizes)
    with peers.Server(peer, "unix", cpus[0], args.memory) as server:
        empty_kib = server.memory_kib()[0]
        with peers.Generator(args.load, server, cpus[1], options, LIMIT_S) as generator:
            loaded = beyond(args, server, empty_kib, generator.loaded)
            report = generator.measure()
            overwritten = beyond(args, server, empty_kib, report)
        rss_kib = server.memory_kib()[0]
    return {
        "empty_kib": empty_kib,
        "rss_kib": rss_kib,
        "stored_bytes": report["stored_bytes"],
        "loaded": loaded[0],
        "overwritten": overwritten[0],
        "highest": overwritten[1],
    }


def main():
    args = parse_arguments()
    pair = peers.peers_of(args)
    cpus = peers.pick_cpus(args.cpus)
    results = {"machine": peers.machine(), "settings": settings_of(args), "sizes": {}}
    peers.ask_versions(pair, cpus)
    results["peers"] = {peer.name: peer.describe() for peer in pair}
    peers.print_head(results["machine"], pair)
    print(f"{args.sessions:,} sessions of {args.item_bytes} bytes, -m {args.memory}\n")
    for sizes in SIZES if args.sizes == "both" else [args.sizes]:
        results["sizes"][sizes] = {peer.name: run_peer(args, cpus, peer, sizes) for peer in pair}
        print_sizes(args, sizes, results["sizes"][sizes])
    peers.write_json(args.json, results)


def print_sizes(args, sizes, figures):
    print(f"{sizes}: {SIZES[sizes]}")
    overwritten = f"{args.overwrites:,} overwrites"
    rows = [["bytes beyond key and value", "loaded", overwritten, "highest", "RSS in MiB"]]
    for name, f in figures.items():
        cells = [f"{f[key]:.0f}" for key in ("loaded", "overwritten", "highest")]
        rows.append([name, *cells, f"{f['rss_kib'] / 1024:.0f}"])
    peers.print_table(rows)


def settings_of(args):
    keys = ("sessions", "overwrites", "item_bytes", "memory", "sizes", "seed")
    return {key: getattr(args, key) for key in keys}


if __name__ == "__main__":
    peers.run_main(main)
