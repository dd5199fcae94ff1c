"""wire: one connection to a server, and the packets of memcached's binary protocol.

Promise: every read has a time-out; a server that hangs is a failed check, not a hang.
"""

import select
import socket
import struct
import time

READ_TIMEOUT_S = 5.0
HEADER = struct.Struct(">BBHBBHIIQ")

OPCODES = {
    "get": 0x00, "set": 0x01, "add": 0x02, "replace": 0x03, "delete": 0x04, "incr": 0x05, "decr": 0x06,
    "quit": 0x07, "flush": 0x08, "getq": 0x09, "noop": 0x0A, "version": 0x0B, "getk": 0x0C, "getkq": 0x0D,
    "append": 0x0E, "prepend": 0x0F, "stat": 0x10, "setq": 0x11, "addq": 0x12, "replaceq": 0x13,
    "deleteq": 0x14, "incrq": 0x15, "decrq": 0x16, "quitq": 0x17, "flushq": 0x18, "appendq": 0x19,
    "prependq": 0x1A, "verbosity": 0x1B, "touch": 0x1C, "gat": 0x1D, "gatq": 0x1E, "sasl-list": 0x20,
    "sasl-auth": 0x21, "sasl-step": 0x22, "gatk": 0x23, "gatkq": 0x24,
}
OPCODE_NAMES = {number: name for name, number in OPCODES.items()}

STATUSES = {
    "ok": 0x00, "notfound": 0x01, "exists": 0x02, "toolarge": 0x03, "einval": 0x04, "notstored": 0x05,
    "badval": 0x06, "autherror": 0x20, "unknown": 0x81, "nomem": 0x82,
}
STATUS_NAMES = {number: name for name, number in STATUSES.items()}


class Mismatch(Exception):
    """What came is not what was expected; the message says both."""


