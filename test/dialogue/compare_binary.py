"""Random binary requests for fuzz_compare.py, and what a server answers to them.

Not made: an append with a cas, which memcached takes for another command; packets that lie, see binary-errors.dlg.
"""

import struct
import time

from wire import HEADER, OPCODES, Connection, Packet

KEYS = [b"a", b"b", b"k" * 250]
COUNTERS = [b"n", b"m"]  # counted with, and not read: see fuzz_compare.py
VALUES = [b"1", b"12", b"abc", b"", b"x" * 3000, b"99"]
NUMBERS = [b"1", b"99", b"abc", b"5"]
EXPTIMES = [0] * 6 + [1000, 2592000, 2678400]
NEVER_MADE = 0xFFFFFFFF
LAST = 0xFFFF
ENDS_IN_PADDING = {OPCODES[name] for name in ("get", "getq", "getk", "getkq", "gat", "gatq", "gatk", "gatkq")}


def packet(name, key=b"", extras=b"", value=b"", opaque=0, cas=0):
    return Packet(0x80, OPCODES[name], key, extras, value, opaque=opaque, cas=cas).encode()


class BinaryMaker:
    def __init__(self, rng):
        self.rng = rng
        self.opaque = 0

    def plain(self):
        rng = self.rng
        self.opaque += 1
        kind = rng.randrange(14)
        key = rng.choice(KEYS + COUNTERS)
        value = rng.choice(NUMBERS if key in COUNTERS else VALUES)
        rest = {"opaque": self.opaque, "cas": rng.choice([0] * 6 + [2 ** 63])}  # no cas is that large
        exptime = struct.pack(">I", rng.choice(EXPTIMES))
        if kind < 4:
            flags = struct.pack(">I", rng.choice([0, 7, 0xFFFFFFFF]))
            return packet(rng.choice(["set", "add", "replace", "setq", "addq", "replaceq"]), key, flags + exptime, value, **rest)
        if kind == 4:
            return packet(rng.choice(["append", "prepend", "appendq", "prependq"]), rng.choice(KEYS), value=value,
                          opaque=self.opaque)
        if kind < 7:
            return packet(rng.choice(["get", "getq", "getk", "getkq"]), rng.choice(KEYS), opaque=self.opaque)
        if kind == 7:
            return packet(rng.choice(["delete", "deleteq"]), key, **rest)
        if kind < 10:
            extras = struct.pack(">QQI", rng.choice([0, 1, 9, 99]), rng.choice([0, 5, 10]), rng.choice([0, 1000, NEVER_MADE]))
            return packet(rng.choice(["incr", "decr", "incrq", "decrq"]), rng.choice(COUNTERS), extras, **rest)
        if kind < 12:
            return packet(rng.choice(["touch", "gat", "gatq", "gatk", "gatkq"]), rng.choice(KEYS), exptime, opaque=self.opaque)
        return packet(rng.choice(["noop", "version"]), opaque=self.opaque)

    broken = plain


def split(data):
    """The responses in it, but for what no two servers have alike."""
    at = 0
    while at + HEADER.size <= len(data):
        _, opcode, key_len, extras_len, _, status, body_len, opaque, cas = HEADER.unpack_from(data, at)
        body = bytes(data[at + HEADER.size:at + HEADER.size + body_len])
        at += HEADER.size + body_len
        if opcode == OPCODES["version"]:
            body = b"version"
        elif opcode in ENDS_IN_PADDING and status == 0:
            body = body.rstrip(b" ")
        yield opcode, key_len, extras_len, status, opaque, body, cas != 0


def talk(port, commands, cuts):
    """All of it in a few writes; what comes up to the last noop, a line for each."""
    connection = Connection(port)
    try:
        stream = packet("flush") + b"".join(commands) + packet("noop", opaque=LAST)
        at = 0
        for cut in sorted(int(cut * len(stream)) for cut in cuts) + [len(stream)]:
            connection.send(stream[at:cut])
            at = cut
        until = time.monotonic() + 5
        answers = []
        while not (answers and answers[-1][4] == LAST) and not connection.closed and time.monotonic() < until:
            answers = list(split(connection.rest(0.002)))
    finally:
        connection.close()
    return "".join("%02x key %d extras %d status %02x opaque %d %r cas %s\n" % answer for answer in answers).encode()
