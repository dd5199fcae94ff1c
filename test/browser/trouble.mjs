/*
 * When something is wrong: what is said, and that the page goes on by itself. Each test has a server of its own.
 */
import fs from "node:fs";
import { Server, Store, until } from "./world.mjs";

async function withServer(t, options, work) {
    t.server = await Server.start(t.program, ...options);
    try {
        await work(t.server);
    } finally {
        await t.server.stop();
    }
}

const banner = page => page.locator("#banner").textContent();

const goneAndBack = t => withServer(t, ["--data", "DATA", "-m", "16"], async server => {
    t.expected = [/net::ERR_/, /status of 401/];
    const page = await t.dashboard();
    await server.kill();
    await until(async () => (await banner(page)).includes("No answer from the server"), "it is said that nobody answers");
    t.equal(await page.locator("#health").textContent(), "No answer", "the state of health");
    await t.picture(page, "no-answer");
    await server.again();
    await until(async () => await page.locator("#login").isVisible(), "a login is asked for", 20000);
    t.equal(await page.locator("#login-error").textContent(), "Your login has ended. Log in again.", "what is said");
    await page.fill("#token", server.admin);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#overview:visible");
    await until(async () => !await page.locator("#banner").isVisible(), "the banner goes");
});

const readOnly = t => withServer(t, ["--data", "DATA", "-m", "16", "--sync-interval-ms", "50"], async server => {
    const store = await Store.connect(server.port);
    await store.session("one", "v");
    const page = await t.dashboard();
    await until(async () => await page.locator("#health").textContent() === "Ready", "it is ready");
    fs.rmSync(server.data, { recursive: true });
    await until(async () => (await banner(page)).includes("Read-only"), "it is said that it is read-only", 20000);
    t.check((await page.title()).startsWith("⚠"), "the title does not warn");
    t.check((await banner(page)).includes("restart cloakroomd"), "what to do is not said");
    await t.picture(page, "read-only");
    store.close();
});

const full = t => withServer(t, ["-m", "2"], async server => {
    const store = await Store.connect(server.port);
    let refused = false;
    for (let i = 0; i < 5000 && !refused; i++)
        refused = await store.session(`full${i}`, "v".repeat(2000)).then(() => false, () => true);
    t.check(refused, "no session was refused");
    const page = await t.dashboard();
    await until(async () => await page.locator("#fill-bar").getAttribute("data-state") === "bad", "the bar tells that it is full");
    t.check((await page.locator("#fill-note").textContent()).includes("No room"), "what to do is not said");
    await t.picture(page, "full");
    await page.click("nav >> text=Events");
    await page.waitForSelector('#event-list tr:has-text("Refused, no room")');
    store.close();
});

const empty = t => withServer(t, ["-m", "16"], async () => {
    const page = await t.dashboard();
    await page.waitForSelector("text=No sessions yet");
    await page.waitForSelector("text=Sessions are kept in memory only");
    await page.click("nav >> text=Sessions");
    await page.waitForSelector("text=No sessions here");
    await page.click("nav >> text=Contention");
    await page.waitForSelector("text=No session is held right now");
    await page.click("nav >> text=Events");
    await page.waitForSelector("text=Nothing has happened yet");
    await t.picture(page, "empty");
});

export const tests = {
    "the server is killed, and comes back": goneAndBack,
    "the disk is gone: read-only, and why": readOnly,
    "full: in words, and what to do": full,
    "nothing there yet": empty,
};