def show(data, limit=300):
    """Bytes as a person reads them, long ones cut in the middle."""
    if len(data) > limit:
        return "%s ... (%d bytes) ... %s" % (show(data[: limit // 2]), len(data), show(data[-limit // 4:]))
    return repr(bytes(data))[2:-1]


class Packet:
    """A binary request or response."""

    def __init__(self, magic, opcode, key=b"", extras=b"", value=b"", datatype=0, status=0, opaque=0, cas=0,
                 keylen=None, extlen=None, bodylen=None):
        self.magic, self.opcode, self.key, self.extras, self.value = magic, opcode, key, extras, value
        self.datatype, self.status, self.opaque, self.cas = datatype, status, opaque, cas
        self.keylen = len(key) if keylen is None else keylen
        self.extlen = len(extras) if extlen is None else extlen
        self.bodylen = len(extras) + len(key) + len(value) if bodylen is None else bodylen

    def encode(self):
        head = HEADER.pack(self.magic, self.opcode, self.keylen, self.extlen, self.datatype, self.status,
                           self.bodylen, self.opaque, self.cas)
        return head + self.extras + self.key + self.value

    def __str__(self):
        text = "%s %s" % (OPCODE_NAMES.get(self.opcode, hex(self.opcode)),
                          STATUS_NAMES.get(self.status, hex(self.status)))
        if self.magic != 0x81:
            text += " magic=0x%02x" % self.magic
        if self.datatype:
            text += " datatype=%d" % self.datatype
        if self.extras:
            text += " extras=" + self.extras.hex()
        if self.key:
            text += ' key="%s"' % show(self.key)
        if self.value:
            text += ' value="%s"' % show(self.value)
        return text + " opaque=0x%x cas=%d" % (self.opaque, self.cas)


class Connection:
    """A connection that remembers what was read and not yet taken."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=READ_TIMEOUT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.closed = False

    def close(self):
        self.sock.close()

    def send(self, data):
        """Sends all of it; a peer that closed is found out by the next read."""
        view = memoryview(data)
        until = time.monotonic() + READ_TIMEOUT_S
        while view and not self.closed:
            if time.monotonic() > until:
                raise Mismatch("the server does not read: %d bytes left to send" % len(view))
            # Reading meanwhile: a server may not read on before its answers are taken.
            readable, writable, _ = select.select([self.sock], [self.sock], [], 0.2)
            if readable and not self._fill(0):
                return
            if writable:
                try:
                    self.sock.setblocking(False)
                    view = view[self.sock.send(view):]
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    return
                finally:
                    self.sock.settimeout(READ_TIMEOUT_S)

    def _fill(self, wait_s):
        """Reads once more, waiting at most wait_s; False when nothing came or the peer closed."""
        if self.closed:
            return False
        if not select.select([self.sock], [], [], max(wait_s, 0))[0]:
            return False
        try:
            data = self.sock.recv(1 << 20)
        except (ConnectionResetError, ConnectionAbortedError):
            data = b""
        if not data:
            self.closed = True
            return False
        self.buffer += data
        return True

    def _why_not(self, wanted):
        got = "got '%s'" % show(self.buffer) if self.buffer else "got nothing"
        end = "the connection was closed" if self.closed else "nothing more came in %g s" % READ_TIMEOUT_S
        return Mismatch("%s; %s; %s" % (wanted, got, end))

    def take(self, length, wanted):
        until = time.monotonic() + READ_TIMEOUT_S
        while len(self.buffer) < length:
            if not self._fill(until - time.monotonic()):
                raise self._why_not(wanted)
        data = bytes(self.buffer[:length])
        del self.buffer[:length]
        return data

    def take_line(self, wanted):
        until = time.monotonic() + READ_TIMEOUT_S
        start = 0
        while True:
            end = self.buffer.find(b"\n", start)
            if end >= 0:
                return self.take(end + 1, wanted)
            start = len(self.buffer)
            if not self._fill(until - time.monotonic()):
                raise self._why_not(wanted)

    def take_packet(self, wanted):
        head = HEADER.unpack(self.take(HEADER.size, wanted))
        magic, opcode, keylen, extlen, datatype, status, bodylen, opaque, cas = head
        if magic != 0x81 or extlen + keylen > bodylen:
            raise Mismatch("%s; got something that is no response: '%s'"
                           % (wanted, show(HEADER.pack(*head) + bytes(self.buffer))))
        body = self.take(bodylen, wanted)
        return Packet(magic, opcode, body[extlen:extlen + keylen], body[:extlen], body[extlen + keylen:],
                      datatype, status, opaque, cas)

    def rest(self, wait_s=0.05):
        """What else has arrived, after a short wait."""
        until = time.monotonic() + wait_s
        while self._fill(until - time.monotonic()):
            pass
        return bytes(self.buffer)

    def expect_closed(self):
        until = time.monotonic() + READ_TIMEOUT_S
        while not self.closed and time.monotonic() < until:
            self._fill(until - time.monotonic())
        if self.buffer:
            raise Mismatch("expected the connection closed; got '%s'%s"
                           % (show(self.buffer), " and then closed" if self.closed else ""))
        if not self.closed:
            raise Mismatch("expected the connection closed; still open after %g s" % READ_TIMEOUT_S)


class Datagrams(Connection):
    """The same over UDP, for those whose name begins with @udp: each write is a request of one datagram. What answers, and
    only that, is taken, whole and in order; the pieces of an answer must say so."""

    FRAME = struct.Struct(">HHHH")

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", port))
        self.buffer = bytearray()
        self.closed = False
        self.number = 41
        self.next = 0  # piece of the answer under way

    def send(self, data):
        self.number += 1
        self.sock.send(self.FRAME.pack(self.number, 0, 1, 0) + data)

    def _fill(self, wait_s):
        if not select.select([self.sock], [], [], max(wait_s, 0))[0]:
            return False
        data = self.sock.recv(1 << 16)
        number, sequence, total, reserved = self.FRAME.unpack(data[:self.FRAME.size])
        if (number, sequence, total, len(data)) == (self.number, 0, 0, self.FRAME.size):
            return True  # memcached's way to say nothing
        if (number, sequence, reserved) != (self.number, self.next, 0) or sequence >= total or len(data) > 1400:
            raise Mismatch("piece %d of %d of answer %d (%d bytes), expected piece %d of answer %d"
                           % (sequence, total, number, len(data), self.next, self.number))
        self.next = (sequence + 1) % total
        self.buffer += data[self.FRAME.size:]
        return True
