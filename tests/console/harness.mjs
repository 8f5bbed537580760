// A real millrace with the deterministic model, and a real Chromium that looks at it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../../..");
const require = createRequire(join(root, "web/package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const kPatience = 60_000; // milliseconds; a wait this long means that something hangs

/** Below the kernel's range for outgoing connections, so that nothing takes it before the server has it, or while that restarts. */
export async function freePort() {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const server = createServer();
    const free = await new Promise((resume) => server.once("error", () => resume(false)).listen(port, "127.0.0.1", () => resume(true)));
    if (!free) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}

export async function until(condition, what) {
  const deadline = Date.now() + kPatience;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `${what} did not happen`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

/** On the servers that the environment names, with workers that somebody else started (tests/cluster/test_console.py). */
export const onStack = process.env.MILLRACE_CONSOLE_ON_STACK === "1";

export class Server {
  constructor(...flags) {
    this.flags = flags;
    this.folder = mkdtempSync(join(tmpdir(), "millrace-console-"));
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const known = onStack ? /^MILLRACE_/ : /^(MILLRACE_|KAFKA_|MYSQL_|REDIS_)/;
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !known.test(name) || name === "MILLRACE_CACHE"));
    const binary = process.env.MILLRACE_BINARY ?? join(root, "build/release/millrace");
    this.process = spawn(binary, ["serve", ...(onStack ? [] : ["--embedded", "--data", join(this.folder, "data")]), "--listen", `127.0.0.1:${this.port}`, "--model", "test", ...(this.flags.includes("--console-listen") ? [] : ["--console-listen", "off"]), ...this.flags], {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    this.process.stderr.on("data", (data) => (said += data));
    await until(async () => {
      assert.equal(this.process.exitCode, null, said);
      return fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false);
    }, "readiness");
    return this;
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    const ended = new Promise((resume) => this.process.once("exit", resume));
    this.process.kill("SIGTERM");
    await ended;
  }

  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async call(method, path, body, headers = {}) {
    const answer = await fetch(this.url + path, { method, headers: { ...(body && { "Content-Type": "application/json" }), ...headers }, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  }

  /** Searchable when it returns, or failed. */
  add(content, more = {}) {
    return this.call("POST", "/v1/documents?wait=60", { content, ...more });
  }
}

/** A browser whose every page complains of errors, refusals of the policy, and requests to other hosts. */
export class Browser {
  complaints = [];

  async start() {
    const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
    this.browser = await chromium.launch({ executablePath: process.env.MILLRACE_CHROMIUM ?? "/usr/bin/chromium", args: flags.split(" ") });
    return this;
  }

  async page(server, { theme = "light", phone = false, allow = /$^/ } = {}) {
    const context = await this.browser.newContext({
      colorScheme: theme,
      baseURL: server.url,
      viewport: phone ? { width: 390, height: 800 } : { width: 1280, height: 800 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(kPatience);
    const complain = (text) => allow.test(text) || this.complaints.push(`${page.url()}: ${text}`);
    page.on("pageerror", (error) => complain(error.message));
    page.on("console", (message) => message.type() === "error" && complain(message.text()));
    page.on("request", (request) => new URL(request.url()).origin === server.url || request.url().startsWith("blob:") || complain(`asked ${request.url()}`));
    return page;
  }

  /** Closes every page. Nothing must have been complained of since the last call. */
  async check() {
    await Promise.all(this.browser.contexts().map((context) => context.close()));
    assert.deepEqual(this.complaints.splice(0), []);
  }

  end() {
    return this.browser.close();
  }
}

/** Nothing that axe calls serious or critical. */
export async function checkAccessible(page, what) {
  // The page's policy lets no script of ours in; what the debugger evaluates is no part of the page.
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { resultTypes: ["violations"] });
    return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  });
  assert.deepEqual(violations, [], what);
}

export const text = (page, pattern) => page.getByText(pattern).first().waitFor();
