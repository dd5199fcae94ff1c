"""script: the dialogue files (README.md has the format): text to sections of steps, and the steps themselves.

A step is checked when the file is read, so a misspelt one fails before any server is started.
"""

import re
import time

from values import (ANSWER_FIELDS, REQUEST_FIELDS, BadScript, build_request, check_answer, check_expressions, expand,
                    expand_bytes, parse_bytes, parse_fields)
from wire import OPCODES, Mismatch, show


# ---- answers: what a step expects of one connection ----

class Expect:
    """One expected piece of an answer."""

    def __init__(self, kind, text):
        self.kind, self.text = kind, text
        if kind == "line":
            check_expressions(text)
        elif kind == "bytes":
            self.pieces = parse_bytes(text)
        elif kind == "regex":
            try:
                names = re.compile(re.sub(r"\{[a-z_]\w*\}", "x", text)).groupindex
            except re.error as error:
                raise BadScript("bad pattern: %s" % error)
            if "now" in names:
                raise BadScript("{now} is the time, take another name")
        elif kind == "packet":
            self.fields = parse_fields(text, ANSWER_FIELDS)
            if self.fields.get("cas") == "+now":
                raise BadScript("{now} is the time, take another name")
        elif kind in ("stats", "packet-stats"):
            self.wanted = parse_stat_names(text)
        elif kind == "moved":
            self.moves = parse_moves(text)

    def check(self, run):
        getattr(self, "check_" + self.kind.replace("-", "_"))(run)

    def check_line(self, run):
        want = expand(self.text, run.variables).encode("latin-1") + b"\r\n"
        got = run.connection().take_line("expected '%s'" % show(want))
        if got != want:
            raise Mismatch("expected '%s'\n     got '%s'" % (show(want), show(got + run.connection().rest())))

    def check_bytes(self, run):
        want = expand_bytes(self.pieces, run.variables)
        got = run.connection().take(len(want), "expected '%s'" % show(want))
        if got != want:
            raise Mismatch("expected '%s'\n     got '%s'" % (show(want), show(got)))

    def check_regex(self, run):
        pattern = re.sub(r"\{([a-z_]\w*)\}", lambda m: re.escape(expand(m.group(0), run.variables)), self.text)
        got = run.connection().take_line("expected a line like '%s'" % pattern)
        end = "" if pattern.endswith("\\n") else "\r\n"
        match = re.fullmatch(pattern + end, got.decode("latin-1"))
        if not match:
            raise Mismatch("expected a line like '%s'\n     got '%s'" % (pattern, show(got)))
        run.variables.update(match.groupdict())

    def check_packet(self, run):
        check_answer(self.fields, run.connection().take_packet("expected packet %s" % self.text), run.variables)

    def check_version_packet(self, run):
        packet = run.connection().take_packet("expected a version packet")
        if packet.opcode != OPCODES["version"] or packet.status or packet.key or packet.extras or not packet.value:
            raise Mismatch("expected a version packet\n     got packet %s" % packet)

    def check_closed(self, run):
        run.connection().expect_closed()
        run.forget()

    def check_nothing(self, run):
        rest = run.connection().rest(0.1)
        if rest:
            raise Mismatch("expected nothing\n     got '%s'" % show(rest))

    def check_stats(self, run):
        check_stats(self.wanted, read_stats(run.connection()))

    def check_packet_stats(self, run):
        stats = {}
        while True:
            packet = run.connection().take_packet("expected a stat packet")
            if packet.opcode != OPCODES["stat"] or packet.status:
                raise Mismatch("expected a stat packet\n     got packet %s" % packet)
            if not packet.key and not packet.value:
                break
            stats[packet.key.decode("latin-1")] = packet.value.decode("latin-1")
        check_stats(self.wanted, stats)

    def check_moved(self, run):
        now, wrong = run.read_counters(), []
        for name, amount in self.moves.items():
            if name not in now or name not in run.counters:
                wrong.append("%s is not there" % name)
            elif int(now[name]) - int(run.counters[name]) != amount:
                wrong.append("%s moved by %d, expected %d" % (name, int(now[name]) - int(run.counters[name]), amount))
        run.counters = now
        if wrong:
            raise Mismatch("counters: " + "; ".join(wrong))


