"""A small client of both dialects. Every socket has a time-out."""

import contextlib
import socket
import struct

import harness

IO_S = 10.0
HEADER = ">BBHBBHI4sQ"
GET, SET, ADD, DELETE, INCR, FLUSH, GETQ, NOOP, STAT, VERBOSITY, GAT = 0, 1, 2, 4, 5, 8, 9, 0x0A, 0x10, 0x1B, 0x1D
DENIED = 0x20


def connect(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    s = socket.socket(family)
    if family != socket.AF_UNIX:  # with a time-out, a unix socket whose backlog is full refuses instead of waiting
        s.settimeout(IO_S * harness.slow)
    try:
        s.connect(address)
        s.settimeout(IO_S * harness.slow)
        if family != socket.AF_UNIX:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        s.close()
        raise
    return s


def read_all(s):
    """What still comes until the peer closes; a reset ends it as well."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(1 << 18):
            parts.append(part)
    return b"".join(parts)


class Closed(AssertionError):
    pass


class Client:
    def __init__(self, address):
        self.socket = connect(address)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise Closed(f"the server closed the connection; unread: {bytes(self.buffer[:200])!r}")
        self.buffer += data

    def read(self, n):
        while len(self.buffer) < n:
            self._more()
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def line(self):
        at = 0
        while (end := self.buffer.find(b"\r\n", at)) < 0:
            at = max(0, len(self.buffer) - 1)
            self._more()
        return self.read(end + 2)[:-2].decode("latin-1")

    def rest(self):
        """What else comes until the server closes."""
        return bytes(self.buffer) + read_all(self.socket)

    # text

    def command(self, line, value=None):
        """Sends a line, with a data block if there is a value; its answer of one line."""
        self.send(command(line, value))
        return self.line()

    def set(self, key, value, exptime=0, verb="set"):
        return self.command(f"{verb} {key} 0 {exptime} {len(value)}", value)

    def store(self, key, value, exptime=0):
        harness.equal(self.set(key, value, exptime), "STORED", f"set {key} of {len(value)} bytes")

    def hits(self):
        """The values of one answer to get, by key."""
        found = {}
        while (line := self.line()) != "END":
            words = line.split(" ")
            harness.check(words[0] == "VALUE" and len(words) >= 4, f"answer to get: {line!r}")
            found[words[1]] = self.read(int(words[3]))
            harness.equal(self.read(2), b"\r\n", "after a value")
        return found

    def get(self, key):
        self.send(command(f"get {key}"))
        return self.hits().get(key)

    def stats(self, which=""):
        self.send(command(f"stats {which}"))
        found = {}
        while (line := self.line()) != "END":
            _, name, value = line.split(" ", 2)
            found[name] = int(value) if value.isdigit() else value
        return found

    # binary

    def packet(self, *args, **more):
        self.send(packet(*args, **more))
        return self.answer()

    def answer(self):
        """(opcode, status, value) of the next answer."""
        _, opcode, key_len, extras_len, _, status, body_len, _, _ = struct.unpack(HEADER, self.read(24))
        return opcode, status, self.read(body_len)[key_len + extras_len:]


def command(line, value=None):
    return line.encode("latin-1") + b"\r\n" + (b"" if value is None else value + b"\r\n")


def packet(opcode, key=b"", extras=b"", value=b"", body_len=None):
    length = len(key) + len(extras) + len(value) if body_len is None else body_len
    return struct.pack(HEADER, 0x80, opcode, len(key), len(extras), 0, 0, length, b"opaq", 0) + extras + key + value


def set_packet(key, value, opcode=SET):
    return packet(opcode, key, bytes(8), value)
