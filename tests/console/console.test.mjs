// The main flow of every page, on a real server in a real browser.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Browser, Server, checkAccessible, freePort, onStack, text, until } from "./harness.mjs";

const browser = new Browser();
const server = new Server();
let guide;

before(async () => {
  await Promise.all([browser.start(), server.start()]);
  guide = await server.add("# Undo a commit\n\nThe command git reset moves the branch back and keeps your changes.\n\n# Find a bug\n\nThe command git bisect finds the commit that introduced it.", {
    title: "Git guide",
    key: "guides/git.md",
    metadata: { lang: "en" },
    chunking: { strategy: "passage", max_tokens: 16 },
  });
  await server.add("Trains leave at nine.", { title: "Timetable", key: "notes/trains.txt", metadata: { lang: "de" } });
});
afterEach(() => browser.check());
after(async () => {
  await browser.end();
  await server.end();
});

test("the files come compressed, cached and under a strict policy", async () => {
  const page = await fetch(`${server.url}/console/documents/1`);
  assert.match(page.headers.get("content-security-policy"), /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const html = await page.text();
  assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|style="|https?:\/\//);
  let first = 0;
  for (const [, name] of html.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)) {
    const { createConnection } = await import("node:net");
    const raw = await new Promise((resolve, reject) => {
      const parts = [];
      const socket = createConnection(server.port, "127.0.0.1", () => socket.write(`GET ${name} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`));
      socket.on("data", (data) => parts.push(data)).on("end", () => resolve(Buffer.concat(parts))).on("error", reject);
    });
    const end = raw.indexOf("\r\n\r\n");
    assert.match(raw.subarray(0, end).toString(), /Cache-Control: public, max-age=31536000, immutable\r\n/);
    const body = raw.subarray(end + 4);
    first += body.length;
    const plain = Buffer.from(await (await fetch(server.url + name, { headers: { "Accept-Encoding": "identity" } })).arrayBuffer());
    assert.ok(gunzipSync(body).equals(plain));
  }
  assert.ok(first > 10_000 && first < 200_000, `the first page is ${first} bytes`);
  const tag = page.headers.get("etag");
  assert.equal((await fetch(`${server.url}/console/`, { headers: { "If-None-Match": tag } })).status, 304);
  assert.equal((await fetch(`${server.url}/console/assets/old-1234.js`)).status, 404);
});

test("a browser is sent to the console, other clients get the greeting", async () => {
  const sent = await fetch(server.url, { headers: { Accept: "text/html,*/*" }, redirect: "manual" });
  assert.deepEqual([sent.status, sent.headers.get("location")], [303, "/console/"]);
  assert.deepEqual(await server.call("GET", "/"), { message: "Simple RAG Knowledge Base API" });
});

test("search: ask, marked words, filter, two settings, to the passage in its document", async () => {
  const page = await browser.page(server);
  await page.goto("/");
  await page.getByRole("searchbox", { name: "Question" }).fill("Which command finds the commit with the bug?");
  await page.keyboard.press("Enter");
  await page.locator(".hit").first().waitFor();
  assert.match(page.url(), /\/console\/\?q=Which\+command/);
  assert.ok((await page.locator(".hit mark").allTextContents()).includes("command"));
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Add a filter" }).click();
  await page.getByLabel("Field", { exact: true }).fill("metadata.lang");
  await page.getByLabel("Value", { exact: true }).fill("de");
  await until(async () => (await page.locator(".hit").count()) === 1, "one passage");
  await text(page, "Trains leave at nine.");
  await page.getByRole("button", { name: "Copy this search as a curl command" }).or(page.getByRole("button", { name: "curl" })).click();
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await until(async () => (await clipboard()).startsWith("curl"), "the copy"); // which ends after the click
  assert.match(await clipboard(), /^curl -s .*\/v1\/search .*"filter":\{"field":"metadata.lang","equals":"de"\}/);
  await page.goBack();
  await page.goto("/console/?q=git+bisect&compare=1&k2=1");
  await until(async () => (await page.locator(".results").nth(1).locator(".hit").count()) === 1, "the second settings");
  await page.locator(".results").first().locator(".hit-title", { hasText: "Git guide" }).first().click();
  await page.locator(".segment.chosen").waitFor();
  assert.match(page.url(), new RegExp(`/console/documents/${guide.id}\\?chunk=\\d+`));
});

