/*
 * The sessions: search, and a list in pages. The server goes through its sessions by a cursor and has no way back, so the
 * page keeps the cursors it has come by. A page is asked for, drawn and forgotten: a million sessions are as fast as a
 * hundred. The list does not change by itself, or it would move under the pointer; "Refresh" asks again.
 */
import * as api from "./api.js";
import { byId, el, setText, state, syncRows, tags, toast } from "./dom.js";
import { confirmKill, openDetails } from "./dialogs.js";
import * as format from "./format.js";

const PAGE = 100;
const HANDLE = /^[0-9a-f]{16}$/;

let which = {};       // { tag, application } of what is listed
let cursors = [];     // that led to this page and those before it; undefined is the first
let next = null;      // the cursor of the page behind this one
let total = null;
let asked = 0;        // number of the last question, so that a late answer to an earlier one is dropped
let admin = false;

const rowButtons = () => [...byId("list").querySelectorAll("button")];

/** One stop for the tab key in the whole list; the arrows move within. */
function setStop(button) {
    for (const other of rowButtons())
        other.tabIndex = other === button ? 0 : -1;
}

export function stateOf(session) {
    if (session.waiting > 0)
        return state("warn", "warn", `${format.count(session.waiting)} waiting`);
    return session.held ? state("held", "held", `held ${format.milliseconds(session.held_ms)}`) : state("free", "free", "free");
}

function makeRow(session) {
    const open = el("button", "link", session.handle);
    open.type = "button";
    open.tabIndex = -1;
    const under = session.tags.length ? [el("div", "narrow-only", tags(session.tags))] : [];
    return el("tr", "", el("td", "", open, ...under), el("td", "", stateOf(session)),
              el("td", "narrow-off", tags(session.tags)),
              el("td", "wide-only", format.application(session.application)),
              el("td", "number narrow-off", format.seconds(session.idle_s)),
              el("td", "number wide-only", format.seconds(session.age_s)),
              el("td", "number wide-only", format.seconds(session.ttl_s)),
              el("td", "number narrow-off", format.bytes(session.size)));
}

function summaryWords(shown) {
    const words = which.tag === undefined ? "" : ` with the tag ${which.tag}`;
    if (total === null)
        return `${format.things(shown, "session")} on this page${words}`;
    return `${format.things(total, "session")}${words}`;
}

function showEmpty(words, advice) {
    const empty = byId("list-empty");
    empty.hidden = !words;
    setText(empty.firstElementChild, words || "");
    setText(empty.lastElementChild, advice || "");
}

function showSummary(shown) {
    const first = (cursors.length - 1) * PAGE;
    const place = shown ? `${format.count(first + 1)} to ${format.count(first + shown)}, at ${format.clock(Date.now())}` : "";
    byId("summary").replaceChildren(`${summaryWords(shown)} `, el("small", "", place));
    const kill = byId("kill-tag");
    kill.hidden = !(admin && which.tag !== undefined && shown > 0);
    setText(kill, "Kill all with this tag");
}

/** A row is replaced whole: an answer is a picture of one moment. */
function showPage(page, focus) {
    byId("list").replaceChildren();
    syncRows(byId("list"), page.sessions, session => session.handle, makeRow, () => {});
    next = page.cursor;
    byId("before").disabled = cursors.length < 2;
    byId("after").disabled = next === null;
    const buttons = rowButtons();
    setStop(buttons[0]);
    if (page.sessions.length)
        showEmpty(null);
    else if (which.tag !== undefined)
        showEmpty("No session has this tag", which.application === undefined
            ? "Tags belong to an application: without a choice it is the default one's. Write the tag whole, as user:42."
            : "Write the tag whole, as user:42, or choose another application.");
    else
        showEmpty("No sessions here", "They show up as soon as visitors come.");
    showSummary(page.sessions.length);
    if (focus)
        (focus === "last" ? buttons[buttons.length - 1] : buttons[0])?.focus();
}

/**
 * A page. The server looks for a moment and may answer with less than was asked for, and a cursor: then it is asked on, until
 * the page is full or the end is reached, or somebody has asked for something else.
 */
async function read(question, cursor) {
    const found = [];
    for (;;) {
        const answer = await api.sessions(which, cursor, PAGE - found.length);
        found.push(...answer.sessions);
        cursor = answer.cursor;
        if (found.length >= PAGE || cursor === null || question !== asked)
            return { sessions: found, cursor };
        setText(byId("summary"), `Looking: ${format.things(found.length, "session")} found so far`);
    }
}

