/*
 * What the page asks of the server. Promise: each function gives what was answered, or throws an ApiError with words for
 * people; none takes longer than TIMEOUT_MS. The login is a cookie that scripts cannot see; changes carry its csrf value.
 */

import { sentence } from "./format.js";

const TIMEOUT_MS = 10000;

export class ApiError extends Error {
    /** status: as in HTTP; 0: the server was not reached */
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

let csrf = "";

async function ask(method, path, body) {
    const headers = method === "GET" ? {} : { "X-CSRF-Token": csrf, "Content-Type": "application/json" };
    let answer, data;
    try {
        answer = await fetch(`api/v1/${path}`, {
            method, headers, body: body && JSON.stringify(body), cache: "no-store", redirect: "error",
            signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const text = await answer.text();
        data = text ? JSON.parse(text) : {};
    } catch (error) {
        if (answer && error instanceof SyntaxError)
            throw new ApiError(answer.status, "What came back is not from cloakroomd. Is there a proxy on the way?");
        throw new ApiError(0, "The server does not answer. Is cloakroomd running, and is --http still at this address?");
    }
    if (!answer.ok)
        throw new ApiError(answer.status, sentence(data.error || `the server answered ${answer.status}`));
    return data;
}

/** path?name=value…; what is undefined is left out, what is empty is not: an empty application is the default one. */
function query(path, parameters) {
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    const words = given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return words.length ? `${path}?${words.join("&")}` : path;
}

async function loggedIn(answer) {
    const login = await answer;
    csrf = login.csrf;
    return login.role;
}

/** The role: "admin" or "reader". */
export const logIn = token => loggedIn(ask("POST", "login", { token }));
/** The role of a login from before; null when there is none. */
export const whoAmI = () => loggedIn(ask("GET", "login"));
export const logOut = () => ask("DELETE", "login");

export const status = () => ask("GET", "status");
export const history = after => ask("GET", query("history", { after }));
export const contention = limit => ask("GET", query("contention", { limit }));
export const events = (after, limit) => ask("GET", query("events", { after, limit }));

/** which: { tag, application }, each may be undefined */
export const sessions = (which, cursor, limit) => ask("GET", query("sessions", { ...which, cursor, limit }));
export const session = handle => ask("GET", `sessions/${encodeURIComponent(handle)}`);
export const count = async which => (await ask("GET", query("count", which))).count;
export const kill = async handle => (await ask("DELETE", `sessions/${encodeURIComponent(handle)}`)).killed;
export const killTag = async which => (await ask("DELETE", query("sessions", which))).killed;
