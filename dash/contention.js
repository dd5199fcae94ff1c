/*
 * Contention: the sessions that are held now, who holds them, for how long, and how many requests wait.
 */
import * as api from "./api.js";
import { byId, el, setText, state, syncRows, tags } from "./dom.js";
import { openDetails } from "./dialogs.js";
import * as format from "./format.js";

const MOST = 50;

function makeRow(session) {
    const open = el("button", "link", session.handle);
    open.type = "button";
    const row = el("tr", "", el("td", "", open, el("div", "narrow-only page mono")), el("td", "number"), el("td", "number"), el("td", "narrow-off page mono"),
                   el("td", "wide-only"), el("td", "wide-only", tags(session.tags)));
    open.addEventListener("click", () => openDetails(session.handle));
    return row;
}

function updateRow(row, session) {
    const [handle, waiting, held, page, place] = row.children;
    const holder = format.holder(session.holder);
    if (waiting.dataset.n !== String(session.waiting)) {
        waiting.dataset.n = String(session.waiting);
        waiting.replaceChildren(session.waiting ? state("warn", "warn", format.count(session.waiting)) : "–");
    }
    setText(held, session.held ? format.milliseconds(session.held_ms) : "–");
    setText(page, session.held ? holder.page : "(being handed over)");
    setText(handle.lastElementChild, page.textContent);
    page.title = session.holder;
    setText(place, session.held ? holder.place : "–");
}

export async function tick() {
    const { sessions } = await api.contention(MOST);
    const waiting = sessions.reduce((sum, session) => sum + session.waiting, 0);
    const shown = sessions.length >= MOST ? `The first ${MOST} sessions` : format.things(sessions.length, "session");
    syncRows(byId("contended"), sessions, session => session.handle, makeRow, updateRow);
    byId("contention-empty").hidden = sessions.length > 0;
    setText(byId("contention-summary"), `${shown} held, ${format.things(waiting, "request")} waiting`);
}

export const know = () => {};
export const start = () => {};
export const reset = () => byId("contended").replaceChildren();
export const show = tick;
