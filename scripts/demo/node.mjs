// One node: its folder, its process, its command line, its HTTP interface.
import { execFile, spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const KAPOK = process.env.KAPOK_BIN;
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** A command or a request was refused; the message is for people. */
export class Refused extends Error {}

export class Node {
  constructor(place, base, ports) {
    this.place = place;
    this.home = join(base, place.key);
    this.ports = ports;
    this.url = `http://127.0.0.1:${ports.http}`;
    this.logPath = join(base, `${place.key}.log`);
    this.session = null;
  }

  get exists() {
    return existsSync(join(this.home, "FORMAT"));
  }

  /** Makes the folder; the set-up code is given back. */
  async init() {
    const { tier, name, region } = this.place;
    const listen = `/ip4/127.0.0.1/udp/${this.ports.peers}/quic-v1`;
    const made = await this.kapok("init", "--tier", tier, "--name", name, "--region", region, "--http", `127.0.0.1:${this.ports.http}`, "--listen", listen);
    return made.setup;
  }

  /** Starts the process and waits for its ready line. */
  async start() {
    const log = openSync(this.logPath, "a");
    // A group of its own: Ctrl-C reaches this program alone, which stops the nodes in order.
    this.process = spawn(KAPOK, ["--home", this.home, "serve"], { stdio: ["ignore", "pipe", log], detached: true });
    this.ended = new Promise((resolve) => this.process.once("exit", (code, signal) => resolve(code ?? signal)));
    const failed = new Promise((_, reject) => this.process.once("error", reject));
    const lines = createInterface({ input: this.process.stdout });
    const first = new Promise((resolve) => lines.once("line", resolve));
    const line = await Promise.race([first, failed, this.ended.then((code) => Promise.reject(this.fell(code)))]);
    this.id = JSON.parse(line).node;
  }

  fell(code) {
    const tail = existsSync(this.logPath) ? readFileSync(this.logPath, "utf8").trimEnd().split("\n").slice(-8).join("\n  ") : "";
    return new Refused(`${this.place.name} 没有起来 (exit ${code})，日志 ${this.logPath}:\n  ${tail}`);
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode) return;
    this.process.kill("SIGINT");
    await this.ended;
  }

  /** Runs a command with --json and gives its document. */
  async kapok(...args) {
    try {
      const { stdout } = await run(KAPOK, ["--home", this.home, "--json", ...args], { maxBuffer: OUTPUT_BYTES });
      return JSON.parse(stdout);
    } catch (error) {
      const said = (error.stderr || error.message).trim();
      throw new Refused(`${this.place.name}: kapok ${args[0]}: ${said}`);
    }
  }

  /** Asks the HTTP interface as a browser would: with the session's cookie and form token. */
  async ask(method, path, body, headers = {}) {
    const session = this.session ? { cookie: this.session.cookie, "x-kapok-csrf": this.session.csrf } : {};
    const json = body !== undefined && !(body instanceof Uint8Array);
    const answer = await fetch(this.url + path, {
      method,
      headers: { ...session, ...(json ? { "content-type": "application/json" } : {}), ...headers },
      body: json ? JSON.stringify(body) : body,
    });
    const text = await answer.text();
    const document = text ? JSON.parse(text) : null;
    if (!answer.ok) {
      const { title, detail, remedy } = document ?? {};
      throw new Refused(`${this.place.name}: ${method} ${path}: ${answer.status} ${[title, detail, remedy].filter(Boolean).join("; ")}`);
    }
    return { document, cookie: answer.headers.get("set-cookie")?.split(";")[0] };
  }

  /** The first account, by the set-up code. */
  setUp(code, password) {
    return this.keep(this.ask("POST", "/api/v1/setup", { code, name: this.place.account, password }));
  }

  signIn(password) {
    return this.keep(this.ask("POST", "/api/v1/session", { name: this.place.account, password }));
  }

  async keep(asked) {
    const { document, cookie } = await asked;
    this.session = { cookie, csrf: document.csrf };
  }

  sync() {
    return this.kapok("sync", "--now");
  }
}
