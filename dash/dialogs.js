/*
 * The two dialogs: a session's details, and the question before a kill. Both are <dialog>: the browser keeps the focus
 * inside, Escape closes, and the focus goes back to where it came from.
 */
import * as api from "./api.js";
import { byId, el, setText, tags, toast } from "./dom.js";
import * as format from "./format.js";

const FRESH_MS = 2000; // the details of a session are asked for again, as long as they are open

let shown = null;  // handle
let timer = 0;
let admin = false;

function facts(session) {
    const held = format.holder(session.holder);
    const list = [
        ["Application", format.application(session.application)],
        ["Tags", tags(session.tags)],
        ["Made", `${format.seconds(session.age_s)} ago`],
        ["Last used", `${format.seconds(session.idle_s)} ago`],
        ["Ends", session.ttl_s < 0 ? "never" : `in ${format.seconds(session.ttl_s)}, if nobody uses it`],
        ["Size", format.bytes(session.size)],
        ["Held", session.held ? `for ${format.milliseconds(session.held_ms)}` : "by nobody"],
    ];
    if (session.held)
        list.push(["Page", held.page], ["Host", held.place]);
    list.push(["Waiting", session.waiting ? format.things(session.waiting, "request") : "nobody"]);
    return list.flatMap(([name, value]) => [el("dt", "", name), el("dd", "", value)]);
}

function showFacts(session) {
    byId("facts").replaceChildren(...facts(session));
    setText(byId("details-error"), "");
    byId("details-kill").hidden = !admin;
}

async function refresh() {
    const handle = shown;
    try {
        const session = await api.session(handle);
        if (shown === handle)
            showFacts(session);
    } catch (error) {
        if (shown !== handle)
            return;
        setText(byId("details-error"), error.status === 404 ? "This session has ended." : error.message);
        if (error.status === 404) {
            byId("details-kill").hidden = true;
            return;
        }
    }
    if (shown === handle)
        timer = setTimeout(refresh, FRESH_MS);
}

/** Shows a session's details; false when there is no such session. */
export async function openDetails(handle) {
    let session;
    try {
        session = await api.session(handle);
    } catch (error) {
        if (error.status === 404)
            toast("This session has ended, or there is none of this handle.");
        else
            toast(error.message);
        return false;
    }
    shown = handle;
    setText(byId("details-title"), `Session ${handle}`);
    showFacts(session);
    clearTimeout(timer);
    timer = setTimeout(refresh, FRESH_MS);
    if (!byId("details").open)
        byId("details").showModal();
    return true;
}

/**
 * Asks, and on yes does it: gives what `act` gave, or null. While it is done the buttons rest; what goes wrong is said in
 * the dialog, which then stays. The focus is on "Cancel": Enter pressed in haste kills nothing.
 */
export function confirmKill(title, text, label, act) {
    const dialog = byId("confirm"), yes = byId("confirm-yes");
    let result = null;
    setText(byId("confirm-title"), title);
    setText(byId("confirm-text"), text);
    setText(byId("confirm-error"), "");
    setText(yes, label);
    yes.disabled = false;
    yes.onclick = async () => {
        yes.disabled = true;
        try {
            result = await act();
            dialog.close();
        } catch (error) {
            setText(byId("confirm-error"), error.message);
            yes.disabled = false;
        }
    };
    dialog.showModal();
    byId("confirm-no").focus();
    return new Promise(resolve => dialog.addEventListener("close", () => resolve(result), { once: true }));
}

async function killShown() {
    const handle = shown;
    const killed = await confirmKill("Kill this session?",
        `Session ${handle}. Who uses it is logged out at once; this cannot be undone.`, "Kill session",
        () => api.kill(handle));
    if (killed !== null) {
        byId("details").close();
        toast(`${format.things(killed, "session")} killed.`);
        document.dispatchEvent(new Event("killed"));
    }
}

export function setRole(role) {
    admin = role === "admin";
}

export function closeAll() {
    for (const dialog of document.querySelectorAll("dialog[open]"))
        dialog.close();
}

export function start() {
    byId("details-kill").addEventListener("click", killShown);
    byId("details").addEventListener("close", () => {
        shown = null;
        clearTimeout(timer);
    });
    for (const dialog of document.querySelectorAll("dialog"))
        dialog.addEventListener("click", event => event.target === dialog && dialog.close()); // beside it
}
