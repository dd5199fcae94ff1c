#!/usr/bin/env node
/*
 * The dashboard in a real browser: Debian's Chromium, driven by playwright-core, against a real cloakroomd and a real PHP site.
 *
 *     test/browser/run.mjs [--server PATH] [--extension PATH] [--only WORDS]
 *
 * Each test has a browser context of its own. After each, whatever it was about: nothing was logged as an error, no request
 * went to another host, the content security policy was not violated, no script threw. Pictures go to build/screenshots/.
 * Prints a line for each test, and `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { tests as everyday } from "./everyday.mjs";
import { tests as looks } from "./looks.mjs";
import { tests as million } from "./million.mjs";
import { tests as trouble } from "./trouble.mjs";
import { Server, Site } from "./world.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.join(HERE, "..", "..");
const TEST_MS = 90000;

function argument(name, fallback) {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : process.argv[at + 1];
}

/** playwright-core, installed once into build/browser: the version is in package.json. */
function playwright() {
    const where = path.join(ROOT, "build", "browser");
    const wanted = JSON.parse(fs.readFileSync(path.join(HERE, "package.json"))).dependencies["playwright-core"];
    const installed = path.join(where, "node_modules", "playwright-core", "package.json");
    if (!fs.existsSync(installed) || JSON.parse(fs.readFileSync(installed)).version !== wanted) {
        fs.mkdirSync(where, { recursive: true });
        fs.copyFileSync(path.join(HERE, "package.json"), path.join(where, "package.json"));
        execFileSync("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"],
                     { cwd: where, stdio: ["ignore", "ignore", "inherit"] });
    }
    return createRequire(path.join(where, "package.json"))("playwright-core").chromium;
}

/** What a test gets: pages that are watched, the servers, and checks. */
class Visit {
    constructor(browser, world) {
        Object.assign(this, world);
        this.browser = browser;
        this.faults = [];
        this.expected = []; // patterns of console errors that this test brings about
        this.contexts = [];
    }

    async context(options = {}) {
        const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
        await context.addInitScript(() => document.addEventListener("securitypolicyviolation",
            event => console.error(`violates the content security policy: ${event.violatedDirective} ${event.blockedURI}`)));
        context.on("page", page => this.watch(page));
        this.contexts.push(context);
        return context;
    }

    watch(page) {
        const hosts = new Set([this.server, this.site].filter(Boolean).flatMap(one => one.urls ?? [one.url]).map(url => new URL(url).host));
        page.on("console", message => {
            if (message.type() === "error" && !this.expected.some(pattern => pattern.test(message.text())))
                this.faults.push(`console: ${message.text()}`);
        });
        page.on("pageerror", error => this.faults.push(`script: ${error.stack}`));
        page.on("dialog", dialog => {
            this.faults.push(`a dialog of the browser: ${dialog.message()}`);
            dialog.dismiss();
        });
        page.on("request", request => {
            const url = new URL(request.url());
            if (url.protocol !== "data:" && !hosts.has(url.host))
                this.faults.push(`a request to ${url.host}`);
        });
    }

    /** A page that has logged in to the dashboard. */
    async dashboard(where = "#/overview", options = {}, token = this.server.admin) {
        const page = await (await this.context(options)).newPage();
        await page.goto(this.server.url + where);
        await page.fill("#token", token);
        await page.keyboard.press("Enter");
        await page.waitForSelector("main > section.view:visible");
        return page;
    }

    picture(page, name, options = {}) {
        return page.screenshot({ path: path.join(ROOT, "build", "screenshots", `${name}.png`), ...options });
    }

    check(condition, words) {
        if (!condition)
            throw new Error(words);
    }

    equal(got, wanted, what) {
        if (JSON.stringify(got) !== JSON.stringify(wanted))
            throw new Error(`${what}: got ${JSON.stringify(got).slice(0, 1000)}, not ${JSON.stringify(wanted)}`);
    }
}

async function run(browser, world, name, test) {
    const visit = new Visit(browser, world);
    const began = Date.now();
    let timer;
    try {
        const late = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`not done after ${TEST_MS / 1000} s`)), TEST_MS);
        });
        await Promise.race([test(visit), late]);
        if (visit.faults.length)
            throw new Error(visit.faults.join("\n     "));
        console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
        return true;
    } catch (error) {
        console.log(`FAIL ${name}: ${error.message}`);
        visit.faults.forEach(fault => console.log(`     ${fault}`));
        const page = visit.contexts.at(-1)?.pages().at(-1);
        if (page)
            await visit.picture(page, `failed-${name.replace(/\W+/g, "-")}`).catch(() => {});
        return false;
    } finally {
        clearTimeout(timer);
        for (const context of visit.contexts)
            await context.close().catch(() => {});
    }
}

async function main() {
    const program = path.resolve(argument("server", path.join(ROOT, "build/release/cloakroomd")));
    const extension = path.resolve(argument("extension", path.join(ROOT, "build/release/cloakroom.so")));
    const only = argument("only", "");
    const groups = [[everyday, ["--data", "DATA", "-m", "64"], true], [looks, ["--data", "DATA", "-m", "64"], false],
                    [trouble, null, false], [million, ["-m", "1024"], false]];
    fs.mkdirSync(path.join(ROOT, "build", "screenshots"), { recursive: true });
    const browser = await playwright().launch({ executablePath: "/usr/bin/chromium", headless: true,
                                                args: ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"] });
    let passed = 0, failed = 0;
    try {
        for (const [tests, options, withSite] of groups) {
            const wanted = Object.entries(tests).filter(([name]) => name.includes(only));
            if (!wanted.length)
                continue;
            const server = options && await Server.start(program, ...options);
            const site = withSite && await Site.start(extension, server, path.join(HERE, "site"));
            try {
                for (const [name, test] of wanted)
                    if (await run(browser, { server, site, program }, name, test))
                        passed++;
                    else
                        failed++;
            } finally {
                if (site)
                    await site.stop();
                if (server)
                    await server.stop();
            }
        }
    } catch (error) {
        failed++;
        console.log(`FAIL ${error.message}`);
    } finally {
        await browser.close();
    }
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed ? 1 : 0;
}

await main();
