"""HTTP: what docs/openapi.json says is what is served, no more and no less; and what Prometheus reads."""

import json
import pathlib
import re
import shutil
import socket
import subprocess

import harness
from harness import ROOT, check, equal
from verbs import Verbs, put, put_all
from web import web

API = json.loads((ROOT / "docs/openapi.json").read_text())
METHODS = {"get", "post", "delete", "put", "patch"}


def routes_of_source():
    """(method, path, role, parameters) of each row of the table."""
    rows = re.findall(r'\{"([A-Z]+)", "(/[^"]*)", HTTP_([A-Z]+), "([^"]*)", ?\w+\}', (ROOT / "src/http/route.c").read_text())
    for method, path, role, words in rows:
        yield method.lower(), path + "{handle}" if path.endswith("/") else path, role.lower(), {w for w in words.split(",") if w}


def operations():
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            check(method in METHODS, f"{path} has {method}")
            yield path, method, operation


def parameters(operation, where):
    return {one["name"]: one for one in operation.get("parameters", []) if one["in"] == where}


def test_description_and_source_have_the_same_routes():
    described = {(method, path, operation["x-role"], frozenset(parameters(operation, "query")))
                 for path, method, operation in operations()}
    served = {(method, path, role, frozenset(words)) for method, path, role, words in routes_of_source()}
    check(len(served) > 12, f"routes found in the source: {served}")
    equal(sorted(map(str, described - served)), [], "described, and not served")
    equal(sorted(map(str, served - described)), [], "served, and not described")


# A JSON value against a schema, as far as the file uses them

def resolve(schema):
    while "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
KNOWN = {"type", "description", "properties", "required", "additionalProperties", "items", "nullable", "enum", "pattern"}


seen = set()  # ids of those that a value was held against


def objects_in(schema):
    """Those with fields, in what is answered."""
    if isinstance(schema, list):
        return [found for one in schema for found in objects_in(one)]
    if not isinstance(schema, dict):
        return []
    found = [schema] if schema.get("type") == "object" and "properties" in schema else []
    return found + [more for name, one in schema.items() if name != "requestBody" for more in objects_in(one)]


def conform(value, schema, where):
    schema = resolve(schema)
    check(set(schema) <= KNOWN, f"{where}: a word of JSON Schema that this test does not know: {set(schema) - KNOWN}")
    if value is None:
        check(schema.get("nullable"), f"{where} is null")
        return
    if "type" not in schema:
        return
    wanted = schema["type"]
    seen.add(id(schema))
    check(isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool)),
          f"{where} is no {wanted}: {value!r}")
    if "enum" in schema:
        check(value in schema["enum"], f"{where} is none of {schema['enum']}: {value!r}")
    if "pattern" in schema:
        check(re.search(schema["pattern"], value), f"{where} is not like {schema['pattern']}: {value!r}")
    if wanted == "array":
        for i, one in enumerate(value):
            conform(one, schema["items"], f"{where}[{i}]")
    if wanted == "object" and "properties" in schema:
        equal(sorted(value), sorted(schema["properties"]), f"fields of {where}")
        equal(schema["required"], list(schema["properties"]), f"{where}: what is required")
        check(schema["additionalProperties"] is False, f"{where}: more is allowed")
        for name, one in value.items():
            conform(one, schema["properties"][name], f"{where}.{name}")


def content_of(operation, status):
    check(str(status) in operation["responses"], f"{operation['operationId']} was answered {status}, which is not described")
    (kind, content), = operation["responses"][str(status)]["content"].items()
    return kind, content["schema"]


def check_answer(answer, operation):
    kind, schema = content_of(operation, answer.status)
    equal(answer.headers["content-type"].split(";")[0], kind, f"type of {operation['operationId']}")
    if kind == "application/json":
        conform(json.loads(answer.body), schema, operation["operationId"])


def crowd(v):
    put_all(v, [f"s-{i}" for i in range(30)], tags=["t"])
    put_all(v, ["a", "b"], application="shop")
    put_all(v, ["forever"], life_s=0)
    v.open("s-1", holder="web1/7/cart")


