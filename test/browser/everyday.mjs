/*
 * What an operator does with the dashboard: log in, watch, find out who it is, and log somebody out.
 */
import { Store, load, sleep, until } from "./world.mjs";

const figure = (page, card, n = 0) => page.locator(`section[aria-label="${card}"] .readout .figure`).nth(n).textContent();
const who = page => page.locator("#who").textContent();

/** Somebody logs in to the PHP site, in a browser context of his own. */
async function visitor(t, name) {
    const page = await (await t.context()).newPage();
    await page.goto(`${t.site.urls[0]}?user=${name}`);
    t.equal(await who(page), `Hello, ${name}`, "the PHP page");
    return page;
}

async function search(page, words) {
    await page.fill("#find", words);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => !document.querySelector("#list-scroll[aria-busy]"));
}

async function searchFor(page, words, n) {
    await search(page, words);
    await until(async () => await page.locator("#list tr").count() === n, `${n} sessions are found by ${words}`);
}

async function logIn(t) {
    t.expected = [/status of 401/];
    const page = await (await t.context()).newPage();
    await page.goto(t.server.url);
    await page.waitForSelector("#login:visible");
    t.equal(await page.evaluate(() => document.activeElement.id), "token", "what has the focus");
    t.equal(await page.locator("#top").isVisible(), false, "the views are there before the login");
    await page.fill("#token", "f".repeat(64));
    await page.keyboard.press("Enter");
    await until(() => page.locator("#login-error").textContent(), "a wrong token is said to be wrong");
    t.equal(await page.locator("#overview").isVisible(), false, "a wrong token lets in");

    await page.fill("#token", t.server.admin);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#overview:visible");
    t.equal(await page.evaluate(() => document.cookie), "", "cookies that scripts see");
    const cookie = (await page.context().cookies()).find(one => one.name === "cloakroom");
    t.equal([cookie.httpOnly, cookie.sameSite], [true, "Strict"], "how the cookie is kept");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));
    t.check(!cookie.value.includes(t.server.admin) && !kept.includes(t.server.admin), "the token is kept in the browser");

    await page.reload();
    await page.waitForSelector("#overview:visible");
    await page.click("text=Settings");
    await page.click("#logout");
    await page.waitForSelector("#login:visible");
    await page.reload();
    await page.waitForSelector("#login:visible");
}

async function chartsMove(t) {
    const page = await t.dashboard();
    const canvas = page.locator('section[aria-label="Opens and writes"] canvas');
    await canvas.waitFor();
    const before = await canvas.evaluate(node => node.toDataURL());
    const stop = await load(t.server.port);
    try {
        await until(async () => parseFloat(await figure(page, "Opens and writes")) >= 1 &&
                                parseFloat(await figure(page, "Opens and writes", 1)) >= 1, "opens and writes are counted");
        await until(async () => parseInt(await figure(page, "Sessions"), 10) >= 100, "sessions are counted");
        t.check(await canvas.evaluate(node => node.toDataURL()) !== before, "the chart is as it was");
        t.check((await page.locator('section[aria-label="Sessions"] .plot').getAttribute("aria-label")).includes("at most"),
                "the chart is not told in words");
        await page.click("#pause");
        await sleep(1500);
        const paused = await canvas.evaluate(node => node.toDataURL());
        await sleep(2500);
        t.check(await canvas.evaluate(node => node.toDataURL()) === paused, "the chart moves while it is paused");
        await page.click("#pause");
        await until(async () => await canvas.evaluate(node => node.toDataURL()) !== paused, "the chart goes on after the pause");
    } finally {
        await stop();
    }
    t.check(/^[\d.]+ % full/.test(await page.locator("#fill-figure").textContent()), "how full it is is not said");
    t.check((await page.locator("#fill-then").textContent()).length > 20, "what happens when it is full is not said");
}