STAT_KINDS = {"number": r"\d+", "decimal": r"\d+\.\d+", "text": r".+"}


def parse_stat_names(text):
    wanted, kind = {}, None
    for word in text.split():
        if word.rstrip(":") in STAT_KINDS and word.endswith(":"):
            kind = word[:-1]
        elif kind is None:
            raise BadScript("expected number:, decimal: or text: before %s" % word)
        else:
            wanted[word] = kind
    return wanted


def parse_moves(text):
    words = text.split()
    if len(words) % 2:
        raise BadScript("expected pairs of a name and an amount")
    return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}


def read_stats(connection):
    stats = {}
    while True:
        line = connection.take_line("expected STAT or END").decode("latin-1")
        if line == "END\r\n":
            return stats
        match = re.fullmatch(r"STAT (\S+) (.*)\r\n", line)
        if not match:
            raise Mismatch("expected STAT name value, or END\n     got '%s'" % show(line.encode("latin-1")))
        stats[match.group(1)] = match.group(2)


def check_stats(wanted, stats):
    wrong = []
    for name, kind in wanted.items():
        if name not in stats:
            wrong.append("%s is missing" % name)
        elif not re.fullmatch(STAT_KINDS[kind], stats[name]):
            wrong.append("%s is '%s', not a %s" % (name, stats[name], kind))
    if wrong:
        raise Mismatch("stats: " + "; ".join(wrong))


# ---- steps ----

class Send:
    def __init__(self, line):
        self.line, self.parts = line, []

    def add(self, part):
        self.parts.append(part)

    def do(self, run):
        run.connection().send(b"".join(part(run.variables) for part in self.parts))


class Act:
    """sleep, connection, close, counters."""

    def __init__(self, line, kind, argument=""):
        self.line, self.kind, self.argument = line, kind, argument

    def do(self, run):
        if self.kind == "sleep":
            time.sleep(float(self.argument))
        elif self.kind == "connection":
            run.current = self.argument
        elif self.kind == "close":
            run.connection().close()
            run.forget()
        elif self.kind == "counters":
            run.counters = run.read_counters()


class Answer:
    """Expected of both servers alike."""

    def __init__(self, line, expect):
        self.line, self.expect = line, expect

    def do(self, run):
        self.expect.check(run)
        run.checks += 1


class Difference:
    """Where the two answer differently, and why.

    `kind` says of which memcached it is: `difference` of any, `oracle-older` of Debian's 1.6.18 only, `oracle-newer` of
    the newest only. `root`: the one above that this is alike.
    """

    KINDS = ("difference", "oracle-newer", "oracle-older")

    def __init__(self, line, reason, kind, root):
        self.line, self.reason, self.kind = line, reason, kind
        self.root = root if reason.startswith("the same") else self
        self.ours, self.theirs = [], []

    def do(self, run):
        of_this_oracle = self.kind == "difference" or run.is_newest == (self.kind == "oracle-newer")
        if run.is_oracle and of_this_oracle:
            mine, other = self.theirs, self.ours
        else:
            mine, other = self.ours, self.theirs
        for expect in mine or [Expect("nothing", "")]:
            try:
                expect.check(run)
            except Mismatch as mismatch:
                note = "%s differs from what line %d declares" % (run.who, self.line)
                if run.is_oracle and other and mismatch_is(mismatch, other[0]):
                    note += " (it answers as ours does: the declared difference is stale)"
                raise Mismatch("%s\n     %s" % (mismatch, note))
        run.checks += 1


def mismatch_is(mismatch, expect):
    return expect.kind == "line" and "got '%s" % show(expect.text.encode("latin-1")) in str(mismatch)


class Section:
    """`user`: None, or the "name:password" that may log in, and has to."""

    def __init__(self, name, line, flush, user):
        self.name, self.line, self.flush, self.user, self.steps = name, line, flush, user, []

    def differences(self):
        return [step for step in self.steps if isinstance(step, Difference)]


EXPECT_FORMS = (
    ("<~ ", "regex"), ("<< ", "bytes"), ("<b ", "packet"), ("<stats ", "stats"), ("<bstats ", "packet-stats"),
    ("< ", "line"), ("moved ", "moved"),
)


