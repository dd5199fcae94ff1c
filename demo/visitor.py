"""What a visitor of the demo would do, through curl with a cookie jar; demo/demo checks itself by it."""

import contextlib
import os
import re
import subprocess
import tempfile


class Visitor:
    """Someone with a cookie jar, at one of the addresses."""

    def __init__(self, address, jar):
        self.address = address
        self.jar = jar

    def request(self, path="", **form):
        """Gets the page, or sends the form and follows; returns the page's data-... attributes."""
        fields = [argument for key, value in form.items() for argument in ("--data-urlencode", f"{key}={value}")]
        curl = subprocess.run(["curl", "-q", "--noproxy", "*", "-sS", "-L", "--fail", "--max-time", "10",
                               "-b", self.jar, "-c", self.jar, *fields, self.address + path],
                              capture_output=True, text=True)
        expect(curl.returncode == 0, f"{self.address} did not answer: {curl.stderr.strip()}")
        expect("<main data-" in curl.stdout, f"{self.address} answered something else than the shop")
        self.page = curl.stdout
        csrf = re.search(r'name="csrf" value="(\w+)"', curl.stdout)
        self.csrf = csrf[1] if csrf else self.csrf
        return dict(re.findall(r'data-(\w+)="([^"]*)"', curl.stdout))

    def send(self, path="", **form):
        return self.request(path, csrf=self.csrf, **form)


class CheckFailed(Exception):
    """Says what a visitor saw and should not have seen."""


def expect(condition, what):
    if not condition:
        raise CheckFailed(what)


def jar_in(folder):
    return tempfile.NamedTemporaryFile(dir=folder, prefix="cookies-")


def check_address(address, jar, webs):
    visitor = Visitor(address, jar)
    first = visitor.request()
    expect(first["requests"] == "1", f"a new session began with request {first['requests']}, not 1")

    visitor.send(action="login", name="Check")
    page = visitor.send(action="add", sku="umbrella")
    expect(page["user"] == "Check", f"logged in as Check, the page says '{page['user']}'")
    expect(page["requests"] == "5", f"two forms later the session counts {page['requests']} requests, not 5")

    seen = set()
    for n in range(6, 18):
        again = visitor.request()
        seen.add(again["server"])
        expect(again["requests"] == str(n), f"request {n} was counted as {again['requests']}")
        same = all(again[field] == page[field] for field in ("ticket", "user", "pieces"))
        expect(same, f"{again['server']} shows another session: {again} instead of {page}")
    expect(seen == set(webs), f"12 requests were answered by {' and '.join(sorted(seen))} only")

    visitor.send(action="logout")
    expect(visitor.request()["user"] == "", "still logged in after the log out")


def check(folder, addresses, webs):
    """At each address: log in, fill the cart, meet all web servers, log out. The cookies are kept in the folder."""
    for address in addresses:
        with jar_in(folder) as jar:
            check_address(address, jar.name, webs)


def check_store(folder, addresses, ways):
    """Who is logged in stays so in each way to end the store and start it anew: (its name, what does it)."""
    with contextlib.ExitStack() as jars:
        visitors = [Visitor(address, jars.enter_context(jar_in(folder)).name) for address in addresses]
        for visitor in visitors:
            visitor.request()
            visitor.send(action="login", name="Check")
        before = [visitor.send(action="add", sku="hat") for visitor in visitors]
        for what, restart in ways:
            restart()
            for visitor, page in zip(visitors, before):
                for _ in range(4):
                    now = visitor.request()
                    same = all(now[field] == page[field] for field in ("ticket", "user", "pieces"))
                    expect(same, f"cloakroomd was {what}, and {now['server']} shows {now} instead of {page}")
        for visitor in visitors:
            visitor.send(action="logout")


def check_devices(folder, address):
    """Who is logged in from three devices sees them, ends one, and then all."""
    name = f"Check {os.getpid()}"
    with contextlib.ExitStack() as jars:
        visitors = [Visitor(address, jars.enter_context(jar_in(folder)).name) for _ in range(3)]
        for visitor in visitors:
            visitor.request()
            visitor.send(action="login", name=name)
        mine, other, third = visitors
        page = mine.request("devices")
        expect(page["devices"] == "3", f"logged in from three devices, 'My devices' lists {page['devices']}")
        ticket = other.request()["ticket"]
        device = re.search(rf'name="device" value="(\w+)">[^>]*aria-label="Log out curl {ticket}"', mine.page)
        expect(device, f"'My devices' does not show the other one, {ticket}")
        page = mine.send("devices", action="end", device=device[1])
        expect(page["devices"] == "2", f"one of three was ended, and {page['devices']} are left")
        expect(other.request()["user"] == "", "the device that was ended is still logged in")
        expect(third.request()["user"] == name, "a device that was not ended is logged out")
        mine.send("devices", action="end-all")
        for visitor in visitors:
            expect(visitor.request()["user"] == "", "still logged in after 'Log out everywhere'")