async function findAndKill(t) {
    t.expected = [/status of 404/];
    const ada = await visitor(t, "ada");
    const bob = await visitor(t, "bob");
    const page = await t.dashboard("#/sessions");
    await searchFor(page, "user:ada", 1);
    await page.click("#list button");
    await page.waitForSelector("#details[open]");
    t.check((await page.locator("#facts").textContent()).includes("user:adaplan:gold"), "the details do not tell the tags");
    const handle = (await page.locator("#details-title").textContent()).split(" ")[1];
    await page.click("#details-kill");
    await page.click("#confirm-yes");
    await page.waitForSelector("text=1 session killed.");
    await ada.goto(t.site.urls[0]);
    t.equal(await who(ada), "You are not logged in", "the PHP page of who was killed");
    await bob.goto(t.site.urls[1]);
    t.equal(await who(bob), "Hello, bob", "the PHP page of another");

    await page.click("nav >> text=Events");
    await page.waitForSelector(`#event-list tr:has-text("Killed"):has-text("${handle}")`);
    await page.goto(`${t.server.url}#/sessions`);
    await search(page, handle);
    await page.waitForSelector("text=There is none of this handle");
}

async function killByTag(t) {
    const carol = [await visitor(t, "carol"), await visitor(t, "carol"), await visitor(t, "carol")];
    const dave = await visitor(t, "dave");
    const page = await t.dashboard("#/sessions");
    t.equal(await page.locator("#kill-tag").isVisible(), false, "all could be killed without a tag");
    await searchFor(page, "user:carol", 3);
    t.check(/^3 sessions with the tag user:carol/.test(await page.locator("#summary").textContent()), "the sessions are not counted");
    await page.click("#kill-tag");
    await page.waitForSelector("#confirm[open]");
    t.equal(await page.locator("#confirm-title").textContent(), "Kill 3 sessions?", "the question");
    await t.picture(page, "kill-by-tag");
    await page.click("#confirm-no");
    for (const one of carol) {
        await one.reload();
        t.equal(await who(one), "Hello, carol", "the PHP page after Cancel");
    }
    await page.click("#kill-tag");
    await page.click("#confirm-yes");
    await page.waitForSelector("text=3 sessions killed.");
    await page.waitForSelector("text=No session has this tag");
    for (const one of carol) {
        await one.goto(t.site.urls[0]);
        t.equal(await who(one), "You are not logged in", "the PHP page after the kill");
    }
    await dave.goto(t.site.urls[0]);
    t.equal(await who(dave), "Hello, dave", "the PHP page of who has another tag");
}

async function contention(t) {
    const page = await t.dashboard("#/contention");
    const eve = await visitor(t, "eve");
    const also = await eve.context().newPage();
    const slow = eve.goto(`${t.site.urls[0]}?hold=5`);
    await page.waitForSelector('#contended tr:has-text("index.php")');
    const waits = also.goto(t.site.urls[1]);
    await page.waitForSelector("text=1 session held, 1 request waiting");
    const row = await page.locator("#contended tr").textContent();
    t.check(/process \d+/.test(row) && row.includes("user:eve"), `who holds it is not told: ${row}`);
    await t.picture(page, "contention");
    await page.click("#contended button");
    await page.waitForSelector('#facts:has-text("1 request")');
    await page.keyboard.press("Escape");
    await Promise.all([slow, waits]);
    await page.waitForSelector("text=No session is held right now");
}

/** Logs in, finds a session and kills it, with nothing but keys. */
async function keyboardOnly(t) {
    const frank = await visitor(t, "frank");
    await visitor(t, "gina"); // so that there is something to move over
    const page = await (await t.context()).newPage();
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
    const tabTo = async wanted => {
        for (let i = 0; i < 40 && await focused() !== wanted; i++)
            await page.keyboard.press("Tab");
        t.equal(await focused(), wanted, "where the tab key leads");
    };
    await page.goto(t.server.url);
    await page.waitForSelector("#login:visible");
    await page.keyboard.type(t.server.admin);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#overview:visible");
    await tabTo("Skip to the content");
    await tabTo("Sessions");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#list tr");
    t.equal(await focused(), "sessions-title", "the focus after a change of view");
    await tabTo("find");
    await page.keyboard.type("plan:gold");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("#list tr").length > 1);
    const handles = await page.locator("#list button").allTextContents();
    await tabTo(handles[0]);
    await page.keyboard.press("ArrowDown");
    t.equal(await focused(), handles[1], "an arrow key in the list");
    await page.keyboard.press("End");
    t.equal(await focused(), handles.at(-1), "End in the list");
    await page.keyboard.press("Home");
    while (!(await page.locator(`#list tr:has-text("${await focused()}")`).textContent()).includes("user:frank"))
        await page.keyboard.press("ArrowDown");
    const handle = await focused();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#details[open]");
    await tabTo("details-kill");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#confirm[open]");
    t.equal(await focused(), "confirm-no", "the focus of the question");
    await page.keyboard.press("Escape");
    t.equal(await page.locator("#confirm").evaluate(node => node.open), false, "Escape leaves the question open");
    t.equal(await focused(), "details-kill", "the focus after Escape");
    await page.keyboard.press("Escape");
    t.equal(await focused(), handle, "the focus after the details are closed");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#details[open]");
    await tabTo("details-kill");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=1 session killed.");
    await frank.goto(t.site.urls[0]);
    t.equal(await who(frank), "You are not logged in", "the PHP page");
}

