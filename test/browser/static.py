#!/usr/bin/env python3
"""What can be said of the dashboard without a browser: dash/ refers only to what exists, its scripts parse as far as quotes and
brackets go, nothing in it needs more than the content security policy allows, and vendored files are what was taken.

Then each check is shown a page with one fault planted, and has to see it. Prints `N passed, N failed`.
"""

import functools
import hashlib
import html.parser
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DECISION = "docs/decisions/0014-uplot-is-vendored.md"
TYPES = {".html", ".js", ".css", ".svg", ".txt"}
# uPlot makes these elements, and styles them by vendor/uPlot.min.css.
FOREIGN_CLASSES = {"uplot", "u-cursor-x"}
# What turns text into markup or code.
FORBIDDEN_JS = [r"\binnerHTML\b", r"\bouterHTML\b", r"\binsertAdjacentHTML\b", r"\bdocument\.write", r"\beval\s*\(", r"\bnew Function\b",
                r"\bcreateContextualFragment\b", r"\bDOMParser\b", r"\bsrcdoc\b", r"setAttribute\(\s*[\"'](?:style|on)", r"\bcssText\b",
                r"\bimport\s*\("]
ABSOLUTE = re.compile(r"(?:https?:)?//[\w.-]+\.\w")
OPENING = {")": "(", "]": "[", "}": "{"}


