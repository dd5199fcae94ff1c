"""A server that answers requests from a script, so that tables can be compared letter by letter, and trouble comes when a
test wants it."""

import contextlib
import socket
import threading

CLOSE = None  # as an answer: the connection is closed


class Scripted:
    """`answers`: what to say to a line that begins so: bytes, CLOSE, or a list of these, one after the other, the last one
    again and again. The longest beginning that fits counts. `asked` has all lines."""

    def __init__(self, answers):
        self.answers = {begin: list(said) if isinstance(said, list) else [said] for begin, said in answers.items()}
        self.asked = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.address = self.listener.getsockname()

    def _answer(self, line):
        fitting = [begin for begin in self.answers if line.startswith(begin)]
        if not fitting:
            return b"ERROR\r\n"
        said = self.answers[max(fitting, key=len)]
        return said.pop(0) if len(said) > 1 else said[0]

    def _serve_one(self, peer):
        with peer, contextlib.suppress(OSError), peer.makefile("rb") as lines:
            for line in lines:
                line = line.decode().rstrip("\r\n")
                self.asked.append(line)
                answer = self._answer(line)
                if answer is CLOSE:
                    return
                peer.sendall(answer)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self._serve_one, args=(peer,), daemon=True).start()


@contextlib.contextmanager
def scripted(answers):
    one = Scripted(answers)
    threading.Thread(target=one._serve, daemon=True).start()
    try:
        yield one
    finally:
        with contextlib.suppress(OSError):
            one.listener.shutdown(socket.SHUT_RDWR)
        one.listener.close()
