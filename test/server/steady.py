"""A well-behaved client beside the bad ones, in a process of its own: it sets and gets all the time, and must notice
nothing: no request fails, and 99 of 100 are answered within LATENCY_S."""

import contextlib
import multiprocessing
import os
import time

import harness
from wire import Client

LATENCY_S = 0.25
PAUSE_S = 0.001
FORK = multiprocessing.get_context("fork")


def round_trips(client, value, latencies):
    key = f"steady.{len(latencies) % 100}"
    begin = time.monotonic()
    client.store(key, value)
    latencies.append(time.monotonic() - begin)
    begin = time.monotonic()
    harness.check(client.get(key) == value, f"the well-behaved client's {key} is gone or changed")
    latencies.append(time.monotonic() - begin)


def live(address, size, pipe):
    latencies = []
    try:
        with Client(address) as client:
            pipe.send("connected")
            while not pipe.poll():
                round_trips(client, os.urandom(size), latencies)
                time.sleep(PAUSE_S)
        pipe.send(latencies)
    except Exception as error:
        pipe.send(f"the well-behaved client, after {len(latencies)} requests: {type(error).__name__}: {error}")


def judge(latencies, but):
    harness.check(isinstance(latencies, list), latencies)
    if len(latencies) <= 5:
        raise harness.TooSlow(f"only {len(latencies)} requests in all this time")
    latencies.sort()
    at = max(1, len(latencies) // 100) if but is None else but
    if latencies[-1 - at] >= LATENCY_S * harness.slow:
        raise harness.TooSlow(f"{at + 1} of {len(latencies)} requests took more than "
                              f"{latencies[-1 - at] * 1000:.0f} ms, the worst {latencies[-1] * 1000:.0f} ms")


@contextlib.contextmanager
def steady(address, size=1000, but=None):
    """`but`: so many requests may take longer; by default one in a hundred."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=live, args=(address, size, theirs), daemon=True)
    process.start()
    try:
        harness.check(ours.poll(20 * harness.slow), "the well-behaved client does not get in")
        first = ours.recv()
        harness.equal(first, "connected", "the well-behaved client")
        yield
        time.sleep(0.1)
        ours.send("end")
        harness.check(ours.poll(20 * harness.slow), "the well-behaved client waits for an answer for 20 s")
        judge(ours.recv(), but)
    finally:
        process.kill()
        process.join()


@contextlib.contextmanager
def attacked(*options, bound_mib=160, **how):
    """A server of one worker, which good and bad clients share. It must stay below the bound: 64 MiB of items, 64 of
    buffers for what waits to be read or sent, and itself."""
    with harness.server("-t", "1", *options) as s:
        with steady(s.address, **how):
            yield s
        s.check_memory(bound_mib)
