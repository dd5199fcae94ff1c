/*
 * What the browser tests run against: a real cloakroomd with its HTTP, a real PHP site with the extension, sessions that are
 * made by the verbs, and load. All on loopback, on ports that the system picks, in a folder of their own. Children die with
 * this process (setpriv --pdeathsig) and are ended by their pid.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const START_MS = 20000;

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

export async function until(condition, what, limitMs = 10000) {
    const deadline = Date.now() + limitMs;
    for (;;) {
        const value = await condition();
        if (value)
            return value;
        if (Date.now() > deadline)
            throw new Error(`not within ${limitMs / 1000} s: ${what}`);
        await sleep(25);
    }
}

export function folder() {
    return fs.mkdtempSync(path.join(os.tmpdir(), "cloakroom-browser-"));
}

export async function freePort() {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise(resolve => server.once("listening", resolve));
    const { port } = server.address();
    await new Promise(resolve => server.close(resolve));
    return port;
}

const connects = port => new Promise(resolve => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
        socket.destroy();
        resolve(true);
    });
    socket.once("error", () => resolve(false));
});

/** A child on a port; waits until it answers there. */
async function start(command, port, log, environment = {}) {
    const out = fs.openSync(log, "a");
    const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command],
                        { stdio: ["ignore", out, out], env: { ...process.env, ...environment } });
    fs.closeSync(out);
    child.ended = new Promise(resolve => child.once("exit", resolve));
    await until(async () => {
        if (child.exitCode !== null)
            throw new Error(`${command[0]} did not start:\n${fs.readFileSync(log, "utf8").slice(-2000)}`);
        return connects(port);
    }, `${command[0]} answers`, START_MS);
    return child;
}

/** cloakroomd, in a folder; `again()` starts it anew with the same ports and files. */
export class Server {
    static async start(program, ...options) {
        const server = new Server();
        server.program = program;
        server.options = options;
        server.where = folder();
        server.data = path.join(server.where, "data");
        server.port = await freePort();
        server.http = await freePort();
        server.url = `http://127.0.0.1:${server.http}/`;
        await server.again();
        return server;
    }

    async again() {
        const user = process.geteuid() === 0 ? ["-u", "root"] : [];
        const tokens = path.join(this.where, "http-token");
        this.log = path.join(this.where, "log");
        this.child = await start([this.program, ...user, "-l", "127.0.0.1", "-p", String(this.port), "-U", "0",
                                  "--http", `127.0.0.1:${this.http}`, "--http-token-file", tokens,
                                  ...this.options.map(word => word.replace("DATA", this.data))], this.http, this.log);
        await until(() => fs.existsSync(tokens) && fs.existsSync(`${tokens}-reader`), "the tokens are made");
        this.admin = fs.readFileSync(tokens, "utf8").trim();
        this.reader = fs.readFileSync(`${tokens}-reader`, "utf8").trim();
    }

    async kill() {
        this.child.kill("SIGKILL");
        await this.child.ended;
    }

    /** Ends it, and says when it did not end well. */
    async stop() {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            this.child.kill("SIGTERM");
            const code = await Promise.race([this.child.ended, sleep(10000).then(() => "late")]);
            if (code !== 0) {
                this.child.kill("SIGKILL");
                throw new Error(`cloakroomd ended with ${code}:\n${fs.readFileSync(this.log, "utf8").slice(-2000)}`);
            }
        }
        fs.rmSync(this.where, { recursive: true, force: true });
    }
}

/** Two processes of PHP's own web server with one site: one may hold a session while the other waits for it. */
export class Site {
    static async start(extension, server, site) {
        const php = new Site();
        php.where = folder();
        php.children = [];
        php.urls = [];
        for (let i = 0; i < 2; i++) {
            const port = await freePort();
            const settings = { "extension": extension, "session.save_handler": "cloakroom", "session.use_strict_mode": "1",
                               "session.save_path": `tcp://127.0.0.1:${server.port}`, "session.gc_probability": "0" };
            const words = Object.entries(settings).flatMap(([name, value]) => ["-d", `${name}=${value}`]);
            php.children.push(await start(["php", ...words, "-S", `127.0.0.1:${port}`, "-t", site, path.join(site, "index.php")],
                                          port, path.join(php.where, `php-${i}.log`)));
            php.urls.push(`http://127.0.0.1:${port}/`);
        }
        return php;
    }

    async stop() {
        for (const child of this.children) {
            child.kill("SIGKILL");
            await child.ended;
        }
        fs.rmSync(this.where, { recursive: true, force: true });
    }
}

/** A connection to cloakroomd, which asks one thing at a time. */
export class Store {
    static async connect(port) {
        const store = new Store();
        store.socket = net.connect(port, "127.0.0.1");
        store.text = "";
        store.socket.setEncoding("latin1").on("data", piece => {
            store.text += piece;
            store.wake?.();
        });
        store.socket.on("error", () => {});
        await new Promise(resolve => store.socket.once("connect", resolve));
        return store;
    }

    /** Sends lines; gives the first line of the answer that is no WT, and with VA what follows is left behind. */
    async ask(words) {
        this.socket.write(`${words}\r\n`);
        for (;;) {
            const match = /^(?:WT \d+\r\n)*([^\r]*)\r\n/.exec(this.text);
            const body = match && /^VA (\d+)/.exec(match[1]);
            const length = match ? match[0].length + (body ? Number(body[1]) + 2 : 0) : Infinity;
            if (this.text.length >= length) {
                this.text = this.text.slice(length);
                return match[1];
            }
            await new Promise(resolve => {
                this.wake = resolve;
            });
        }
    }

    /** Makes or rewrites a session with tags, and gives it back. */
    async session(id, value, tags = [], application = "") {
        const of = application ? ` A${application}` : "";
        const token = / (K\S+)/.exec(await this.ask(`so ${id}${of}`))[1];
        const answer = await this.ask(`sw ${id} ${value.length} ${token} T1440${of}${tags.map(tag => ` G${tag}`).join("")}\r\n${value}`);
        if (!answer.startsWith("HD"))
            throw new Error(`sw was answered ${answer}`);
    }

    close() {
        this.socket.destroy();
    }
}

/** n sessions as php-memcached keeps them, as fast as they are taken. */
export async function fill(port, n) {
    const socket = net.connect(port, "127.0.0.1");
    socket.resume();
    const value = "x".repeat(100);
    for (let i = 0; i < n;) {
        let batch = "";
        for (const end = Math.min(n, i + 2000); i < end; i++)
            batch += `set memc.sess.key.fill${i} 0 86400 100 noreply\r\n${value}\r\n`;
        if (!socket.write(batch))
            await new Promise(resolve => socket.once("drain", resolve));
    }
    socket.destroySoon();
    await new Promise(resolve => socket.once("close", resolve));
}

/** Opens and writes sessions until it is stopped, a few hundred a second. */
export async function load(port) {
    const store = await Store.connect(port);
    let going = true;
    const done = (async () => {
        for (let i = 0; going; i++) {
            await store.session(`load${i % 500}`, "v".repeat(500));
            if (i % 10 === 9)
                await sleep(20);
        }
        store.close();
    })();
    return async () => {
        going = false;
        await done;
    };
}
