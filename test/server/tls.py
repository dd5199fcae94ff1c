"""TLS: -Z and the words ssl_… of -o; certificates are made here by the openssl command."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import harness
from harness import Skip, as_root, check, equal, folder, server, wait_for
from startup import refused
from wire import NOOP, Client, command, connect, packet, read_all

NOT_ALLOWED = "CLIENT_ERROR not allowed"


def openssl(*words, **how):
    if not shutil.which("openssl"):
        raise Skip("no openssl command")
    done = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, **how)
    check(done.returncode == 0, f"openssl {words[0]}: {done.stderr.decode()}")
    return done.stdout


def make_ca(where, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", where / f"{name}.key", "-out", where / f"{name}.pem", "-subj", f"/CN={name}")


def make_cert(where, name, ca="ca"):
    """NAME.pem and NAME.key, for localhost."""
    (where / "ext").write_text("subjectAltName=DNS:localhost\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", where / f"{name}.key",
            "-out", where / f"{name}.csr", "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", where / f"{name}.csr", "-CA", where / f"{ca}.pem", "-CAkey", where / f"{ca}.key",
            "-CAcreateserial", "-days", "2", "-extfile", where / "ext", "-out", where / f"{name}.pem")
    for path in where.iterdir():
        path.chmod(0o644)


@contextlib.contextmanager
def certificates():
    with folder() as where:
        make_ca(where, "ca")
        make_cert(where, "one")
        yield where


def words(where, name="one", **more):
    named = {"ssl_chain_cert": where / f"{name}.pem", "ssl_key": where / f"{name}.key", **more}
    return ["-Z", "-o", ",".join(f"{word}={value}" for word, value in named.items())]


def client_context(where, certificate=None, version=None):
    context = ssl.create_default_context(cafile=where / "ca.pem")
    if certificate:
        context.load_cert_chain(where / f"{certificate}.pem", where / f"{certificate}.key")
    if version:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class TlsClient(Client):
    def __init__(self, address, where, session=None, **more):
        context = client_context(where, **more)
        raw = connect(address)
        try:
            self.socket = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False,
                                              session=session)
        except BaseException:
            raw.close()
            raise
        self.buffer = bytearray()

    def name(self):
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


def name_at(address, where):
    with TlsClient(address, where) as c:
        return c.name()


def handshake_fails(address, where, **more):
    """With TLS 1.3 a client learns only when it reads that its certificate was not liked."""
    try:
        with TlsClient(address, where, **more) as c:
            c.send(b"mn\r\n")
            c.line()
    except (OSError, AssertionError):
        return
    raise AssertionError("the handshake should have failed")


def test_text_and_binary():
    with certificates() as where, server(*words(where)) as s:
        check("(TLS)" in s.ready, s.ready)
        with TlsClient(s.address, where) as c:
            c.store("k", b"v" * 1000)
            equal(c.get("k"), b"v" * 1000, "a value")
            stats = c.stats()
            equal((stats["ssl_handshake_errors"], stats["curr_connections"]), (0, 1), "errors, connections")
            check(stats["time_since_server_cert_refresh"] < 60, "time_since_server_cert_refresh")
            c.send(b"quit\r\n")
            equal(c.rest(), b"", "after quit")  # without a goodbye this raises
        with TlsClient(s.address, where) as c:
            equal(c.packet(NOOP), (NOOP, 0, b""), "noop")


def test_large_values_both_ways():
    values = {f"k{i}": os.urandom(1 << 10 << i) for i in range(10)}
    with certificates() as where, server(*words(where)) as s, TlsClient(s.address, where) as c:
        c.send(b"".join(command(f"set {key} 0 0 {len(value)}", value) for key, value in values.items()))
        for key in values:
            equal(c.line(), "STORED", key)
        c.send(command("get " + " ".join(values)))
        equal(c.hits(), values, "all values")


def test_what_openssl_holds_is_not_forgotten():
    """A record of 16 KiB that ends half a request and has more: what does not fit the buffer of that request stays in
    OpenSSL, and the socket does not show it."""
    with certificates() as where, server(*words(where)) as s, TlsClient(s.address, where) as c:
        for size in (2000, 20000, 40000):
            value = os.urandom(size)
            whole = command(f"set k 0 0 {size}", value)
            c.send(whole[:-1000])
            time.sleep(0.05)
            c.send(whole[-1000:] + b"mn\r\n" * 3000)
            equal(c.line(), "STORED", f"a value of {size} bytes")
            for n in range(3000):
                equal(c.line(), "MN", f"answer {n} after it")
            equal(c.get("k"), value, "the value")


def test_long_pipelines():
    with certificates() as where, server(*words(where), "-t", "1") as s, TlsClient(s.address, where) as c:
        c.store("k", b"x" * 1000)

        def send():
            for _ in range(50):
                c.send(b"get k\r\n" * 1000)

        def receive():
            for _ in range(50000):
                equal(c.hits(), {"k": b"x" * 1000}, "one of many")
        harness.in_threads([receive, send], 60)


def test_answers_that_are_not_taken():
    with certificates() as where, server(*words(where), "-t", "1") as s:
        with TlsClient(s.address, where) as slow, TlsClient(s.address, where) as other:
            slow.store("k", b"x" * 500000)
            slow.send(b"get k\r\n" * 20)
            time.sleep(0.2)
            other.store("j", b"v")
            for _ in range(20):
                equal(len(slow.hits()["k"]), 500000, "a late answer")


def test_a_record_byte_by_byte():
    """Over a memory BIO, so that what is sent can be cut."""
    with certificates() as where, server(*words(where)) as s:
        raw = connect(s.address)
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context(where).wrap_bio(into, out, server_hostname="localhost")

        def talk(function):
            while True:
                try:
                    return function()
                except ssl.SSLWantReadError:
                    for byte in out.read():
                        raw.sendall(bytes([byte]))
                    into.write(raw.recv(65536))
        talk(tls.do_handshake)
        tls.write(b"set k 0 0 3\r\nabc\r\n")
        equal(talk(lambda: tls.read(100)), b"STORED\r\n", "the answer")
        raw.close()


def test_handshakes_have_a_time_limit():
    with certificates() as where, server(*words(where, ssl_handshake_timeout=1)) as s:
        with TlsClient(s.address, where) as c:
            hello = ssl.MemoryBIO()
            with contextlib.suppress(ssl.SSLWantReadError):
                client_context(where).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
            half = hello.read()
            begin = time.monotonic()
            slow = [connect(s.address) for _ in range(20)]
            for i, one in enumerate(slow):
                one.sendall(half[:i * 10])
            for one in slow:
                equal(read_all(one), b"", "what a half handshake gets")
                one.close()
            took = time.monotonic() - begin
            check(0.9 < took < 3 * harness.slow, f"it took {took:.1f} s")
            stats = c.stats()
            equal((stats["ssl_handshake_errors"], stats["curr_connections"]), (20, 1), "errors, connections")
            drip = connect(s.address)
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                for byte in half:
                    drip.sendall(bytes([byte]))
                    time.sleep(0.05)
                    if time.monotonic() - begin > 3 * harness.slow:
                        raise AssertionError("a handshake byte by byte goes on")
            drip.close()
            c.store("k", b"v")  # older than the limit


def test_what_is_no_handshake():
    with certificates() as where, server(*words(where)) as s:
        for data in (b"get k\r\n", b"GET / HTTP/1.0\r\n\r\n", packet(NOOP), bytes(1000), os.urandom(1000)):
            with contextlib.closing(connect(s.address)) as raw:
                raw.sendall(data)
                check(b"END" not in read_all(raw), "plain text was answered")
        with TlsClient(s.address, where) as c:
            wait_for(lambda: c.stats()["ssl_handshake_errors"] == 5, "five failures are counted")


def test_listeners_without_tls():
    with certificates() as where:
        with server(*words(where), "-l", "notls:127.0.0.1:0,notls:readonly:127.0.0.1:0,noadmin:notls:127.0.0.1:0",
                    "-l", "readonly:127.0.0.1:0", "-s", str(where / "s.sock")) as s:
            addresses = [("127.0.0.1", port) for port in s.ports]
            with TlsClient(addresses[0], where) as c:
                c.store("k", b"v")
            with Client(addresses[1]) as c:
                c.store("k", b"w")
            with Client(addresses[2]) as c:
                equal((c.get("k"), c.set("k", b"x")), (b"w", NOT_ALLOWED), "notls:readonly:")
            with Client(addresses[3]) as c:
                c.store("k", b"x")
                equal(c.command("refresh_certs"), NOT_ALLOWED, "refresh_certs at noadmin:")
            with TlsClient(addresses[4], where) as c:
                equal((c.get("k"), c.set("k", b"y")), (b"x", NOT_ALLOWED), "readonly: with TLS")
            with Client(str(where / "s.sock")) as c:
                equal(c.get("k"), b"x", "the unix socket has no TLS")


def test_too_many_connections_get_no_words():
    with certificates() as where, server(*words(where), "-c", "1") as s, TlsClient(s.address, where):
        with contextlib.closing(connect(s.address)) as raw:
            equal(read_all(raw), b"", "one too many")


def test_client_certificates():
    with certificates() as where:
        make_cert(where, "client")
        make_ca(where, "other-ca")
        make_cert(where, "stranger", "other-ca")
        for mode, without, strange in ((0, True, True), (1, True, False), (2, False, False), (3, False, False)):
            ca = {"ssl_ca_cert": where / "ca.pem"} if mode else {}
            with server(*words(where, ssl_verify_mode=mode, **ca)) as s:
                for certificate, fine in ((None, without), ("client", True), ("stranger", strange)):
                    if not fine:
                        handshake_fails(s.address, where, certificate=certificate)
                        continue
                    with TlsClient(s.address, where, certificate=certificate) as c:
                        c.store("k", b"v")


def test_versions_and_ciphers():
    v1_1, v1_2, v1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    with certificates() as where:
        for minimum, good, bad in ((None, (v1_2, v1_3), (v1_1,)), ("tlsv1.3", (v1_3,), (v1_2,)), ("3", (v1_3,), (v1_2,))):
            with server(*words(where, **({"ssl_min_version": minimum} if minimum else {}))) as s:
                for version in good:
                    with TlsClient(s.address, where, version=version) as c:
                        c.store("k", b"v")
                for version in bad:
                    handshake_fails(s.address, where, version=version)
        with server(*words(where, ssl_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")) as s:
            with TlsClient(s.address, where, version=v1_2) as c:
                equal(c.socket.cipher()[0], "ECDHE-ECDSA-AES256-GCM-SHA384", "the cipher")


def test_sessions_are_resumed_if_asked_for():
    with certificates() as where:
        for more, wanted in ({}, False), ({"ssl_session_cache": None}, True):
            options = words(where)
            options[-1] += ",ssl_session_cache" if more else ""
            with server(*options) as s:
                context = client_context(where)
                session, reused = None, False
                for _ in range(2):
                    with connect(s.address) as raw:
                        with context.wrap_socket(raw, server_hostname="localhost", session=session) as one:
                            one.sendall(b"mn\r\n")
                            equal(one.recv(4), b"MN\r\n", "mn")
                            session, reused = one.session, one.session_reused
                equal(reused, wanted, f"resumed, with {options[-1]}")


def test_key_in_the_chain_and_in_der():
    with certificates() as where:
        (where / "both.pem").write_text((where / "one.pem").read_text() + (where / "one.key").read_text())
        with server("-Z", "-o", f"ssl_chain_cert={where / 'both.pem'}") as s:
            equal(name_at(s.address, where), "one", "the key in the chain's file")
        openssl("pkey", "-in", where / "one.key", "-outform", "DER", "-out", where / "one.der")
        (where / "one.der").chmod(0o644)
        with server(*words(where, ssl_key=where / "one.der", ssl_keyformat="DER")) as s:
            equal(name_at(s.address, where), "one", "a key in DER")


def test_settings_are_shown_as_memcached_shows_them():
    def settings(**more):
        with certificates() as where, server(*words(where, **more), notes=len(more)) as s, TlsClient(s.address, where) as c:
            c.send(b"stats settings\r\n")
            found = {}
            while (line := c.line()) != "END":
                found[line.split(" ")[1]] = line.split(" ", 2)[2]
            return found
    shown = settings()
    expected = {"ssl_enabled": "yes", "ssl_session_cache": "no", "ssl_kernel_tls": "no", "ssl_verify_mode": "0",
                "ssl_keyformat": "1", "ssl_ciphers": "NULL", "ssl_ca_cert": "NULL", "ssl_wbuf_size": "16384",
                "ssl_min_version": "tlsv1.2"}
    equal({name: shown.get(name) for name in expected}, expected, "stats settings")
    equal(settings(ssl_wbuf_size=64)["ssl_wbuf_size"], "65536", "what is ignored, as it was written")


def test_reload():
    with certificates() as where:
        make_cert(where, "two")
        for name in ("pem", "key"):
            shutil.copy(where / f"one.{name}", where / f"live.{name}")
        with server(*words(where, "live")) as s, TlsClient(s.address, where) as before:
            equal(before.name(), "one", "the first certificate")
            for name in ("pem", "key"):
                shutil.copy(where / f"two.{name}", where / f"live.{name}")
            equal(before.command("refresh_certs"), "OK", "refresh_certs")
            equal(name_at(s.address, where), "two", "after refresh_certs")
            before.store("k", b"v")
            for name in ("pem", "key"):
                shutil.copy(where / f"one.{name}", where / f"live.{name}")
            s.child.send_signal(signal.SIGHUP)
            wait_for(lambda: name_at(s.address, where) == "one", "the new certificate after SIGHUP")
            before.send(b"refresh_certs noreply\r\nmn\r\n")
            equal(before.line(), "MN", "refresh_certs noreply")


def test_reload_of_what_is_broken_changes_nothing():
    with certificates() as where:
        make_cert(where, "two")
        for name in ("pem", "key"):
            shutil.copy(where / f"one.{name}", where / f"live.{name}")
        with server(*words(where, "live")) as s, TlsClient(s.address, where) as c:
            shutil.copy(where / "two.key", where / "live.key")
            answer = c.command("refresh_certs")
            check(answer.startswith("SERVER_ERROR -o ssl_key") and "mismatch" in answer, answer)
            (where / "live.pem").write_text("no certificate")
            s.child.send_signal(signal.SIGHUP)
            said = wait_for(lambda: [line for line in s.said().splitlines() if "SIGHUP" in line], "it is said")
            check("ssl_chain_cert" in said[0] and "live.pem" in said[0], said[0])
            (where / "live.pem").unlink()
            check("No such file" in c.command("refresh_certs"), "a file that is gone")
            equal(name_at(s.address, where), "one", "the certificate from before")
            s.ready = s.said().strip()


def test_refresh_certs_without_tls():
    with server() as s, Client(s.address) as c:
        check("TLS not enabled" in c.command("refresh_certs"), "refresh_certs")


def test_refused_at_the_start():
    with certificates() as where:
        make_cert(where, "two")
        (where / "junk").write_text("junk\n")
        openssl("pkey", "-in", where / "one.key", "-aes128", "-passout", "pass:x", "-out", where / "locked.key")
        for options, wanted in (
                (["-Z"], ["ssl_chain_cert"]),
                (words(where, ssl_chain_cert=where / "none"), ["ssl_chain_cert", "none", "No such file"]),
                (words(where, ssl_chain_cert=where / "junk"), ["ssl_chain_cert", "junk", "no start line"]),
                (words(where, ssl_key=where / "none"), ["ssl_key", "none", "No such file"]),
                (words(where, ssl_key=where / "two.key"), ["ssl_key", "two.key", "mismatch"]),
                (words(where, ssl_key=where / "locked.key"), ["ssl_key", "locked.key"]),
                (words(where, ssl_ca_cert=where / "junk"), ["ssl_ca_cert", "junk"]),
                (words(where, ssl_verify_mode=2), ["ssl_verify_mode", "ssl_ca_cert"]),
                (words(where, ssl_verify_mode=4), ["ssl_verify_mode"]),
                (words(where, ssl_min_version="tlsv2"), ["ssl_min_version", "tlsv1.2"]),
                (words(where, ssl_keyformat="ENGINE"), ["ssl_keyformat", "PEM"]),
                (words(where, ssl_ciphers="NONSENSE"), ["ssl_ciphers", "NONSENSE"])):
            refused([*options, "-l", "127.0.0.1:0", *as_root()], *wanted)


def test_login_over_tls():
    with certificates() as where:
        (where / "users").write_text("alice:secret\n")
        with server(*words(where), "-Y", str(where / "users")) as s, TlsClient(s.address, where) as c:
            equal(c.command("mn"), "CLIENT_ERROR unauthenticated", "before")
            equal(c.command("set x 0 0 12", b"alice secret"), "STORED", "the login")
            equal(c.command("mn"), "MN", "after")


def test_openssl_s_client():
    with certificates() as where, server(*words(where)) as s:
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{s.ports[0]}", "-CAfile", where / "ca.pem",
                               "-verify_return_error", "-quiet"], input=b"set k 0 0 1\r\nv\r\nget k\r\nquit\r\n",
                              capture_output=True, timeout=20 * harness.slow)
        check(b"STORED\r\nVALUE k 0 1\r\nv\r\nEND\r\n" in done.stdout, f"{done.stdout!r} {done.stderr!r}")


def test_many_connections_come_and_go():
    with certificates() as where, server(*words(where), "-t", "2") as s:
        def visit():
            for i in range(30):
                with TlsClient(s.address, where) as c:
                    c.store("k", b"v" * i)
                    if i % 3 == 0:
                        c.socket.shutdown(socket.SHUT_RDWR)
        harness.in_threads([visit] * 4, 60)
        with TlsClient(s.address, where) as c:
            wait_for(lambda: c.stats()["curr_connections"] == 1, "all have gone")


def test_the_tool():
    tool = os.path.join(os.path.dirname(harness.program), "cloakroom")

    def ping(address):
        done = subprocess.run([tool, "--server", address, "ping", "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20 * harness.slow, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    with certificates() as where, server(*words(where)) as s:
        there = f"tls://localhost:{s.ports[0]}"
        good, said = ping(f"{there}?ca={where}/ca.pem")
        check(good and "1 of 1 answered" in said, said)
        good, said = ping(there)
        check(not good and "its certificate is not trusted" in said, said)
        good, said = ping(f"{there}?ca={where}/ca.pem&name=elsewhere")
        check(not good and "for another name than elsewhere" in said, said)
        check(ping(f"{there}?verify=0")[0], "whoever it is")
        good, said = ping(f"{there}?colour=blue")
        check(not good and "'colour' behind the ?" in said, said)