def test_all_answers_are_as_described():
    with web() as (s, w), Verbs(s.address) as v:
        crowd(v)
        handle = next(one["handle"] for one in w.get("/api/v1/sessions")["sessions"] if one["ttl_s"] == -1)
        examples = {"application": "shop", "tag": "t", "limit": "7", "after": "3"}
        for path, method, operation in sorted(operations(), key=lambda one: one[1] == "delete"):
            how = {"method": method.upper()}
            if "requestBody" in operation:
                how.update(body=json.dumps({"token": w.admin}), headers={"Content-Type": "application/json"}, token=None)
            place = path.replace("{handle}", handle)
            queries = [""] + [f"{name}={examples[name]}" for name in parameters(operation, "query") if name in examples]
            for query in queries:
                answer = w.ask(path=f"{place}?{query}" if query else place, **how)
                required = [one for one in parameters(operation, "query").values() if one["required"]]
                wanted = 400 if any(one["name"] not in query for one in required) else 200
                equal(answer.status, wanted, f"{method} {place} {query}, which said {answer.body}")
                check_answer(answer, operation)
            answer = w.ask(path=f"{place}?nonsense=1", **how)
            equal(answer.status, 400, f"{method} {place} with a parameter that nobody knows")
            check_answer(answer, operation)
    unseen = [list(one["properties"]) for one in objects_in([API["paths"], API["components"]["schemas"]]) if id(one) not in seen]
    equal(unseen, [], "described, and not one was served here")


def test_all_refusals_are_as_described():
    with web() as (s, w):
        for path, method, operation in operations():
            place = path.replace("{handle}", "0123456789abcdef")
            refusals = [w.ask(method.upper(), place, headers={"Host": "evil.example"})]
            if operation["x-role"] != "nobody":
                equal(operation.get("security"), None, f"security of {path}")
                refusals += [w.ask(method.upper(), place, token=None), w.ask(method.upper(), place, token="x" * 64)]
                equal([one.status for one in refusals[1:]], [401, 401], f"{method} {path} without a token, with a wrong one")
            else:
                equal(operation["security"], [], f"security of {path}")
            if operation["x-role"] == "admin":
                refusals.append(w.ask(method.upper(), place, token=w.reader))
            equal({refusals[0].status, refusals[-1].status} - {401}, {403}, f"{method} {path}")
            for answer in refusals:
                check_answer(answer, operation)
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"):
            for path in API["paths"]:
                if method.lower() in API["paths"][path]:
                    continue
                answer = w.ask(method, path.replace("{handle}", "0123456789abcdef"))
                equal(answer.status, 405, f"{method} {path}")
                allowed = {one.strip().lower() for one in answer.headers["allow"].split(",")} - {"head"}
                equal(allowed, set(API["paths"][path]), f"what {path} allows")