class Page(html.parser.HTMLParser):
    """The elements of a page: [(tag, {attribute: value})], the texts within scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inline = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        if self.cdata_elem and data.strip():
            self.inline.append(self.cdata_elem)

    def all(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


class Site:
    """The files of dash/ by name, and what is derived from them."""

    def __init__(self, files, decision):
        self.files, self.decision = files, decision
        self.page = Page(files["index.html"])
        self.scripts = {name: text for name, text in files.items() if name.endswith(".js") and "/" not in name}
        self.sheets = {name: text for name, text in files.items() if name.endswith(".css") and "/" not in name}
        self.bare = {name: without_texts(text)[0] for name, text in self.scripts.items()}


def read_site():
    folder = ROOT / "dash"
    files = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*")) if path.is_file()}
    return Site(files, (ROOT / DECISION).read_text(encoding="utf-8"))


@functools.cache
def without_texts(text):
    """JavaScript without comments and what is between quotes, and what is wrong with its quotes (None: nothing)."""
    out, i, braces, fault = [], 0, [], None
    pattern = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
                         r"|(?<=[=(,:\[!&|?{;\n])\s*/(?![/*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*", re.S)
    while i < len(text):
        if text[i] == "`" or (text[i] == "}" and braces and braces[-1] == "`"):
            if text[i] == "}":
                braces.pop()
                out.append("}")
            end = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)", re.S).match(text, i + 1)
            if not end:
                return "".join(out), "a template without an end"
            if end[1] == "${":
                braces.append("`")
                out.append("{")
            i = end.end()
            continue
        token = pattern.match(text, i)
        if token:
            out.append('""' if token[0][0] in "\"'" else " ")
            i = token.end()
            continue
        if text[i] in "\"'":
            fault = "a quote without an end"
        if text[i] == "{":
            braces.append("{")
        elif text[i] == "}" and braces:
            braces.pop()
        out.append(text[i])
        i += 1
    return "".join(out), fault


# ---- the checks: each gives what it finds ----

def check_page_is_bare(site):
    """No inline script, style or handler."""
    for tag, attributes in site.page.elements:
        for name, value in attributes.items():
            if name == "style" or name.startswith("on") or value.startswith("javascript:"):
                yield f"index.html: <{tag} {name}=…> is forbidden by the content security policy"
    for tag in site.page.inline:
        yield f"index.html: a <{tag}> with content is forbidden by the content security policy"


def check_files_exist(site):
    """src and href lead to files of dash/, or to something on the page."""
    ids = set(site.page.all("id"))
    for value in site.page.all("src") + site.page.all("href"):
        if value.startswith("#/"):
            if value[2:] not in ids:
                yield f"index.html: there is no view {value}"
        elif value.startswith("#"):
            if value[1:] not in ids:
                yield f"index.html: there is no {value}"
        elif value not in site.files:
            yield f"index.html: there is no file dash/{value}"


def check_ids(site):
    """Ids are unique, and what names one names one that is there."""
    ids = site.page.all("id")
    for name in {name for name in ids if ids.count(name) > 1}:
        yield f"index.html: two elements have the id {name}"
    for attribute in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
        for name in " ".join(site.page.all(attribute)).split():
            if name not in ids:
                yield f"index.html: {attribute} names {name}, which is not there"
    for path, text in site.scripts.items():
        for name in re.findall(r'byId\("([\w-]+)"\)', text):
            if name not in ids:
                yield f"{path}: no element has the id {name}"


def check_symbols(site):
    """Each symbol that a script draws is on the page."""
    symbols = {name[2:] for tag, attributes in site.page.elements for name in [attributes.get("id", "")] if tag == "symbol"}
    for path, text in site.scripts.items():
        used = re.findall(r'\b(?:icon\(|state\("\w+", |say\("\w+", )"(\w+)"', text)
        if path == "events.js":
            used += re.findall(r'\["\w+", "(\w+)", "', text)
        for name in used:
            if name not in symbols:
                yield f"{path}: there is no symbol i-{name}"


def check_labels(site):
    """Each control has a name: a label around it or for it, or aria-label."""
    labelled = set(site.page.all("for"))
    for tag, attributes in site.page.elements:
        if tag in ("input", "select") and attributes.get("type") != "radio" and "hidden" not in attributes:
            if attributes.get("id") not in labelled and "aria-label" not in attributes:
                yield f"index.html: <{tag} id={attributes.get('id')}> has no label"
        if tag in ("section", "dialog", "nav") and attributes.get("id") != "loading":
            if not {"aria-labelledby", "aria-label"} & set(attributes):
                yield f"index.html: a <{tag}> has no name"


def check_imports(site):
    """Each import names a file and what that file exports."""
    for path, text in site.scripts.items():
        for names, target in re.findall(r'^import (.+?) from "\./([\w.]+)";', text, re.M | re.S):
            if target not in site.scripts:
                yield f"{path}: imports {target}, which is not there"
                continue
            exported = set(re.findall(r"^export (?:async )?(?:function|const|class|let) (\w+)", site.scripts[target], re.M))
            wanted = re.findall(r"\w+", names) if names.startswith("{") else []
            if names.startswith("* as "):
                wanted = re.findall(rf"(?<![\w.]){names[5:]}\.(\w+)", site.bare[path])
            for name in sorted(set(wanted) - exported):
                yield f"{path}: {target} exports no {name}"


def check_scripts_parse(site):
    """Quotes end, and brackets come in pairs."""
    for path, text in site.scripts.items():
        bare, fault = without_texts(text)
        if fault:
            yield f"{path}: {fault}"
        open_brackets = []
        for character in bare:
            if character in "([{":
                open_brackets.append(character)
            elif character in OPENING and (not open_brackets or open_brackets.pop() != OPENING[character]):
                yield f"{path}: a {character} without its {OPENING[character]}"
                break
        else:
            if open_brackets:
                yield f"{path}: a {open_brackets[-1]} without an end"
    for path, text in site.sheets.items():
        if text.count("{") != text.count("}"):
            yield f"{path}: braces do not come in pairs"


def check_no_markup_from_text(site):
    """Scripts put text into the page as text, and run none."""
    for path, text in site.scripts.items():
        for pattern in FORBIDDEN_JS:
            if re.search(pattern, text):
                yield f"{path}: {pattern} turns text into markup, style or code"


def check_nothing_foreign(site):
    """No address of another host; style sheets load nothing."""
    for path in [*site.scripts, *site.sheets, "index.html"]:
        text = site.files[path].replace("http://www.w3.org/2000/svg", "")
        if ABSOLUTE.search(text):
            yield f"{path}: names another host"
    for path, text in site.sheets.items():
        if re.search(r"@import|\burl\(", text):
            yield f"{path}: loads something"


def check_classes(site):
    """Each class that is used is styled, and the other way round."""
    used = set(" ".join(site.page.all("class")).split()) | FOREIGN_CLASSES
    for text in site.scripts.values():
        used |= set(" ".join(re.findall(r'\bel\("\w+", "([\w -]*)"', text)).split())
    styled = set()
    for text in site.sheets.values():
        styled |= set(re.findall(r"\.([a-z][\w-]*)(?=[^{}]*\{)", re.sub(r"/\*.*?\*/", "", text, flags=re.S)))
    for name in sorted(styled - used):
        yield f"style: .{name} is styled, and nothing has this class"
    for name in sorted(used - styled - {"view"}):
        yield f"style: the class {name} is used, and not styled"


def check_variables(site):
    """Each variable that is used is defined, and the other way round."""
    sheets = "\n".join(site.sheets.values())
    defined = set(re.findall(r"(--[\w-]+):", sheets))
    used = set(re.findall(r"var\((--[\w-]+)\)", sheets + site.files["index.html"]))
    for text in site.scripts.values():
        used |= {f"--{name}" for name in re.findall(r'\bcolour\("([\w-]+)"\)', text)}
    for name in sorted(used ^ defined):
        yield f"style: {name} is " + ("not defined" if name in used else "not used")


def check_bundle(site):
    """Files are of kinds that the server knows, and what is vendored is what the decision names."""
    for name, text in site.files.items():
        if pathlib.PurePath(name).suffix not in TYPES:
            yield f"dash/{name}: the server knows no type for it"
        if name.startswith("vendor/") and hashlib.sha256(text.encode()).hexdigest() not in site.decision:
            yield f"dash/{name}: is not the file whose sha256 {DECISION} names"


CHECKS = [check_page_is_bare, check_files_exist, check_ids, check_symbols, check_labels, check_imports, check_scripts_parse,
          check_no_markup_from_text, check_nothing_foreign, check_classes, check_variables, check_bundle]

# (check, file, what to replace, with what): the check has to find one more fault then.
PLANTS = [
    (check_page_is_bare, "index.html", "<main ", '<main style="color: red" '),
    (check_page_is_bare, "index.html", "<main ", '<main onclick="x()" '),
    (check_page_is_bare, "index.html", "</body>", "<script>x()</script></body>"),
    (check_page_is_bare, "index.html", "</head>", "<style>p { color: red }</style></head>"),
    (check_files_exist, "index.html", 'src="app.js"', 'src="ap.js"'),
    (check_files_exist, "index.html", 'href="#i-mark"', 'href="#i-coat"'),
    (check_files_exist, "index.html", 'href="#/events"', 'href="#/event"'),
    (check_ids, "index.html", 'id="charts"', 'id="apps"'),
    (check_ids, "index.html", 'for="token"', 'for="tokens"'),
    (check_ids, "app.js", 'byId("banner")', 'byId("baner")'),
    (check_symbols, "sessions.js", '"free", "free"', '"free", "fre"'),
    (check_symbols, "events.js", '"clock"', '"watch"'),
    (check_labels, "index.html", '<label for="find">Tag or handle</label>', "Tag or handle"),
    (check_imports, "events.js", "./format.js", "./formats.js"),
    (check_imports, "events.js", "openDetails }", "openDetail }"),
    (check_imports, "events.js", "format.clock(", "format.watch("),
    (check_scripts_parse, "app.js", "start();\n", "start(;\n"),
    (check_scripts_parse, "app.js", '"main > section"', '"main > section'),
    (check_scripts_parse, "format.js", "${count(n)}", "${count(n)"),
    (check_scripts_parse, "views.css", "}\n", "\n"),
    (check_no_markup_from_text, "dom.js", "node.textContent = text", "node.innerHTML = text"),
    (check_nothing_foreign, "views.css", ".top {", ".top { background: url(x.png);"),
    (check_nothing_foreign, "index.html", 'href="base.css"', 'href="https://fonts.example.org/a.css"'),
    (check_classes, "index.html", 'class="skip"', 'class="skp"'),
    (check_variables, "views.css", "var(--line)", "var(--lines)"),
    (check_bundle, "vendor/uPlot.iife.js", "uPlot", "uplot"),
]


def main():
    site = read_site()
    passed = failed = 0
    for check in CHECKS:
        findings = list(check(site))
        for finding in findings:
            print(f"FAIL {finding}")
        passed += not findings
        failed += bool(findings)
    for check, name, old, new in PLANTS:
        files = dict(site.files)
        faulty = old in files[name]
        files[name] = files[name].replace(old, new, 1)
        if faulty and len(list(check(Site(files, site.decision)))) > len(list(check(site))):
            passed += 1
        else:
            failed += 1
            print(f"FAIL {check.__name__} does not see {new!r} in {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