def parse_expect(text):
    if text in ("closed", "nothing"):
        return Expect(text, "")
    if text == "<bversion":
        return Expect("version-packet", text)
    if text == "<":
        return Expect("line", "")
    for prefix, kind in EXPECT_FORMS:
        if text.startswith(prefix):
            return Expect(kind, text[len(prefix):])
    return None


def parse_send(text):
    if text == ">":
        return lambda variables: b"\r\n"
    if text.startswith("> "):
        check_expressions(text[2:])
        return lambda variables: expand(text[2:], variables).encode("latin-1") + b"\r\n"
    if text.startswith(">> "):
        pieces = parse_bytes(text[3:])
        return lambda variables: expand_bytes(pieces, variables)
    if text.startswith(">b "):
        fields = parse_fields(text[3:], REQUEST_FIELDS)
        build_request(fields, Anything())
        return lambda variables: build_request(fields, variables)
    return None


class Anything(dict):
    """Variables while a file is checked: each is "1"."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        return "1"


class Parser:
    def __init__(self):
        self.sections, self.block, self.root, self.flush, self.user = [], None, None, True, None

    def line(self, at, text):
        if text.startswith("== "):
            self.block = None
            self.sections.append(Section(text[3:].strip(), at, self.flush, self.user))
            return
        if text == "no flush" and not self.sections:
            self.flush = False
            return
        if text.startswith("user ") and not self.sections:
            self.user, self.flush = text[5:], False
            return
        if not self.sections:
            raise BadScript("a dialogue begins with a line `== its name`")
        steps = self.sections[-1].steps
        side = re.match(r"(ours|theirs)\s+(.*)", text)
        if side:
            self.side(side.group(1), side.group(2))
            return
        self.block = None
        head = re.match(r"(difference|oracle-older|oracle-newer):\s*(.+)", text)
        if head:
            self.block = Difference(at, head.group(2), head.group(1), self.root)
            self.root = self.block.root
            if self.root is None or self.root.kind != self.block.kind:
                raise BadScript("the same as what?")
            steps.append(self.block)
            return
        send = parse_send(text)
        if send:
            if not steps or not isinstance(steps[-1], Send):
                steps.append(Send(at))
            steps[-1].add(send)
            return
        expect = parse_expect(text)
        steps.append(Answer(at, expect) if expect else self.act(at, text))

    def side(self, which, text):
        if self.block is None:
            raise BadScript("`%s` belongs under `difference:`, `oracle-older:` or `oracle-newer:`" % which)
        expect = parse_expect(text)
        if expect is None:
            raise BadScript("not an answer: %s" % text)
        getattr(self.block, which).append(expect)

    @staticmethod
    def act(at, text):
        if text == "...":
            return Act(at, "sleep", "0.05")
        if re.fullmatch(r"sleep \d+(\.\d+)?", text):
            return Act(at, "sleep", text[6:])
        if re.fullmatch(r"@\w+", text):
            return Act(at, "connection", text)
        if text in ("close", "counters"):
            return Act(at, text)
        raise BadScript("cannot read: %s" % text)

    def finish(self):
        for section in self.sections:
            for block in section.differences():
                ours = [(expect.kind, expect.text) for expect in block.ours]
                if ours == [(expect.kind, expect.text) for expect in block.theirs]:
                    raise BadScript("line %d: the declared difference is none" % block.line)
        return self.sections


def logical_lines(text):
    """Lines without comments; an indented line goes on with the one before, except for ours and theirs."""
    lines = []
    for at, line in enumerate(text.split("\n"), 1):
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t" and lines and not re.match(r"\s+(ours|theirs)\s", line):
            lines[-1][1] += " " + line.strip()
        else:
            lines.append([at, line.strip() if line[0] in " \t" else line])
    return lines


def parse(path):
    parser = Parser()
    with open(path, encoding="ascii") as file:
        for at, text in logical_lines(file.read()):
            try:
                parser.line(at, text)
            except BadScript as error:
                raise BadScript("%s:%d: %s" % (path, at, error))
    try:
        return parser.finish()
    except BadScript as error:
        raise BadScript("%s: %s" % (path, error))