test("search by itself while typing", async () => {
  const page = await browser.page(server);
  await page.goto("/console/");
  await page.getByRole("searchbox", { name: "Question" }).pressSequentially("trains leave");
  await page.locator(".hit").first().waitFor(); // perhaps of what was typed until then
  await page.waitForURL(/\?q=trains\+leave$/);
  await page.reload();
  await page.locator(".hit").first().waitFor();
  assert.equal(await page.getByRole("searchbox", { name: "Question" }).inputValue(), "trains leave");
});

test("documents: upload a folder, with an error for the file that is no text", async () => {
  const folder = join(server.folder, "handbook");
  mkdirSync(join(folder, "deep"), { recursive: true });
  for (let i = 0; i < 60; ++i) writeFileSync(join(folder, "deep", `page-${i}.md`), `# Page ${i}\n\nThe number of this page is ${i}.`);
  writeFileSync(join(folder, "site.html"), "<title>Site</title><script>no()</script><h1>Welcome</h1><p>Open at <b>eight</b>.</p>");
  writeFileSync(join(folder, "broken.txt"), Buffer.from([0xff, 0xfe, 0x00]));
  const page = await browser.page(server);
  await page.goto("/console/documents?add=files");
  await page.getByLabel("Folder", { exact: true }).setInputFiles(folder);
  await text(page, "61 of 62 files");
  await text(page, "not UTF-8 text");
  const [site] = (await server.call("GET", "/v1/documents?key=handbook/site.html")).documents;
  assert.equal(site.title, "Site");
  assert.equal(await (await fetch(`${server.url}/v1/documents/${site.id}/content`)).text(), "# Welcome\n\nOpen at eight.");
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox", { name: "Title or key contains" }).fill("page 7");
  await until(async () => (await page.getByRole("row").count()) === 2, "one row");
  assert.match(page.url(), /text=page\+7/);
  await page.getByRole("link", { name: "Page 7" }).click();
  await text(page, "The number of this page is 7.");
});

test("documents: write, new version, link to its message, delete and undo", async () => {
  // The event of the deletion may be quicker than the way back to the list.
  const page = await browser.page(server, { allow: /404/ });
  await page.goto("/console/documents");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("tab", { name: "Type or paste" }).click();
  await page.getByLabel("Title", { exact: true }).fill("Recipe");
  await page.getByLabel("Text", { exact: true }).fill("Boil the water first.");
  await page.getByLabel("Key", { exact: true }).fill("recipes/tea");
  await page.getByRole("button", { name: "Add the document" }).click();
  await page.getByRole("link", { name: "Recipe" }).click();
  await text(page, "Boil the water first.");
  // The list of versions is that of a moment ago when one is opened.
  await page.route(/\/v1\/documents\/\d+\/versions/, async (route) => {
    await new Promise((done) => setTimeout(done, 2000));
    await route.continue();
  });
  await page.getByRole("button", { name: "New version" }).click();
  await page.getByLabel("Text", { exact: true }).fill("Boil the water, then wait.");
  await page.getByRole("button", { name: "Save as a new version" }).click();
  await text(page, "Boil the water, then wait.");
  await page.getByRole("button", { name: "Show version 1" }).press("Enter"); // a toast may lie over it
  await page.getByLabel("Text of version 1").getByText("Boil the water first.").waitFor();
  await page.getByRole("button", { name: "Make it the newest again" }).click();
  await text(page, "Its text is the newest again, as version 3");
  await page.unrouteAll({ behavior: "wait" });
  await text(page, "Boil the water first.");
  await page.getByRole("button", { name: "Index again" }).click();
  await text(page, "It is queued to be indexed again");
  await until(async () => (await server.call("GET", "/v1/documents?key=recipes/tea")).documents[0].indexed_version === 4, "it to be indexed again");
  await page.getByRole("link", { name: /document-uploads, partition/ }).click();
  await page.getByRole("dialog", { name: "Message" }).getByText("doc_").first().waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Delete" }).click();
  const sure = page.getByRole("button", { name: "Delete it" });
  assert.ok(await sure.isDisabled());
  await page.getByLabel("Type delete to confirm").fill("delete");
  await sure.click();
  const receipt = page.getByRole("region", { name: "Receipt" });
  await receipt.getByRole("heading", { name: "Deleted, and nothing is left" }).waitFor();
  await receipt.getByText(/[1-9]\d* found, none left/).first().waitFor();
  await receipt.getByText(/still in the log, kept/).first().waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await text(page, /It is back, as document/);
  const { documents } = await server.call("GET", "/v1/documents?key=recipes/tea");
  assert.equal(documents.length, 1);
});

