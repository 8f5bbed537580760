// Pictures of each page of a running system: node screenshots.mjs URL FOLDER
import { join } from "node:path";
import { Browser, checkAccessible } from "./harness.mjs";

const [url, folder] = process.argv.slice(2);
const browser = await new Browser().start();
const server = { url };

const [newest] = (await (await fetch(`${url}/v1/search`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query: "How do I undo my last commit but keep my changes?", top_k: 1 }) })).json()).hits;
const pages = {
  search: "?q=How+do+I+undo+my+last+commit+but+keep+my+changes%3F",
  documents: "documents",
  document: `documents/${newest.document.id}?chunk=${newest.chunk.index}`,
  pipeline: "pipeline",
  topics: "topics",
  messages: "topics/document-events/messages?from=oldest&open=0%3A0",
  groups: "groups/embedding-workers",
  "dead-letters": "dead-letters",
  analytics: "analytics?hours=1",
  system: "system",
};
for (const [name, place] of Object.entries(pages)) {
  const page = await browser.page(server, { theme: name === "pipeline" || name === "messages" ? "dark" : "light" });
  await page.goto(`/console/${place}`);
  await page.waitForTimeout(name === "pipeline" ? 30_000 : 3_000); // charts fill, lists load
  await checkAccessible(page, name);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.context().close();
}
const phone = await browser.page(server, { phone: true });
await phone.goto(`/console/${pages.search}`);
await phone.waitForTimeout(3_000);
await phone.screenshot({ path: join(folder, "phone.png") });
await browser.end();
