/*
 * How it looks, and for whom: pictures of each view in light, dark and on a phone; the contrast of all text that is shown,
 * as the browser computed it; a name for each control; a focus that is seen; nothing wider than the screen; less motion for
 * who wants less.
 */
import { Store, load, until } from "./world.mjs";

const VIEWS = ["overview", "sessions", "contention", "events"];
const CONTRAST = 4.5, CONTRAST_LARGE = 3;

/** In the page: [text, contrast, wanted] of what is too faint. */
function faintTexts([normal, large]) {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const channels = (colour, ground) => {
        canvas.clearRect(0, 0, 1, 1);
        if (ground) {
            canvas.fillStyle = `rgb(${ground.join(" ")})`;
            canvas.fillRect(0, 0, 1, 1);
        }
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const ground = node => {
        for (let at = node; at; at = at.parentElement) {
            const [r, g, b, a] = channels(getComputedStyle(at).backgroundColor);
            if (a === 255)
                return [r, g, b];
        }
        return channels(getComputedStyle(document.body).backgroundColor).slice(0, 3);
    };
    const luminance = rgb => {
        const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const node = text.parentElement;
        if (!text.data.trim() || !node.checkVisibility() || node.closest(":disabled, .hidden, .skip, option, title, noscript"))
            continue;
        const style = getComputedStyle(node);
        const under = ground(node);
        const over = channels(style.color, under).slice(0, 3);
        const [a, b] = [luminance(over), luminance(under)].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        const size = parseFloat(style.fontSize);
        const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? large : normal;
        if (contrast < wanted)
            faint.push(`${text.data.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return faint;
}

/** In the page: controls without a name, and those too small for a finger. */
function badControls(isPhone) {
    const bad = [];
    for (const node of document.querySelectorAll("a[href], button, input, select, summary")) {
        if (!node.checkVisibility() || node.classList.contains("skip"))
            continue;
        const name = node.getAttribute("aria-label") || [...(node.labels ?? [])].map(label => label.textContent).join("") || node.textContent;
        if (!name.trim())
            bad.push(`no name: ${node.outerHTML.slice(0, 80)}`);
        const box = (node.type === "radio" ? node.parentElement : node).getBoundingClientRect();
        if (isPhone && (box.height < 24 || box.width < 24))
            bad.push(`${Math.round(box.width)} × ${Math.round(box.height)}: ${node.outerHTML.slice(0, 80)}`);
    }
    return bad;
}

async function populate(t) {
    const store = await Store.connect(t.server.port);
    for (let i = 0; i < 230; i++)
        await store.session(`look${i}`, "v".repeat(100 + i * 17 % 3000), i % 3 ? [`user:${i % 40}`, ...(i % 5 ? [] : ["plan:gold"])] : [],
                            i % 4 ? "" : "shop");
    const holders = [];
    for (let i = 0; i < 4; i++) {
        const holder = await Store.connect(t.server.port);
        await holder.ask(`so look${i} Hweb-${i % 2 + 1}:${2100 + i}:/${["checkout", "cart", "search", "index"][i]}.php`);
        holders.push(holder);
    }
    for (let i = 0; i < 3; i++) {
        const waiter = await Store.connect(t.server.port);
        waiter.socket.write(`so look${i % 2} W60000\r\n`);
        holders.push(waiter);
    }
    store.close();
    return () => holders.forEach(holder => holder.close());
}

async function inspect(t, page, what, isPhone) {
    t.equal(await page.evaluate(faintTexts, [CONTRAST, CONTRAST_LARGE]), [], `texts too faint in ${what}`);
    t.equal(await page.evaluate(badControls, isPhone), [], `controls in ${what}`);
    t.check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is wider than the screen`);
}

const look = (name, options) => async t => {
    const isPhone = options.viewport !== undefined;
    const leave = await populate(t);
    const stop = await load(t.server.port);
    try {
        const login = await (await t.context(options)).newPage();
        await login.goto(t.server.url);
        await login.waitForSelector("#login:visible");
        await inspect(t, login, "login", isPhone);
        await t.picture(login, `${name}-login`);
        const page = await t.dashboard("#/overview", options);
        await until(async () => await page.locator("#contended tr, #charts canvas").count() >= 6, "the charts are drawn");
        await page.waitForTimeout(6000);
        for (const view of VIEWS) {
            await page.click(`nav a[data-view="${view}"]`);
            await page.waitForSelector(`#${view}:visible`);
            await until(async () => view === "overview" || await page.locator(`#${view} tbody tr`).count() > 0, `${view} is filled`);
            await inspect(t, page, view, isPhone);
            await t.picture(page, `${name}-${view}`, { fullPage: view === "overview" && !isPhone });
        }
        await page.click("#menu summary");
        await inspect(t, page, "settings", isPhone);
        await t.picture(page, `${name}-settings`);
        await page.keyboard.press("Escape");
        await page.click('nav a[data-view="contention"]');
        await page.click("#contended button");
        await page.waitForSelector("#details[open]");
        await inspect(t, page, "details", isPhone);
        await t.picture(page, `${name}-details`);
    } finally {
        await stop();
        leave();
    }
};

async function theme(t) {
    const page = await t.dashboard("#/overview", { colorScheme: "light" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground();
    t.check(light !== dark, "the system's choice of dark is not followed");
    await page.click("text=Settings");
    await page.check('#theme input[value="light"]');
    t.equal(await ground(), light, "the ground after light was chosen");
    await page.reload();
    await page.waitForSelector("#overview:visible");
    t.equal(await ground(), light, "the ground after a reload");
}

/** Every stop of the tab key has a ring around it. */
async function focusIsSeen(t) {
    const page = await t.dashboard("#/sessions");
    const unseen = [];
    let stops = 0;
    for (; stops < 60; stops++) {
        await page.keyboard.press("Tab");
        const found = await page.evaluate(() => {
            const node = document.activeElement;
            if (node === document.body)
                return ["", true];
            if (node.dataset.visited)
                return null;
            node.dataset.visited = "yes";
            const ring = node.type === "radio" ? node.nextElementSibling : node;
            const style = getComputedStyle(ring);
            return [node.id || node.textContent.trim(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
        });
        if (!found)
            break;
        if (!found[1])
            unseen.push(found[0]);
    }
    t.equal(unseen, [], "where the focus is not seen");
    t.check(stops >= 14 && stops < 30, `${stops} stops of the tab key; the list has to be one`);
}

async function lessMotion(t) {
    const page = await t.dashboard("#/overview", { reducedMotion: "reduce" });
    const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter(node => {
        const style = getComputedStyle(node);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
    }).map(node => node.outerHTML.slice(0, 80)));
    t.equal(moving, [], "what moves for who wants less motion");
}

export const tests = {
    "light": look("light", { colorScheme: "light" }),
    "dark": look("dark", { colorScheme: "dark" }),
    "phone": look("phone", { colorScheme: "light", viewport: { width: 360, height: 740 }, hasTouch: true }),
    "phone, dark": look("phone-dark", { colorScheme: "dark", viewport: { width: 360, height: 740 }, hasTouch: true }),
    "the choice of colours is kept": theme,
    "the focus is seen everywhere": focusIsSeen,
    "less motion": lessMotion,
};
