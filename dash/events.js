/*
 * Events, live: what has happened to sessions, the newest first. The server keeps the last few thousand; who reads too late
 * is told how many have been missed.
 */
import * as api from "./api.js";
import { byId, el, setText, state, syncRows } from "./dom.js";
import { openDetails } from "./dialogs.js";
import * as format from "./format.js";

const ASKED = 500;  // at most, in one question
const SHOWN = 200;

/** kind: how it looks, and in words */
const KINDS = {
    "created": ["ok", "plus", "Created"],
    "deleted": ["free", "minus", "Logged out"],
    "expired": ["free", "clock", "Expired"],
    "killed": ["bad", "bad", "Killed"],
    "succeeded": ["held", "next", "Took a new id"],
    "evicted": ["bad", "bad", "Evicted, no room"],
    "lease-broken": ["warn", "warn", "Holder went away"],
    "refused": ["bad", "bad", "Refused, no room"],
};

let after;        // the number of the last event that was read
let list = [];    // the newest first
let missed = 0;

function makeRow(event) {
    const [kind, symbol, words] = KINDS[event.kind] ?? ["free", "dot", event.kind];
    let session = el("span", "note", "–");
    if (event.handle) {
        session = el("button", "link", event.handle);
        session.type = "button";
        session.addEventListener("click", () => openDetails(event.handle));
    }
    return el("tr", "", el("td", "", format.clock(event.time_ms)), el("td", "", state(kind, symbol, words)), el("td", "", session),
              el("td", "wide-only", format.application(event.application ?? "")), el("td", "number wide-only", format.count(event.number)));
}

function draw() {
    const kind = byId("kind").value;
    const wanted = kind ? list.filter(event => event.kind === kind) : list;
    syncRows(byId("event-list"), wanted.slice(0, SHOWN), event => event.number, makeRow, () => {});
    byId("events-empty").hidden = wanted.length > 0;
    const words = missed ? `, ${format.count(missed)} came too fast to be shown` : "";
    setText(byId("events-summary"), wanted.length ? `The newest ${format.things(Math.min(wanted.length, SHOWN), "event")}${words}` : "\u00a0");
}

/** Reads until nothing is new, a few questions at most; the next tick goes on. */
export async function tick() {
    for (let round = 0; round < 10; round++) {
        const answer = await api.events(after ?? 0, ASKED);
        missed += after === undefined ? 0 : answer.missed;
        if (after !== undefined && answer.next < after)
            reset(); // the server was started anew, and counts from 1
        after = answer.next;
        list = [...answer.events.reverse(), ...list].slice(0, 2000);
        if (answer.events.length < ASKED)
            break;
    }
    draw();
}

export function start() {
    for (const [kind, [, , words]] of Object.entries(KINDS))
        byId("kind").append(new Option(words, kind));
    byId("kind").addEventListener("change", draw);
}

export function reset() {
    after = undefined;
    list = [];
    missed = 0;
}

export const know = () => {};
export const show = tick;
