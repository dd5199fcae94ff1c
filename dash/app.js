/*
 * The page as a whole: logging in, which view is shown, the beat by which it is kept fresh, and what is said when
 * something is wrong. The views are modules with the same five functions:
 *
 *   start()                 once, at the beginning
 *   know(status)            each time /status has been read
 *   show(parameters, role)  it comes into view; parameters are those behind # in the address
 *   tick()                  once a second while it is in view
 *   reset()                 forget all: another login, or another run of the server
 */
import * as api from "./api.js";
import * as contention from "./contention.js";
import * as dialogs from "./dialogs.js";
import { byId, setText } from "./dom.js";
import * as events from "./events.js";
import * as format from "./format.js";
import * as overview from "./overview.js";
import * as sessions from "./sessions.js";

const VIEWS = { overview, sessions, contention, events };
const TITLES = { overview: "Overview", sessions: "Sessions", contention: "Contention", events: "Events" };
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const BEAT_MS = 1000, CALM_BEAT_MS = 5000, RETRY_MAX_MS = 10000;

const LOGIN_KEY = "cloakroom.login";

let role = null;     // null: not logged in
let view = null;     // null: none yet
let paused = false;
let failures = 0;    // in a row
let pid = null;

// ---- what is said about the server ----

function say(state, symbol, pill, title, text) {
    const health = byId("health"), banner = byId("banner");
    if (health.dataset.said !== pill + title + text) {
        health.dataset.said = pill + title + text;
        health.dataset.state = banner.dataset.state = state;
        for (const node of [health, banner])
            node.querySelector("use").setAttribute("href", `#i-${symbol}`);
        setText(health.lastElementChild, pill);
        setText(banner.querySelector("strong"), title);
        setText(banner.querySelector("p"), text);
        banner.hidden = !title;
    }
    document.title = `${title ? "⚠ " : ""}${view ? `${TITLES[view]} – ` : ""}Cloakroom`;
}

function sayHealth(status) {
    if (status.read_only)
        say("bad", "bad", "Read-only", "Read-only: nothing can be written",
            `${format.sentence(status.why)} Sessions can be read, not changed. Mend the disk, then restart cloakroomd.`);
    else if (!status.ready)
        say("warn", "warn", "Not ready", "The server is not ready yet", `${format.sentence(status.why || "it is starting")} Requests wait.`);
    else
        say("ok", "ok", "Ready", "", "");
}

// ---- logging in and out ----

function showOnly(id) {
    for (const section of document.querySelectorAll("main > section"))
        section.hidden = section.id !== id;
}

/**
 * Whether this browser may have a login: the cookie cannot be seen, and a question without one would leave an error in the
 * browser's console at each first look. Where nothing can be stored, it may.
 */
const mayHaveLogin = () => {
    try {
        return localStorage.getItem(LOGIN_KEY) !== null;
    } catch {
        return true;
    }
};

function rememberLogin(has) {
    try {
        if (has)
            localStorage.setItem(LOGIN_KEY, "1");
        else
            localStorage.removeItem(LOGIN_KEY);
    } catch {
        // then it is asked for each time
    }
}

function showLogin(words) {
    role = null;
    rememberLogin(false);
    view = null;
    dialogs.closeAll();
    for (const one of Object.values(VIEWS))
        one.reset();
    byId("top").hidden = true;
    say("ok", "ok", "Connecting", "", "");
    showOnly("login");
    setText(byId("login-error"), words);
    byId("token").value = "";
    byId("token").focus();
}

async function logIn(event) {
    event.preventDefault();
    const button = byId("login-form").querySelector("button");
    button.disabled = true;
    setText(byId("login-error"), "");
    try {
        await enter(await api.logIn(byId("token").value.trim()));
    } catch (error) {
        setText(byId("login-error"), error.message);
        byId("token").select();
    } finally {
        button.disabled = false;
    }
}