/** A tag and a holder are what any client likes to say. */
async function markup(t) {
    const store = await Store.connect(t.server.port);
    const evil = "<img/src=x/onerror=alert(1)>";
    await store.session("markup", "v", [evil, "<script>alert(2)</script>"]);
    await store.ask(`so markup H${evil}`);
    const page = await t.dashboard("#/contention");
    await page.waitForSelector(`#contended tr:has-text("${evil}")`);
    await page.click("#contended button");
    await page.waitForSelector(`#facts:has-text("<script>alert(2)</script>")`);
    await page.keyboard.press("Escape");
    await page.goto(`${t.server.url}#/sessions?tag=${encodeURIComponent(evil)}`);
    await page.waitForSelector(`#list tr:has-text("${evil}")`);
    t.check((await page.locator("#summary").textContent()).includes(evil), "the tag is not told as it is");
    t.equal(await page.locator("main img, main script, dialog img").count(), 0, "elements that came out of a tag");
    store.close();
}

async function applications(t) {
    const store = await Store.connect(t.server.port);
    for (let i = 0; i < 3; i++)
        await store.session(`app${i}`, "v", ["user:grace"], "intranet");
    await store.session("app-default", "v", ["user:grace"]);
    store.close();
    const page = await t.dashboard("#/overview");
    await page.click("#apps >> text=intranet");
    await until(async () => await page.locator("#list tr").count() === 3, "the sessions of an application are listed");
    await searchFor(page, "user:grace", 3);
    await page.selectOption("#application", "");
    await until(async () => await page.locator("#list tr").count() === 1, "those of the default application are listed");
    await page.goBack();
    await until(async () => await page.locator("#list tr").count() === 3, "the browser's Back leads back");
    await page.goto(`${t.server.url}#/sessions?application=`);
    await until(async () => /\(default\)/.test(await page.locator("#list tr").first().textContent()), "the default one's are listed");
    t.check(!(await page.locator("#list").textContent()).includes("intranet"), "others' are among them");
}

async function reader(t) {
    t.expected = [/status of 403/];
    await visitor(t, "heidi");
    const page = await t.dashboard("#/sessions", {}, t.server.reader);
    await searchFor(page, "user:heidi", 1);
    t.equal(await page.locator("#kill-tag").isVisible(), false, "a reader is shown how to kill by tag");
    await page.click("#list button");
    await page.waitForSelector("#details[open]");
    t.equal(await page.locator("#details-kill").isVisible(), false, "a reader is shown how to kill");
    const handle = await page.locator("#list button").textContent();
    const status = await page.evaluate(async name => {
        const api = await import("./api.js");
        return api.kill(name).then(() => 200, error => error.status);
    }, handle);
    t.equal(status, 403, "a kill by a reader");
}

export const tests = {
    "log in, with a wrong token and the right one, and out": logIn,
    "charts move under load, and rest when paused": chartsMove,
    "find a session, kill it: its PHP page is logged out": findAndKill,
    "kill by tag asks, says how many, and logs all of them out": killByTag,
    "contention tells who holds a session, on which page": contention,
    "keyboard alone": keyboardOnly,
    "tags and holders are text, whatever they look like": markup,
    "applications": applications,
    "a reader looks and kills nothing": reader,
};
