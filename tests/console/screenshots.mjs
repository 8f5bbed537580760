// Pictures of each page of a running system: node screenshots.mjs URL FOLDER
import { join } from "node:path";
import { Browser, checkAccessible } from "./harness.mjs";

const [url, folder] = process.argv.slice(2);
const browser = await new Browser().start();
const server = { url };

async function picture(name, place) {
  const page = await browser.page(server, { theme: name === "pipeline" || name === "messages" ? "dark" : "light", phone: name === "phone" });
  await page.goto(`/console/${place}`);
  await page.waitForTimeout(name === "pipeline" ? 30_000 : 3_000); // charts fill, lists load
  await checkAccessible(page, name);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.context().close();
}

const get = async (path, body) => (await fetch(url + path, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
const question = "How do I undo my last commit but keep my changes?";

// While documents are on their way, and then what they answer.
const atWork = {
  pipeline: "pipeline",
  documents: "documents",
  topics: "topics",
  messages: "topics/document-events/messages?from=oldest&open=0%3A0",
  groups: "groups/embedding-workers",
  "dead-letters": "dead-letters",
  system: "system",
};
for (const [name, place] of Object.entries(atWork)) await picture(name, place);
for (let left = 600; left > 0; left -= 1) {
  const { documents } = await get("/v1/status");
  if (documents.queued + documents.processing === 0) break;
  await new Promise((wake) => setTimeout(wake, 1000));
}
const [{ document, chunk }] = (await get("/v1/search", { query: question, top_k: 1 })).hits;
const asked = `?${new URLSearchParams({ q: question })}`;
await picture("search", asked);
await picture("document", `documents/${document.id}?chunk=${chunk.index}`);
await picture("analytics", "analytics?hours=1");
await picture("phone", asked);
await browser.end();