def test_a_method_of_any_bytes():
    """It is named in the answer, which is JSON all the same; found by fuzz/fuzz_http.c."""
    with web() as (s, w), socket.create_connection(("127.0.0.1", w.port), timeout=20 * harness.slow) as c:
        c.sendall(b"G\xcaT /api/v1/count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, body = b"".join(iter(lambda: c.recv(4096), b"")).partition(b"\r\n\r\n")
        check(head.startswith(b"HTTP/1.1 405 ") and "G\ufffdT" in json.loads(body)["error"], f"{head} {body}")


def test_description_is_served():
    with web() as (s, w):
        answer = w.ask("GET", "/api/v1/openapi.json", token=None)
        equal((answer.status, json.loads(answer.body)), (200, API), "the description")
        head = w.ask("HEAD", "/api/v1/openapi.json", token=None)
        equal((head.status, head.body, head.headers["content-length"]), (200, b"", str(len(answer.body))), "its head")


def test_figures_are_those_of_stats():
    with web() as (s, w), Verbs(s.address) as v:
        crowd(v)
        mine, theirs = w.get("/api/v1/stats"), v.stats()
        equal(sorted(mine), sorted(theirs), "names")
        for name in ("cloakroom_sessions", "cmd_set", "limit_maxbytes", "cloakroom_sync", "version", "threads"):
            equal(mine[name], theirs[name], name)
        check(isinstance(mine["rusage_user"], float) and isinstance(mine["version"], str), "numbers as numbers")


# ---- metrics ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\}})? (\S+)')
UNITS = ("_bytes", "_seconds", "_info", "_total")


def parse_metrics(text):
    """{name: (kind, help, {labels: value})}, by the strict reading of the text format 0.0.4."""
    check(text.endswith("\n") and "\r" not in text, "the end of the last line")
    found, now = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            check(re.fullmatch(NAME, name) and name not in found and words.strip(), f"a HELP: {line!r}")
            found[name], now = [None, words, {}], name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            check(name == now and found[name][0] is None and not found[name][2], f"a TYPE in the wrong place: {line!r}")
            check(kind in ("counter", "gauge"), f"a kind: {line!r}")
            found[name][0] = kind
        else:
            match = SAMPLE.fullmatch(line)
            check(match and match[1] == now and found[now][0], f"a sample in the wrong place: {line!r}")
            check(match[2] not in found[now][2], f"twice: {line!r}")
            found[now][2][match[2]] = float(match[3])
    return found


def test_metrics():
    with web() as (s, w), Verbs(s.address) as v:
        crowd(v)
        answer = w.ask("GET", "/metrics", token=w.reader)
        equal((answer.status, answer.headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "metrics")
        metrics = parse_metrics(answer.body.decode())
        for name, (kind, words, samples) in metrics.items():
            check(name.startswith("cloakroom_") and samples, f"{name}: {samples}")
            equal(kind == "counter", name.endswith("_total"), f"{name} is a {kind}: a counter ends so, and nothing else")
            check(words[0].isupper() and words.endswith("."), f"help of {name}: {words}")
            check(not re.search(r"_(ms|us|kb|mb|percent)(_|$)", name), f"{name}: a unit that is no base unit")
        stats = v.stats()
        for name, stat in (("cloakroom_sessions", "cloakroom_sessions"), ("cloakroom_memory_limit_bytes", "limit_maxbytes"),
                           ("cloakroom_session_writes_total", "cloakroom_session_writes")):
            equal(metrics[name][2], {None: float(stats[stat])}, name)
        equal(metrics["cloakroom_application_sessions"][2], {'application=""': 31.0, 'application="shop"': 2.0}, "applications")
        equal(metrics["cloakroom_session_events_total"][2]['kind="created"'], 33.0, "sessions created")
        check(metrics["cloakroom_recovery_seconds"][2][None] < 60, "recovery in seconds")


def test_promtool_has_no_objection():
    if not shutil.which("promtool"):
        raise harness.Skip("no promtool; tools/deps full installs it")
    with web() as (s, w), Verbs(s.address) as v:
        crowd(v)
        text = w.ask("GET", "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    equal((done.returncode, done.stdout + done.stderr), (0, b""), "promtool check metrics")


def names_used(path):
    return set(re.findall(r"\bcloakroom_[a-z_]+\b", pathlib.Path(path).read_text()))


def test_alerts_and_dashboard_use_what_there_is():
    """Each name in the rules and in Grafana's file is served; each expression stands in Prometheus's language."""
    with web() as (s, w):
        served = set(parse_metrics(w.ask("GET", "/metrics").body.decode()))
    for file in ("packaging/prometheus/alerts.yml", "packaging/grafana/cloakroom.json"):
        used = names_used(ROOT / file)
        check(len(used) > 5, f"names in {file}: {used}")
        equal(sorted(used - served), [], f"names in {file} that are not served")
    panels = json.loads((ROOT / "packaging/grafana/cloakroom.json").read_text())["panels"]
    check(all(panel["title"] and panel["targets"] for panel in panels), "panels with a title and an expression")


def test_promtool_reads_the_alerts():
    if not shutil.which("promtool"):
        raise harness.Skip("no promtool; tools/deps full installs it")
    for words in (["check", "rules", "packaging/prometheus/alerts.yml"],
                  ["test", "rules", "packaging/prometheus/alerts_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        equal(done.returncode, 0, f"promtool {' '.join(words)}, which said {done.stdout + done.stderr}")