test("documents: what failed says why", async () => {
  const { id } = await server.add("millracerefusethis", { title: "Poison" });
  const page = await browser.page(server);
  await page.goto("/console/documents?text=poison");
  await page.getByRole("link", { name: "Poison" }).click();
  await page.locator(".notice.bad").waitFor();
  assert.match(page.url(), new RegExp(`/documents/${id}$`));
  await page.context().close(); // which would ask for the document once more
  await server.call("DELETE", `/v1/documents/${id}`);
});

test("topics: create, send, filter, resend, follow live, configure, widen, empty, delete", async () => {
  // Its page asks again every three seconds, also between the deletion and the way back to the list.
  const page = await browser.page(server, { allow: /404/ });
  await page.goto("/console/topics");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByLabel("Name", { exact: true }).fill("orders");
  await page.getByRole("button", { name: "Create it" }).click();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByLabel("Key", { exact: true }).fill("k1");
  await page.getByLabel("Value", { exact: true }).fill('{"item": "tea", "count": 3}');
  await page.getByLabel("Headers", { exact: true }).fill("source: test");
  await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
  await page.getByRole("cell", { name: "k1" }).click();
  const message = page.getByRole("dialog", { name: "Message" });
  await message.getByText('"tea"').waitFor();
  await message.getByText("source").waitFor();
  await message.getByRole("button", { name: "Edit and send again" }).click();
  await page.getByLabel("Value", { exact: true }).fill('{"item": "coffee", "count": 1}');
  await page.getByRole("dialog", { name: "Edit and send again" }).getByRole("button", { name: "Send" }).click();
  await page.getByRole("cell", { name: /coffee/ }).waitFor();
  await page.getByLabel("Kind of filter").selectOption("where");
  await page.getByLabel("Filter", { exact: true }).fill("value.count > 2");
  await page.keyboard.press("Enter");
  await until(async () => (await page.getByRole("cell", { name: /coffee/ }).count()) === 0 && (await page.getByRole("cell", { name: /tea/ }).count()) === 1, "the filter");
  await page.goto("/console/topics/orders/messages?from=live");
  await text(page, "Waiting for the next message");
  await text(page, /^2 messages, ≈ \d+ B in 3 partitions/);
  await server.call("POST", "/v1/topics/orders/messages", { key: "k2", value: { item: "milk" } });
  await page.getByRole("cell", { name: /milk/ }).waitFor();
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, 200]), Buffer.from('{"item": "cocoa"}')]); // after a schema's id
  await server.call("POST", "/v1/topics/orders/messages", { key: "k3", value_base64: framed.toString("base64") });
  await page.getByRole("cell", { name: "k3" }).click();
  await message.getByText('"cocoa"').waitFor();
  await message.getByRole("button", { name: "Edit and send again" }).click();
  await page.getByRole("dialog", { name: "Edit and send again" }).getByRole("button", { name: "Send" }).click();
  await page.getByRole("cell", { name: /^\{"item": "cocoa"\}$/ }).waitFor();
  await page.getByRole("link", { name: "Configuration" }).click();
  await page.getByRole("button", { name: "Set another" }).click();
  await page.getByLabel("Name", { exact: true }).fill("retention.ms");
  await page.getByLabel("Value", { exact: true }).fill("3600000");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "3600000" }).waitFor();
  await page.getByRole("link", { name: "Partitions" }).click();
  await page.getByRole("button", { name: "Add partitions" }).click();
  await page.getByLabel("Partitions in all").fill("5");
  await page.getByRole("button", { name: "Widen the topic" }).click();
  await page.getByRole("heading", { name: "5 partitions", exact: true }).waitFor();
  await page.getByRole("link", { name: "Messages" }).click();
  await page.getByRole("cell", { name: /coffee/ }).waitFor();
  await page.getByRole("button", { name: "Empty" }).click();
  const empties = page.getByRole("dialog", { name: "Empty the topic orders?" });
  assert.ok(await empties.getByRole("button", { name: "Empty the topic" }).isDisabled());
  await empties.getByLabel("Type orders to confirm").fill("orders");
  await empties.getByRole("button", { name: "Empty the topic" }).click();
  await text(page, "5 messages removed from orders");
  await text(page, "No messages here"); // the list is read anew
  assert.equal((await server.call("GET", "/v1/topics/orders")).messages, 0);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Type orders to confirm").fill("orders");
  await page.getByRole("button", { name: "Delete the topic" }).click();
  await page.getByRole("heading", { name: "Topics" }).waitFor();
  assert.ok(!(await server.call("GET", "/v1/topics")).topics.some(({ name }) => name === "orders"));
});

