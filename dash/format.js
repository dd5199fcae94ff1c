/*
 * Numbers, sizes and times as people read them. All in English, whatever the browser speaks, as all else on the page is.
 */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

/** With a capital, and a full stop: the server's words have neither. */
export function sentence(words) {
    const text = words.charAt(0).toUpperCase() + words.slice(1);
    return /[.!?]$/.test(text) ? text : `${text}.`;
}

export const count = n => WHOLE.format(n);

/** 3 sessions, 1 session */
export const things = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** 950, 9.9K, 1M: for axes */
export const short = n => SHORT.format(n);

/** Per second: tenths while it is small. */
export const rate = n => n < 10 && n % 1 ? TENTH.format(n) : WHOLE.format(n);

/** Units of 1024, as -m counts. */
export function bytes(n) {
    let unit = 0;
    while (n >= 1024 && unit < UNITS.length - 1) {
        n /= 1024;
        unit++;
    }
    return `${unit > 0 && n < 99.95 && n % 1 ? TENTH.format(n) : WHOLE.format(n)} ${UNITS[unit]}`;
}

/** The two largest units: 45 s, 12 min, 3 h 20 min, 5 d 2 h. */
export function seconds(s) {
    if (s < 0)
        return "never";
    s = Math.floor(s);
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const first = units.findIndex(([size]) => s >= size);
    if (first < 0)
        return "0 s";
    const [size, name] = units[first];
    const rest = first + 1 < units.length ? Math.floor(s % size / units[first + 1][0]) : 0;
    return `${Math.floor(s / size)} ${name}` + (rest ? ` ${rest} ${units[first + 1][1]}` : "");
}

/** Milliseconds: 120 ms, 3.4 s, 2 min 5 s. */
export function milliseconds(ms) {
    if (ms < 1000)
        return `${WHOLE.format(ms)} ms`;
    return ms < 60000 ? `${TENTH.format(ms / 1000)} s` : seconds(ms / 1000);
}

export const percent = part => `${part > 0 && part < 0.1 ? TENTH.format(part * 100) : WHOLE.format(part * 100)} %`;
export const clock = ms => CLOCK.format(new Date(ms));
export const application = name => name === "" ? "(default)" : name;

/** The extension says host:pid:page of itself; what looks different is shown as it is. */
export function holder(text) {
    const parts = /^([^:]+):(\d+):(.*)$/.exec(text);
    return parts ? { page: parts[3] || "(no page)", place: `${parts[1]}, process ${parts[2]}` }
                 : { page: text || "(does not say)", place: "–" };
}
