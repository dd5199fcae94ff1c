"""A client of the session verbs: what docs/protocol.md says under "Session verbs", no more.

    with server() as s, Verbs(s.address) as v:
        opened = v.open("id", wait_ms=0)            # Answer: opened.code is VA, EN, NF, BS, GN or an error's first word
        v.write("id", b"value", opened.token)

Whoever wants to do other things while a verb waits sends it with `ask_open()` and reads what comes with `answer()`.
"""

import contextlib
import time

import harness
from wire import Client, command

CODES = {"VA", "EN", "NF", "BS", "GN", "HD", "EX"}


class Answer:
    """One answer. `fields`: what stands behind each letter, as text; `waits`: (position, when it came) of each WT line."""

    def __init__(self, line, waits=()):
        words = line.split(" ")
        self.line = line
        self.code = words[0]
        self.waits = list(waits)
        self.value = None
        self.number = None
        self.fields = {}
        self.tags = []
        if self.code not in CODES:
            return
        words = words[1:]
        if self.code in ("VA", "HD") and words and words[0].isdigit():
            self.number = int(words.pop(0))
        self.tags = [word[1:] for word in words if word[0] == "G"]
        for word in words:
            if word[0] == "G":
                continue
            harness.check(word and word[0] not in self.fields, f"an answer to a session verb: {line!r}")
            self.fields[word[0]] = word[1:]

    def __repr__(self):
        return f"<{self.line}>" + (f" {self.value!r}" if self.value is not None else "")

    def __getitem__(self, letter):
        harness.check(letter in self.fields, f"no {letter} in {self.line!r}")
        return self.fields[letter]

    def __contains__(self, letter):
        return letter in self.fields

    @property
    def token(self):
        return self["K"]

    def int(self, letter):
        return int(self[letter])


class Session:
    """A line of sl."""

    def __init__(self, line):
        code, self.handle, *words = line.split(" ")
        harness.check(code == "SE" and len(self.handle) == 16, f"a line of sl: {line!r}")
        self.line = line
        self.tags = [word[1:] for word in words if word[0] == "G"]
        self.fields = {word[0]: word[1:] for word in words if word[0] != "G"}

    def __repr__(self):
        return f"<{self.line}>"

    def int(self, letter):
        return int(self.fields[letter])


class Event:
    """A line of se."""

    def __init__(self, line):
        words = line.split(" ")
        harness.check(words[0] == "EV" and len(words) >= 5, f"a line of se: {line!r}")
        self.line = line
        self.number, self.wall_ms = int(words[1]), int(words[2])
        self.kind, self.handle, self.words = words[3], words[4], words[5:]

    def __repr__(self):
        return f"<{self.line}>"


def flags(**given):
    """The words of a line: K="7-3" is K7-3, r=True is r; None and False are none; a list is one word for each, and when
    it is empty the letter alone."""
    words = []
    for letter, value in given.items():
        if value is True:
            words.append(letter)
        elif isinstance(value, (list, tuple)):
            words += [f"{letter}{one}" for one in value] or [letter]
        elif value is not None and value is not False:
            words.append(f"{letter}{value}")
    return words


