/*
 * The charts of the overview, drawn by uPlot from the rows of /history.
 *
 * Each chart has one or two lines; the second is dashed and has another hue. What a line shows now, or under the pointer,
 * stands in words above it, and the canvas has it as its label, so neither colour nor sight is needed.
 */
import { byId, el, setText } from "./dom.js";
import * as format from "./format.js";

const KEPT = 901; // rows: a quarter of an hour, and one before it for the first difference
const YOUNG_S = 60;
const GAP_S = 5;  // a longer hole between two rows is shown as one

let names = [];
let rows = [];
let span = 900;
let charts = [];
let memoryLimit = 0;
let pointed = null; // index under the pointer

/** what: column of /history; rate: it counts up, its difference per second is shown */
const CHARTS = [
    { title: "Sessions", lines: [{ label: "now", what: "sessions" }], show: format.count },
    { title: "Opens and writes", lines: [{ label: "opens/s", what: "opens", rate: true },
                                         { label: "writes/s", what: "writes", rate: true }], show: format.rate },
    { title: "Waits", lines: [{ label: "waiting now", what: "waiting" }, { label: "waits begun/s", what: "waits", rate: true }],
      show: format.rate, link: ["#/contention", "Who holds them"] },
    { title: "Memory", lines: [{ label: "used", what: "memory" }, { label: "limit", limit: true }], show: format.bytes },
    { title: "Disk", lines: [{ label: "used", what: "disk" }], show: format.bytes,
      absent: ["Sessions are kept in memory only", "With --data they would outlive a restart."] },
    { title: "Refusals", lines: [{ label: "refused/s", what: "refused", rate: true }], show: format.rate,
      link: ["#/events", "Events"] },
];

/** The resolved colour of a variable of the style sheet; canvases do not know variables. */
function colour(name) {
    const probe = byId("charts");
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.style.removeProperty("color");
    return found;
}

/** Rates are of so many seconds: on a long chart single seconds would only be noise. */
const smooth = () => Math.max(1, span / 180);

function values(line) {
    if (line.limit)
        return rows.map(() => memoryLimit);
    const column = names.indexOf(line.what);
    if (column < 0)
        return rows.map(() => null);
    if (!line.rate)
        return rows.map(row => row[column]);
    return rows.map((row, i) => {
        const former = rows[Math.max(0, i - smooth())];
        const took = (row[0] - former[0]) / 1000;
        const more = row[column] - former[column];
        return took > 0 && more >= 0 ? more / took : null; // less than before: the server was started anew
    });
}

/** Where a hole in time is, a row of nothing, so that no line is drawn across it. */
function withGaps(columns) {
    const times = columns[0];
    const out = columns.map(() => []);
    times.forEach((time, i) => {
        if (i > 0 && time - times[i - 1] > GAP_S)
            out.forEach((column, c) => column.push(c === 0 ? times[i - 1] + 1 : null));
        out.forEach((column, c) => column.push(columns[c][i]));
    });
    return out;
}

function scaleTop(chart, highest) {
    if (chart.lines.some(line => line.limit) && memoryLimit > 0)
        return memoryLimit * 1.02;
    if (chart.show === format.bytes)
        return Math.max(highest * 1.15, 1048576);
    return Math.max(highest * 1.15, 4);
}

function axes(chart) {
    const common = { stroke: () => colour("muted"), font: `12px ${getComputedStyle(document.body).fontFamily}`,
                     ticks: { show: false }, gap: 6 };
    return [
        { ...common, size: 28, space: 70, grid: { show: false },
          values: (plot, ticks) => ticks.map(tick => format.clock(tick * 1000).slice(0, isShort() ? 8 : 5)) },
        { ...common, size: 58, space: 36, grid: { stroke: () => colour("line"), width: 1 },
          values: (plot, ticks) => ticks.map(tick => chart.show === format.bytes ? format.bytes(tick) : tick % 1 ? "" : format.short(tick)),
          splits: chart.show === format.bytes ? (plot, axis, low, high) => byteSplits(high) : undefined },
    ];
}

/** Four or five round sizes, as powers of two. */
function byteSplits(high) {
    const step = 2 ** Math.ceil(Math.log2(high / 5));
    return Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
}

function series(line, second) {
    return second ? { label: line.label, stroke: () => colour("second"), width: 1.5, dash: [6, 4], points: { show: false } }
                  : { label: line.label, stroke: () => colour("accent"), fill: () => colour("chart-fill"), width: 1.75,
                      points: { show: false } };
}

function build(chart) {
    const title = el("h2", "", chart.title);
    const head = el("div", "chart-head", title);
    if (chart.link) {
        const link = el("a", "", chart.link[1]);
        link.href = chart.link[0];
        head.append(link);
    }
    const readout = el("p", "readout");
    const figures = chart.lines.map((line, i) => {
        const value = el("span", "figure", "–");
        const swatch = el("i", "swatch");
        swatch.dataset.line = String(i);
        readout.append(el("span", "", ...(chart.lines.length > 1 ? [swatch] : []), value, el("small", "", line.label)));
        return value;
    });
    const place = el("div", "plot");
    place.setAttribute("role", "img");
    const card = el("section", "card chart", head, readout, place);
    card.setAttribute("aria-label", chart.title);
    byId("charts").append(card);
    return { ...chart, card, figures, place, plot: null };
}