test("consumer groups: lag, members, a reset with its preview", async () => {
  await server.call("POST", "/v1/topics", { name: "jobs", partitions: 1 });
  for (let i = 0; i < 4; ++i) await server.call("POST", "/v1/topics/jobs/messages", { value: `job ${i}` });
  await server.call("POST", "/v1/groups/reporters/reset", { topic: "jobs", to: "latest", execute: true });
  // Its page asks again every two seconds, also between the deletion and the way back to the list.
  const page = await browser.page(server, { allow: /404/ });
  await page.goto("/console/groups");
  await page.getByRole("link", { name: "embedding-workers", exact: true }).waitFor();
  await page.getByRole("link", { name: "reporters" }).click();
  await text(page, "Everything is read");
  await text(page, "Nobody reads for this group now.");
  await page.getByRole("button", { name: "Reset offsets" }).click();
  await page.getByLabel("To", { exact: true }).selectOption("offset");
  await page.getByLabel("Offset", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByRole("cell", { name: "3", exact: true }).waitFor();
  await page.getByLabel("Type reporters to confirm").fill("reporters");
  await page.getByRole("button", { name: "Reset the group" }).click();
  await text(page, "3 messages not read yet");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Type reporters to confirm").fill("reporters");
  await page.getByRole("button", { name: "Delete the group" }).click();
  await page.getByRole("heading", { name: "Consumer groups" }).waitFor();
  await server.call("DELETE", "/v1/topics/jobs");
});

test("dead letters: a poison message corrected and sent again, others redriven and purged", async () => {
  const send = (value) => server.call("POST", "/v1/topics/document-uploads/messages", { value });
  await send("no JSON at all");
  const page = await browser.page(server);
  await page.goto("/console/dead-letters");
  await page.getByRole("cell", { name: /bad_message/ }).first().click();
  const letter = page.getByRole("dialog", { name: "Dead letter" });
  await letter.getByText("no JSON at all").waitFor();
  await letter.getByRole("button", { name: "Correct it" }).click();
  await letter.getByLabel("Value").fill(JSON.stringify({ document_id: 900, title: "Repaired", content: "It is a document after all." }));
  await letter.getByRole("button", { name: "Redrive corrected" }).click();
  await text(page, "It is on its way");
  await until(() => fetch(`${server.url}/v1/documents/900`).then(async (answer) => answer.ok && (await answer.json()).searchable), "the repaired document");
  await text(page, "No dead letters");
  for (let i = 0; i < 3; ++i) await send(`still no JSON ${i}`);
  await text(page, "3 dead letters");
  await page.getByRole("button", { name: "Redrive all" }).click();
  await page.getByRole("button", { name: "Redrive 3 messages" }).click();
  await page.getByRole("dialog").getByText("3 sent again").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await until(async () => (await server.call("GET", "/v1/dead-letters?redriven=false")).matched === 3, "their failing again");
  await page.getByRole("button", { name: "Purge" }).click();
  await page.getByLabel("Type purge to confirm").fill("purge");
  await page.getByRole("button", { name: "Take them off the list" }).click();
  await text(page, "No dead letters");
  await server.call("DELETE", "/v1/documents/900");
});

test("pipeline, analytics and system say what is", async () => {
  const page = await browser.page(server);
  await page.goto("/console/pipeline");
  await text(page, "Everything is worked off.");
  await page.getByRole("cell", { name: new RegExp(`server 127.0.0.1:${server.port}`) }).waitFor();
  await server.call("POST", "/v1/search", { query: "a question of this test" });
  await page.goto("/console/analytics?hours=1");
  await page.getByRole("link", { name: "a question of this test" }).waitFor();
  await page.goto("/console/system");
  await text(page, "connected");
  await page.getByRole("cell", { name: "flag" }).first().waitFor();
  await page.getByRole("searchbox").fill("millrace_http_connections");
  await page.getByRole("region", { name: "Metrics" }).getByText("Open client connections.").waitFor();
});

test("pipeline: charts begin before the console was opened, over a span that the address keeps", async () => {
  await until(async () => (await server.call("GET", "/v1/status/history")).at.length > 1, "two samples");
  const page = await browser.page(server);
  const opened = Date.now();
  await page.goto("/console/pipeline");
  await page.getByRole("button", { name: "6 h" }).click();
  assert.match(page.url(), /minutes=360/);
  const begin = page.getByText(/^from .* on$/).locator("time");
  await until(async () => Date.parse(await begin.getAttribute("datetime")) < opened, "a sample from before");
  await page.reload();
  await until(async () => Date.parse(await begin.getAttribute("datetime")) < opened, "the same after a reload");
  assert.equal(await page.getByRole("button", { name: "6 h" }).getAttribute("aria-pressed"), "true");
});

test("keyboard: pages, search box, palette", async () => {
  const page = await browser.page(server);
  await page.goto("/console/");
  await page.locator("body").click({ position: { x: 5, y: 300 } });
  const there = page.getByRole("heading", { name: "Topics" });
  await until(async () => {
    await page.keyboard.press("g"); // and soon after it the other: again when the machine was too slow
    await page.keyboard.press("t");
    return there.waitFor({ timeout: 5_000 }).then(() => true, () => false);
  }, "Topics");
  const box = page.getByRole("searchbox", { name: "Name contains" });
  await box.waitFor();
  await page.keyboard.press("/");
  await until(() => box.evaluate((one) => one === document.activeElement), "the search box being chosen");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Command" }).fill("analyt");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Analytics" }).waitFor();
});

