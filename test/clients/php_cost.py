#!/usr/bin/env python3
"""What a session costs a page: microseconds of session_start(), a change of 2 KiB, session_write_close(), in one process,
for the extension and Debian's handlers, all on cloakroomd, and PHP's files; and two round trips that do nothing. Measures, and judges nothing.

Handlers take turns, for as many rounds as are asked for. "best" is the median of the best round: where cores fall asleep
while they wait, or others use the machine, a round trip takes five times as long in some rounds, whatever the handler.
The median and the 99th percentile are of all cycles.
"""

import json
import os
import statistics
import sys

import harness
import php_ext

PROCESS_S = 120


def ways(extension, socket, port, folder):
    handlers = harness.handler_settings
    files = handlers("files", port) | {"session.save_path": str(folder)}
    yield "files", files
    for place, address, path in (("unix", socket, f"unix://{socket}"), ("TCP", port, f"tcp://127.0.0.1:{port}")):
        yield f"cloakroom, {place}", php_ext.settings(extension, path)
        yield f"memcached, kept, {place}", handlers("memcached", address, persistent=True)
        yield f"memcached, {place}", handlers("memcached", address)
        yield f"memcache, kept, {place}", handlers("memcache", address, persistent=True)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cycles", type=int, default=1000, help="in a round")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    harness.need_php()
    server = harness.program(options.server)[0]
    extension = os.path.join(os.path.dirname(server), "cloakroom.so")
    with harness.folder() as where:
        port, socket = harness.free_port(), str(where / "server.sock")
        (where / "files").mkdir()
        with harness.started(options.server, ["-s", socket, "-a", "700", "-l", "127.0.0.1", "-p", str(port)],
                             harness.socket.AF_UNIX, socket, where / "server.log"):
            found = {}
            environments = {name: harness.write_ini(where / f"way-{number}", settings)
                            for number, (name, settings) in enumerate(ways(extension, socket, port, where / "files"))}
            runs = [(name, environment, []) for name, environment in environments.items()]
            runs += [("two empty trips, unix", {}, [f"unix://{socket}"]), ("two empty trips, TCP", {}, [f"tcp://127.0.0.1:{port}"])]
            for _ in range(options.rounds):
                for name, environment, more in runs:
                    code, out = harness.run(["php", str(harness.HERE / "php_cost.php"), str(options.cycles), *more],
                                            PROCESS_S, environment)
                    if code != 0:
                        sys.exit(f"{name}: {out}")
                    found.setdefault(name, []).append(json.loads(out.splitlines()[-1]))
    for name, rounds in found.items():
        took = sorted(us for one in rounds for us in one)
        best = min(statistics.median(one) for one in rounds)
        print(f"{name:24} best {best:5.0f} us   median {statistics.median(took):5.0f} us   99 % {took[len(took) * 99 // 100]:6} us")


if __name__ == "__main__":
    main()