function draw(chart, data) {
    const width = chart.place.clientWidth, height = chart.place.clientHeight;
    if (!width || !height)
        return;
    if (!chart.plot) {
        chart.plot = new uPlot({
            width, height, padding: [8, 14, 0, 0], legend: { show: false },
            cursor: { sync: { key: "cloakroom" }, y: false, drag: { setScale: false, x: false, y: false },
                      points: { size: 7 } },
            scales: { x: { time: true, range: () => xRange() },
                      y: { range: (plot, low, high) => [0, scaleTop(chart, high ?? 0)] } },
            axes: axes(chart),
            series: [{}, ...chart.lines.map((line, i) => series(line, i > 0))],
            hooks: { setCursor: [plot => point(plot)] },
        }, data, chart.place);
    } else {
        if (chart.plot.width !== width || chart.plot.height !== height)
            chart.plot.setSize({ width, height });
        chart.plot.setData(data);
    }
}

/** Too short for minutes alone to tell ticks apart. */
function isShort() {
    const [from, to] = xRange();
    return to - from < 240;
}

function xRange() {
    const last = rows.length ? rows[rows.length - 1][0] / 1000 : Date.now() / 1000;
    const first = rows.length ? rows[0][0] / 1000 : last;
    return [Math.max(last - span, Math.min(first, last - YOUNG_S)), last]; // a young server has no quarter of an hour to show
}

/** Under the pointer all charts tell the same moment. */
function point(plot) {
    const index = plot.cursor.idx ?? null;
    if (index !== pointed) {
        pointed = index;
        charts.forEach(tell);
    }
}

function tell(chart) {
    const data = chart.plot && chart.plot.data;
    if (!data || !data[0].length)
        return;
    const last = data[0].length - 1;
    const index = pointed !== null && pointed <= last ? pointed : last;
    const words = chart.lines.map((line, i) => {
        const value = data[i + 1][index];
        const text = value === null || value === undefined ? "–" : chart.show(value);
        setText(chart.figures[i], text);
        const most = Math.max(...data[i + 1].map(v => v ?? 0));
        return `${line.label}: ${text}, at most ${chart.show(most)}`;
    });
    chart.card.dataset.pointed = pointed === null ? "" : format.clock(data[0][index] * 1000);
    const label = `${chart.title} in the last ${format.seconds(span)}. ${words.join(". ")}.`;
    if (pointed === null && chart.place.getAttribute("aria-label") !== label)
        chart.place.setAttribute("aria-label", label);
}

function showAbsent(chart, absent) {
    if (!absent || chart.place.querySelector(".empty"))
        return absent;
    chart.place.replaceChildren(el("div", "empty", el("p", "empty-title", chart.absent[0]), el("p", "note", chart.absent[1])));
    chart.place.removeAttribute("role");
    return true;
}

function drawAll() {
    const shown = rows.filter(row => row[0] / 1000 >= xRange()[0] - 2);
    const from = rows.length - shown.length;
    const times = shown.map(row => row[0] / 1000);
    for (const chart of charts)
        if (!showAbsent(chart, chart.isAbsent)) {
            draw(chart, withGaps([times, ...chart.lines.map(line => values(line).slice(from))]));
            tell(chart);
        }
}

/** Adds what is new in /history, and draws. */
export function add(history) {
    names = history.names;
    rows = rows.concat(history.rows).slice(-KEPT);
    drawAll();
}

/** The time of the last row, to ask for what is later; undefined before the first. */
export const lastTime = () => rows.length ? rows[rows.length - 1][0] : undefined;

/** The limit line of memory; whether there is a disk. */
export function know(status) {
    memoryLimit = status.memory.limit;
    for (const chart of charts)
        chart.isAbsent = Boolean(chart.absent) && status.disk === null;
}

/** How many sessions were refused in the last so many seconds. */
export function refusedWithin(s) {
    const column = names.indexOf("refused");
    if (!rows.length || column < 0)
        return 0;
    const last = rows[rows.length - 1];
    const first = rows.find(row => row[0] >= last[0] - s * 1000);
    return Math.max(0, last[column] - first[column]);
}

/** Forgets what was drawn: the server has been started anew, or somebody else has logged in. */
export function reset() {
    rows = [];
}

export function start() {
    charts = CHARTS.map(build);
    const redraw = () => charts.forEach(chart => {
        if (chart.plot)
            chart.plot.redraw(false, true);
    });
    document.addEventListener("themechange", redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new ResizeObserver(() => rows.length && drawAll()).observe(byId("charts"));
    byId("span").addEventListener("change", event => {
        span = Number(event.target.value);
        drawAll();
    });
}