class Verbs(Client):
    def ask(self, *words, value=None):
        """Sends a verb, and reads nothing."""
        self.send(command(" ".join(str(word) for word in words), value))

    def answer(self):
        """The next answer, and before it the WT lines of one that waits."""
        waits = []
        while (line := self.line()).startswith("WT "):
            waits.append((int(line[3:]), time.monotonic()))
        answer = Answer(line, waits)
        if answer.code == "VA":
            answer.value = self.read(answer.number)
            harness.equal(self.read(2), b"\r\n", "behind the value of a session")
        return answer

    def ask_open(self, id, wait_ms=None, lease_s=None, life_s=None, holder=None, after=None, read_only=False,
                 must_exist=False, bot=False, application=None, **more):
        self.ask("so", id, *flags(W=wait_ms, L=lease_s, T=life_s, H=holder, S=after, r=read_only, e=must_exist, B=bot,
                                  A=application, **more))

    def open(self, id, **how):
        self.ask_open(id, **how)
        return self.answer()

    def write(self, id, value, token, life_s=None, absolute_s=None, client_flags=None, tags=None, keep=False, bot=False,
              application=None, **more):
        """`tags`: None leaves them as they are, a list replaces them."""
        self.ask("sw", id, len(value), *flags(K=token, T=life_s, E=absolute_s, F=client_flags, G=tags, l=keep, B=bot,
                                              A=application, **more), value=value)
        return self.answer()

    def close_session(self, id, token, life_s=None, succeeded_s=None, application=None, **more):
        self.ask("sc", id, *flags(K=token, T=life_s, s=succeeded_s, A=application, **more))
        return self.answer()

    def kill(self, id, token=None, succeed=False, application=None, **more):
        self.ask("sk", id, *flags(K=token, s=succeed, A=application, **more))
        return self.answer()

    def kill_handle(self, handle, **more):
        self.ask("sk", handle, "h", *flags(**more))
        return self.answer()

    def kill_tag(self, tag, spared=None, application=None, **more):
        self.ask("sk", tag, "g", *flags(X=spared, A=application, **more))
        return self.answer()

    def count(self, tag=None, application=None):
        self.ask("sn", *flags(G=tag, A=application))
        answer = self.answer()
        harness.check(answer.code == "HD" and answer.number is not None, f"answer to sn: {answer}")
        return answer.number

    def _lines(self, kind, line_type):
        found = []
        while (line := self.line()).startswith(kind + " "):
            found.append(line_type(line))
        end = Answer(line)
        harness.equal(end.code, "EN", "the end of a list")
        return found, end.fields.get("C")

    def page(self, cursor=None, n=None, tag=None, application=None, held=False, handle=None):
        """One page of sl: sessions, and the cursor when there is more."""
        self.ask("sl", *flags(C=cursor, N=n, G=tag, A=application, w=held, h=handle))
        return self._lines("SE", Session)

    def list(self, n=None, **which):
        """All pages of sl."""
        found, cursor = self.page(n=n, **which)
        while cursor is not None:
            more, cursor = self.page(cursor=cursor, n=n, **which)
            found += more
        return found

    def events(self, cursor=None, n=None):
        """One page of se: events, and the cursor to go on from."""
        self.ask("se", *flags(C=cursor, N=n))
        return self._lines("EV", Event)


@contextlib.contextmanager
def people(n, *options, **how):
    """Yields a server, and n clients of it."""
    with contextlib.ExitStack() as stack:
        s = stack.enter_context(harness.server(*options, **how))
        yield s, [stack.enter_context(Verbs(s.address)) for _ in range(n)]


def put(client, id, value=b"v", **how):
    """Makes a session, or writes it anew."""
    application = how.get("application")
    opened = client.open(id, application=application)
    harness.check(opened.code in ("EN", "VA"), f"open of {id}: {opened}")
    written = client.write(id, value, opened.token, **how)
    harness.equal(written.code, "HD", f"write of {id}: {written}")
    return written


def put_all(client, ids, value=b"v", application=None, **how):
    """Makes many that are not there yet, 100 at a time: a connection that opens another session gives the former's lease
    back, and the token stays good."""
    words = flags(T=how.get("life_s"), E=how.get("absolute_s"), G=how.get("tags"), A=application)
    for at in range(0, len(ids), 100):
        some = ids[at:at + 100]
        client.send(b"".join(command(" ".join(["so", id, *flags(A=application)])) for id in some))
        tokens = [client.answer().token for _ in some]
        client.send(b"".join(command(" ".join(["sw", id, str(len(value)), f"K{token}", *words]), value)
                             for id, token in zip(some, tokens)))
        for id in some:
            harness.equal(client.answer().code, "HD", f"write of {id}")
