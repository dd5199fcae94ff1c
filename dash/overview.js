/*
 * The overview: how full the server is and what happens then, the charts, the applications.
 */
import * as api from "./api.js";
import * as charts from "./charts.js";
import { byId, el, setText, syncRows } from "./dom.js";
import * as format from "./format.js";

const WARN_BELOW = 0.1;  // so much of the way to refusing is left: said in words and by stripes
const REFUSE_AT = 0.94;  // about, where the server does not say
const LATELY_S = 60;

function fillState(share, refuse) {
    if (share >= refuse || charts.refusedWithin(LATELY_S) > 0)
        return "bad";
    return share >= refuse - WARN_BELOW ? "warn" : "ok";
}

/** About how many more sessions of today's size there is room for. */
function roomWords(status, refuse, state) {
    const { used, limit } = status.memory;
    const left = limit * refuse - used;
    if (state === "bad" || left <= 0)
        return "No room for new sessions. Give more memory with -m, or shorten the lives of sessions.";
    if (status.sessions < 100)
        return `${format.bytes(left)} left until new sessions are refused.`;
    const more = Math.floor(left / (used / status.sessions));
    const round = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, more))) - 1);
    return `Room for about ${format.count(Math.floor(more / round) * round)} more sessions of this size.`;
}

function showFill(status) {
    const { used, limit, sessions_refused_at_percent: percent } = status.memory;
    const refuse = percent ? percent / 100 : REFUSE_AT;
    const share = limit > 0 ? used / limit : 0;
    const state = fillState(share, refuse);
    const figure = byId("fill-figure");
    const text = `${format.bytes(used)} of ${format.bytes(limit)}, ${format.percent(share)} full`;
    if (figure.dataset.said !== text) {
        figure.dataset.said = text;
        figure.replaceChildren(`${format.percent(share)} full `, el("small", "", `${format.bytes(used)} of ${format.bytes(limit)}`));
    }
    setText(byId("fill-note"), roomWords(status, refuse, state));
    setText(byId("fill-high"), format.bytes(limit));
    setText(byId("fill-mark"), `new ones refused from ${format.percent(refuse)}`);
    setText(byId("fill-then"), status.what_happens_when_full);
    const bar = byId("fill-bar");
    bar.dataset.state = state;
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    bar.setAttribute("aria-valuetext", text);
    bar.firstElementChild.style.width = `${Math.min(100, share * 100)}%`;
    bar.lastElementChild.style.left = `${refuse * 100}%`;
}

function showApplications(status) {
    const inUse = status.applications.filter(app => app.sessions > 0);
    if (!inUse.length) {
        byId("apps").replaceChildren(el("tr", "", el("td", "note", "No sessions yet. Point session.save_path at this server.")));
        return;
    }
    const cells = row => row.children;
    syncRows(byId("apps"), inUse, app => app.name, app => {
        const link = el("a", "", format.application(app.name));
        link.href = `#/sessions?application=${encodeURIComponent(app.name)}`;
        return el("tr", "", el("td", "", link), el("td", "number"), el("td", "number"));
    }, (row, app) => {
        setText(cells(row)[1], format.count(app.sessions));
        setText(cells(row)[2], status.sessions ? format.percent(app.sessions / status.sessions) : "–");
    });
}

export function know(status) {
    charts.know(status);
    showFill(status);
    showApplications(status);
}

export const start = () => charts.start();
export const reset = () => charts.reset();

export async function tick() {
    charts.add(await api.history(charts.lastTime()));
}

export const show = tick;
