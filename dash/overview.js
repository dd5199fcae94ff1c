/*
 * The overview: how full the server is and what happens then, the charts, the applications.
 */
import * as api from "./api.js";
import * as charts from "./charts.js";
import { byId, el, setText, syncRows } from "./dom.js";
import * as format from "./format.js";

const WARN_BELOW = 0.1; // so much of the way to refusing is left: said in words and by stripes

function fillState(share, refuse) {
    if (share >= refuse)
        return ["bad", "full"];
    return share >= refuse - WARN_BELOW ? ["warn", "nearly full"] : ["ok", "full"];
}

/** About how many more sessions of today's size there is room for. */
function roomWords(status, refuse) {
    const { used, limit } = status.memory;
    const left = limit * refuse - used;
    if (left <= 0)
        return "No room for new sessions. Give more memory with -m, or shorten the lives of sessions.";
    if (status.sessions < 100)
        return `${format.bytes(left)} left until new sessions are refused.`;
    const more = Math.floor(left / (used / status.sessions));
    const round = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, more))) - 1);
    return `Room for about ${format.count(Math.floor(more / round) * round)} more sessions of this size.`;
}

function showFill(status) {
    const { used, limit, sessions_refused_at_percent: percent } = status.memory;
    const refuse = (percent ?? 100) / 100;
    const share = limit > 0 ? used / limit : 0;
    const [state, words] = fillState(share, refuse);
    const figure = byId("fill-figure");
    const text = `${format.bytes(used)} of ${format.bytes(limit)}, ${format.percent(share)} full`;
    if (figure.dataset.said !== text) {
        figure.dataset.said = text;
        figure.replaceChildren(`${format.percent(share)} ${words} `, el("small", "", `${format.bytes(used)} of ${format.bytes(limit)}`));
    }
    setText(byId("fill-note"), roomWords(status, refuse));
    setText(byId("fill-high"), format.bytes(limit));
    setText(byId("fill-mark"), refuse < 1 ? `new ones refused from ${format.percent(refuse)}` : "");
    setText(byId("fill-then"), status.what_happens_when_full);
    const bar = byId("fill-bar");
    bar.dataset.state = state;
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    bar.setAttribute("aria-valuetext", text);
    bar.firstElementChild.style.width = `${Math.min(100, share * 100)}%`;
    bar.lastElementChild.style.left = `${refuse * 100}%`;
    bar.lastElementChild.hidden = refuse >= 1;
}

function showApplications(status) {
    const cells = row => row.children;
    syncRows(byId("apps"), status.applications, app => app.name, app => {
        const link = el("a", "", format.application(app.name));
        link.href = `#/sessions?application=${encodeURIComponent(app.name)}`;
        return el("tr", "", el("td", "", link), el("td", "number"), el("td", "number"));
    }, (row, app) => {
        setText(cells(row)[1], format.count(app.sessions));
        setText(cells(row)[2], status.sessions ? format.percent(app.sessions / status.sessions) : "–");
    });
    if (!status.applications.length)
        byId("apps").replaceChildren(el("tr", "", el("td", "note", "No sessions yet. Point session.save_path at this server.")));
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
