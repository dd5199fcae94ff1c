"""values: what stands behind `>` and `<` in a dialogue: text with {...}, quoted bytes, fields of a binary packet."""

import ast
import re
import struct
import time

from wire import OPCODES, STATUSES, Mismatch, Packet


class BadScript(Exception):
    pass


# ---- values: text with {...} in it ----

EXPRESSION = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def expand(text, variables):
    """Replaces {name}, {now}, {now+5}, {'x'*250}; {{ and }} stand for braces."""
    def one(match):
        if match.group(0) in ("{{", "}}"):
            return match.group(0)[0]
        inner = match.group(1).strip()
        repeat = re.fullmatch(r"'(.*)'\s*\*\s*(\d+)", inner, re.S)
        if repeat:
            return repeat.group(1) * int(repeat.group(2))
        moment = re.fullmatch(r"now\s*(?:([+-])\s*(\d+))?", inner)
        if moment:
            offset = int(moment.group(2) or 0)
            return str(int(time.time()) + (-offset if moment.group(1) == "-" else offset))
        if inner in variables:
            return variables[inner]
        raise Mismatch("{%s} has no value here" % inner)
    return EXPRESSION.sub(one, text)


def check_expressions(text):
    for match in EXPRESSION.finditer(text):
        inner = match.group(1)
        if inner is not None and not re.fullmatch(r"\s*('.*'\s*\*\s*\d+|now(\s*[+-]\s*\d+)?|[a-z_]\w*)\s*", inner, re.S):
            raise BadScript("cannot read {%s}" % inner)


def parse_bytes(text):
    """`"a\\r\\n" {'x'*5} hex 80 0b`: one or more pieces, as a list of (text with {...} in latin-1)."""
    pieces, rest = [], text.strip()
    if not rest:
        raise BadScript("nothing to send or expect")
    while rest:
        quoted = re.match(r'"(?:[^"\\]|\\.)*"', rest)
        braces = re.match(r"\{[^{}]*\}", rest)
        hexes = re.match(r"hex((?:\s+[0-9a-fA-F]{2})+)", rest)
        match = quoted or braces or hexes
        if not match:
            raise BadScript("expected \"...\", {...} or hex 00 11, found %s" % rest)
        if quoted:
            pieces.append(ast.literal_eval("b" + match.group(0)).decode("latin-1"))
        elif braces:
            pieces.append(ast.literal_eval('b"' + match.group(0).replace('"', '\\"') + '"').decode("latin-1"))
        else:
            raw = bytes.fromhex(match.group(1)).decode("latin-1")
            pieces.append(raw.replace("{", "{{").replace("}", "}}"))
        rest = rest[match.end():].strip()
    for piece in pieces:
        check_expressions(piece)
    return pieces


def expand_bytes(pieces, variables):
    return b"".join(expand(piece, variables).encode("latin-1") for piece in pieces)


# ---- fields of a binary packet ----

def split_words(text):
    """Words by spaces; "..." and {...} may hold spaces."""
    words = re.findall(r'(?:[^\s"{]|"[^"]*"|\{[^{}]*\})+', text)
    if "".join(words).replace(" ", "") != text.replace(" ", ""):
        raise BadScript("cannot read: %s" % text)
    return [re.sub(r'"([^"]*)"', r"\1", word) for word in words]


def parse_fields(text, names):
    words = split_words(text)
    if not words:
        raise BadScript("an opcode is missing")
    opcode = words[0]
    if opcode not in OPCODES and not re.fullmatch(r"0x[0-9a-f]{2}", opcode):
        raise BadScript("no such opcode: %s" % opcode)
    fields = {"opcode": opcode}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals and name in STATUSES:
            name, value = "status", name
        elif not equals or name not in names:
            raise BadScript("no such field: %s" % word)
        check_expressions(value)
        fields[name] = value
    return fields


def number(text, variables):
    return int(expand(text, variables), 0)


def field_bytes(text, variables):
    text = expand(text, variables)
    if text.startswith("hex:"):
        return bytes.fromhex(text[4:])
    return text.encode("latin-1")


REQUEST_FIELDS = ("key", "value", "extras", "flags", "exptime", "delta", "initial", "level", "opaque", "cas",
                  "datatype", "vbucket", "magic", "keylen", "extlen", "bodylen")
ANSWER_FIELDS = ("key", "value", "extras", "flags", "number", "opaque", "cas", "status")


def opcode_number(name):
    return OPCODES[name] if name in OPCODES else int(name, 16)


def request_extras(fields, variables):
    """The extras that the opcode asks for, unless they are given in hex."""
    def get(name):
        return number(fields.get(name, "0"), variables)
    if "extras" in fields:
        return field_bytes(fields["extras"], variables)
    name = fields["opcode"].rstrip("q") if fields["opcode"] not in ("getq",) else "get"
    if name in ("set", "add", "replace"):
        return struct.pack(">II", get("flags"), get("exptime"))
    if name in ("incr", "decr"):
        return struct.pack(">QQI", get("delta"), get("initial"), get("exptime"))
    if name in ("touch", "gat", "gatk") or (name == "flush" and "exptime" in fields):
        return struct.pack(">I", get("exptime"))
    if name == "verbosity":
        return struct.pack(">I", get("level"))
    return b""


def build_request(fields, variables):
    optional = {name: number(fields[name], variables)
                for name in ("datatype", "opaque", "cas", "keylen", "extlen", "bodylen") if name in fields}
    return Packet(number(fields.get("magic", "0x80"), variables), opcode_number(fields["opcode"]),
                  field_bytes(fields.get("key", ""), variables), request_extras(fields, variables),
                  field_bytes(fields.get("value", ""), variables),
                  status=number(fields.get("vbucket", "0"), variables), **optional).encode()


def check_answer(fields, packet, variables):
    """Compares a packet with `<b` fields; what is not named must be empty or zero."""
    want_extras = b""
    if "flags" in fields:
        want_extras = struct.pack(">I", number(fields["flags"], variables))
    if "extras" in fields:
        want_extras = field_bytes(fields["extras"], variables)
    want_value = field_bytes(fields.get("value", ""), variables)
    if "number" in fields:
        want_value = struct.pack(">Q", number(fields["number"], variables))
    status = fields.get("status", "ok")
    want = Packet(0x81, opcode_number(fields["opcode"]), field_bytes(fields.get("key", ""), variables), want_extras,
                  want_value, 0, STATUSES[status] if status in STATUSES else int(status, 0),
                  number(fields.get("opaque", "0"), variables), packet.cas)
    cas = fields.get("cas", "0")
    cas_ok = cas == "*" or (cas.startswith("+") and packet.cas != 0)
    if not cas_ok and not cas.startswith("+"):
        want.cas = number(cas, variables)
        cas_ok = want.cas == packet.cas
    if want.encode() != packet.encode() or not cas_ok:
        raise Mismatch("expected packet %s%s\n     got packet %s"
                       % (str(want).rsplit(" cas=", 1)[0], " cas=" + cas, packet))
    if cas.startswith("+") and cas[1:]:
        variables[cas[1:]] = str(packet.cas)