async function logOut() {
    await api.logOut().catch(() => {}); // an old login ends by itself
    byId("menu").open = false;
    showLogin("");
}

async function enter(newRole) {
    role = newRole;
    rememberLogin(true);
    byId("token").value = "";
    dialogs.setRole(role);
    setText(byId("who"), role === "admin" ? "Logged in as admin." : "Logged in as reader: may look at all, kill nothing.");
    byId("top").hidden = false;
    failures = 0;
    await readStatus().catch(trouble);
    if (role)
        await route();
}

// ---- views ----

async function route() {
    if (!role)
        return;
    const [path, words] = location.hash.replace(/^#\/?/, "").split("?");
    const wanted = Object.hasOwn(VIEWS, path) ? path : "overview";
    const moved = view !== wanted;
    view = wanted;
    showOnly(view);
    for (const link of document.querySelectorAll("nav a"))
        if (link.dataset.view === view)
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
    document.title = document.title.replace(/^(⚠ )?.*$/, `$1${TITLES[view]} – Cloakroom`);
    if (moved) {
        scrollTo(0, 0);
        byId(`${view}-title`).focus();
    }
    try {
        await VIEWS[view].show(new URLSearchParams(words), role);
    } catch (error) {
        trouble(error);
    }
}

// ---- the beat ----

async function readStatus() {
    const status = await api.status();
    if (pid !== null && pid !== status.pid)
        overview.reset();
    pid = status.pid;
    sayHealth(status);
    setText(byId("about"), `cloakroomd ${status.version}, process ${status.pid}, up ${format.seconds(status.uptime_s)}, `
        + `${format.count(status.connections.open)} of ${format.count(status.connections.max)} connections.`);
    for (const one of Object.values(VIEWS))
        one.know(status);
}

function trouble(error) {
    if (!(error instanceof api.ApiError))
        throw error;
    if (error.status === 401) {
        if (role)
            showLogin("Your login has ended. Log in again.");
        return;
    }
    failures++;
    if (error.status === 503) {
        say("warn", "warn", "Not ready", "The server is not ready", error.message);
        return;
    }
    say("bad", "bad", error.status ? "Error" : "No answer", error.status ? "The server answered with an error" : "No answer from the server",
        `${error.message} Trying again by itself.`);
}

async function beat() {
    if (role && view && !document.hidden) {
        try {
            await readStatus();
            if (!paused)
                await VIEWS[view].tick();
            failures = 0;
        } catch (error) {
            trouble(error);
        }
    }
    const every = CALM.matches ? CALM_BEAT_MS : BEAT_MS;
    setTimeout(beat, failures ? Math.min(RETRY_MAX_MS, every * 2 ** Math.min(failures, 4)) : every);
}

function togglePause() {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", String(paused));
    setText(byId("pause"), paused ? "Paused" : "Pause");
}

function startMenu() {
    const menu = byId("menu");
    const chosen = document.querySelector(`#theme input[value="${CSS.escape(themeChosen())}"]`);
    if (chosen)
        chosen.checked = true;
    byId("theme").addEventListener("change", event => themeChoose(event.target.value));
    byId("logout").addEventListener("click", logOut);
    menu.addEventListener("keydown", event => {
        if (event.key === "Escape" && menu.open) {
            menu.open = false;
            menu.firstElementChild.focus();
        }
    });
    document.addEventListener("click", event => {
        if (!menu.contains(event.target))
            menu.open = false;
    });
}

async function start() {
    dialogs.start();
    for (const one of Object.values(VIEWS))
        one.start();
    startMenu();
    byId("login-form").addEventListener("submit", logIn);
    byId("pause").addEventListener("click", togglePause);
    addEventListener("hashchange", route);
    try {
        const known = mayHaveLogin() && await api.whoAmI();
        await (known ? enter(known) : showLogin(""));
    } catch (error) {
        showLogin(error.status === 401 ? "" : error.message);
    }
    beat();
}

start();