async function load(focus) {
    const question = ++asked;
    const busy = byId("list-scroll");
    busy.setAttribute("aria-busy", "true");
    try {
        const page = await read(question, cursors[cursors.length - 1]);
        if (question === asked)
            showPage(page, focus);
    } catch (error) {
        if (error.status === 401)
            throw error;
        if (question === asked) {
            byId("list").replaceChildren();
            showEmpty("The list could not be read", error.message);
            setText(byId("summary"), "\u00a0");
        }
    } finally {
        if (question === asked)
            busy.removeAttribute("aria-busy");
    }
}

async function loadFirst() {
    cursors = [undefined];
    total = null;
    const question = asked + 1;
    await load();
    const counted = await api.count(which).catch(() => null);
    if (question === asked) {
        total = counted;
        showSummary(byId("list").children.length);
    }
}

function turn(forward, focus) {
    if (forward && next !== null)
        cursors.push(next);
    else if (!forward && cursors.length > 1)
        cursors.pop();
    else
        return;
    byId("list-scroll").scrollIntoView({ block: "nearest" });
    load(focus);
}

function addressOf(tag, application) {
    const words = new URLSearchParams();
    if (tag)
        words.set("tag", tag);
    if (application !== "*")
        words.set("application", application);
    const text = words.toString();
    return `#/sessions${text ? `?${text}` : ""}`;
}

/** What is searched for is in the address, so it can be kept as a bookmark and the browser's "back" works. */
async function search() {
    const text = byId("find").value.trim();
    const application = byId("application").value;
    if (HANDLE.test(text.toLowerCase()) && await openDetails(text.toLowerCase()))
        return;
    const address = addressOf(text, application);
    if (location.hash === address)
        loadFirst();
    else
        location.hash = address;
}

async function killTag() {
    const words = which.application === undefined ? "" : ` of the application ${format.application(which.application)}`;
    const n = await api.count(which);
    const killed = await confirmKill(
        `Kill ${format.things(n, "session")}?`,
        `All with the tag ${which.tag}${words}. Who uses them is logged out at once; this cannot be undone.`,
        `Kill ${format.things(n, "session")}`, () => api.killTag(which));
    if (killed !== null) {
        toast(`${format.things(killed, "session")} killed.`);
        loadFirst();
    }
}

function onKey(event) {
    const buttons = rowButtons();
    const at = buttons.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey)
        return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to !== undefined && buttons[to]) {
        setStop(buttons[to]);
        buttons[to].focus();
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        turn(event.key === "ArrowRight", "first");
    } else if (to === undefined) {
        return;
    }
    event.preventDefault();
}

/** The choice of applications follows what the server has. */
export function know(status) {
    const select = byId("application");
    const wanted = ["*", ...status.applications.map(app => app.name)];
    if (which.application !== undefined && !wanted.includes(which.application))
        wanted.push(which.application);
    if ([...select.options].map(option => option.value).join("\n") === wanted.join("\n"))
        return;
    const chosen = select.value;
    select.replaceChildren(...wanted.map(name => new Option(name === "*" ? "All" : format.application(name), name)));
    select.value = wanted.includes(chosen) ? chosen : "*";
}

export function start() {
    byId("search").addEventListener("submit", event => {
        event.preventDefault();
        search();
    });
    byId("application").addEventListener("change", search);
    byId("clear").addEventListener("click", () => {
        byId("find").value = "";
        byId("application").value = "*";
        search();
        byId("find").focus();
    });
    byId("refresh").addEventListener("click", () => load());
    byId("before").addEventListener("click", () => turn(false));
    byId("after").addEventListener("click", () => turn(true));
    byId("kill-tag").addEventListener("click", killTag);
    byId("list").addEventListener("keydown", onKey);
    byId("list").addEventListener("click", event => {
        const row = event.target.closest("tr");
        if (row && !getSelection().toString()) {
            setStop(row.querySelector("button"));
            openDetails(row.dataset.key);
        }
    });
    document.addEventListener("killed", () => byId("sessions").hidden || load());
}

export const reset = () => byId("list").replaceChildren();
export const tick = () => {};

export function show(parameters, role) {
    admin = role === "admin";
    which = { tag: parameters.get("tag") ?? undefined, application: parameters.get("application") ?? undefined };
    byId("find").value = which.tag ?? "";
    const select = byId("application");
    if (which.application !== undefined && ![...select.options].some(option => option.value === which.application))
        select.append(new Option(format.application(which.application), which.application));
    select.value = which.application ?? "*";
    return loadFirst();
}
