"""server: starts a memcached-like server on a free loopback port, waits until it answers, ends it by its pid."""

import os
import socket
import subprocess
import tempfile
import time

START_S = 10.0
TRIES = 5


# Who asks for a taken lock waits; told at once, as here, it is told what memcached says.
NO_WAITS = ["--lock-wait", "0"]


class CannotStart(Exception):
    pass


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def login(user):
    """The text that logs "name:password" in."""
    token = user.replace(":", " ")
    return ("set login 0 0 %d\r\n%s\r\n" % (len(token), token)).encode("ascii")


class Server:
    """`user`: "name:password", who has to log in. `udp`: also serves UDP, at the same port."""

    def __init__(self, path, extra_args=(), user=None, udp=False):
        self.path, self.user = path, user
        if user:
            self.users = tempfile.NamedTemporaryFile("w", prefix="cloakroom-users-")
            self.users.write(user + "\n")
            self.users.flush()
            extra_args = [*extra_args, "-Y", self.users.name]
        for attempt in range(TRIES):
            self.port = free_port()
            command = [path, "-l", "127.0.0.1", "-p", str(self.port), "-t", "2", "-m", "64",
                       "-U", str(self.port if udp else 0)]
            if os.geteuid() == 0:
                command += ["-u", "root"]
            if "cloakroomd" in os.path.basename(path):
                command += ["--http", "off"]
            self.log = tempfile.TemporaryFile()
            try:
                self.process = subprocess.Popen(command + list(extra_args), stdin=subprocess.DEVNULL,
                                                stdout=self.log, stderr=self.log)
            except OSError as error:
                raise CannotStart("%s: %s" % (path, error.strerror))
            if self._wait_ready():
                return
            output = self.output()
            self.stop()
            # Somebody else may have taken the port between free_port() and here: another try.
        raise CannotStart("%s did not come up in %d tries: %s" % (path, TRIES, output))

    def _wait_ready(self):
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                    sock.sendall((login(self.user) if self.user else b"") + b"version\r\n")
                    answer = b""
                    while answer.count(b"\r\n") < (2 if self.user else 1):
                        part = sock.recv(200)
                        if not part:
                            break
                        answer += part
                answer = answer[answer.find(b"VERSION "):]
                if answer.startswith(b"VERSION "):
                    self.version = answer[8:].strip().decode("latin-1")
                    return self.process.poll() is None
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def output(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace").strip()

    def death(self):
        """What is to be said when the server ended by itself; None while it lives."""
        status = self.process.poll()
        if status is None:
            return None
        return "%s ended with status %d: %s" % (self.path, status, self.output())

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