const places = {
  search: "?q=git+bisect",
  documents: "documents",
  pipeline: "pipeline",
  topics: "topics",
  topic: "topics/document-uploads/messages?from=oldest",
  partitions: "topics/document-uploads/partitions",
  dead: "dead-letters",
  groups: "groups",
  group: "groups/embedding-workers",
  analytics: "analytics",
  system: "system",
  add: "documents?add=text",
};
for (const theme of onStack ? [] : ["light", "dark"]) { // a page looks the same whatever is behind it
  test(`accessible in the ${theme} theme, and no wider than a phone`, async () => {
    const page = await browser.page(server, { theme });
    const phone = await browser.page(server, { theme, phone: true });
    for (const [name, place] of [...Object.entries(places), ["document", `documents/${guide.id}?chunk=1`]]) {
      for (const view of [page, phone]) {
        await view.goto(`/console/${place}`);
        await view.waitForLoadState("load");
        await until(async () => (await view.locator(".bones").count()) === 0 && (await view.locator("h1").count()) > 0, `${name} being there`);
        await until(() => view.evaluate(() => document.getAnimations().every((animation) => animation.effect.getTiming().iterations === Infinity || animation.playState === "finished")), `${name} at rest`);
        if (view === page) await checkAccessible(view, `${name} in ${theme}`);
      }
      assert.ok(await phone.evaluate(() => [document.documentElement, document.getElementById("main")].every((box) => box.scrollWidth <= box.clientWidth)), `${name} is wider than a phone`);
    }
  });
}

test("a server that restarts under an open page, which catches up by itself", async () => {
  const other = await new Server().start();
  try {
    const page = await browser.page(other, { allow: /ERR_|Failed to load resource|NetworkError|INCOMPLETE/ });
    await page.goto("/console/documents");
    await (onStack ? page.getByRole("row").nth(1).waitFor() : text(page, "No documents yet")); // there, others' documents
    await text(page, "Live");
    await other.stop();
    await text(page, "The server does not answer. What you see may be old");
    await other.start();
    await other.add("After the restart.", { title: "Phoenix" });
    await page.getByRole("link", { name: "Phoenix" }).waitFor();
    await text(page, "Live");
    await page.reload();
    await page.getByRole("link", { name: "Phoenix" }).waitFor();
  } finally {
    await other.end();
  }
});

test("API keys: asked for, kept in the tab; the other port is the same console", async () => {
  const port = await freePort();
  const keys = join(server.folder, "keys");
  writeFileSync(keys, "0123456789abcdef0123456789abcdef admin\n", { mode: 0o600 });
  const guarded = await new Server("--api-keys", keys, "--console-listen", `127.0.0.1:${port}`).start();
  try {
    const there = { ...guarded, url: `http://127.0.0.1:${port}` };
    const page = await browser.page(there, { allow: /401|Failed to load resource/ });
    await page.goto("/");
    await page.getByRole("dialog", { name: "API key" }).waitFor();
    await page.getByLabel("Key", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Use this key" }).click();
    await text(page, "The server does not know this key.");
    await page.getByLabel("Key", { exact: true }).fill("0123456789abcdef0123456789abcdef");
    await page.getByRole("button", { name: "Use this key" }).click();
    await (onStack ? page.getByRole("searchbox", { name: "Question" }).waitFor() : text(page, "Nothing to search yet"));
    await text(page, "Live");
    await page.reload();
    await (onStack ? page.getByRole("searchbox", { name: "Question" }).waitFor() : text(page, "Nothing to search yet"));
    const foreign = await fetch(`${there.url}/v1/status`, { headers: { Origin: guarded.url, Authorization: "Bearer 0123456789abcdef0123456789abcdef" } });
    assert.equal(foreign.status, 403); // a page of another port is another site
  } finally {
    await guarded.end();
  }
});
