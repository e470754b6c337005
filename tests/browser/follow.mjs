// The page 同步 of a node to which files are on their way: the bars move without the page being loaded or asked for again.
//
//   node follow.mjs '{"chromium": …, "url": …, "setup": …, "size": "1366x768", "title": …}'
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { PATIENCE_MS, browser, fillSetUp, page, plan, submit } from "./teacher.mjs";

const wrong = [];
page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(`console: ${message.text()}`));

const picture = async (name) => {
  if (!plan.pictures) return;
  mkdirSync(plan.pictures, { recursive: true });
  await page.screenshot({ path: `${plan.pictures}/${plan.size}-${name}.png`, fullPage: true });
};

await page.goto(`${plan.url}/setup`);
await fillSetUp(plan.setup);
await Promise.all([page.waitForURL((url) => url.pathname !== "/setup"), submit()]);

await page.goto(`${plan.url}/sync`);
await picture("nothing");
await Promise.all([page.waitForURL(/done=subscribed/), page.locator('form.subscribe button[name="all"]').click()]);
const asked = [];
page.on("request", (request) => asked.push(new URL(request.url()).pathname));
const board = await page.locator("#board").elementHandle();
const row = page.locator("#arriving tr", { hasText: plan.title });
/** How far the bar of the file is that is watched; none where it is not listed. */
const value = () => row.locator("progress").evaluateAll((bars) => bars[0]?.value);

/** Waits until it is so. The page's policy keeps scripts from being made within it, so it is asked from here. */
async function until(what, isSo) {
  const end = Date.now() + 2 * PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end) {
      await picture("failed");
      throw new Error(`${what} does not come about`);
    }
    await page.waitForTimeout(100);
  }
}
const moves = (from) => until("a bar that moves", async () => (await value()) > from);

await moves(0);
const first = await value();
await moves(first);
const second = await value();
await moves(second);
await picture("moving");
assert.ok(await board.evaluate((element) => element.isConnected), "the board was put in place of itself");
const text = await page.locator("#arriving").textContent();
assert.match(text, /每秒 \d/, "no rate");
assert.match(await page.locator("#outlook").textContent(), /预计|还要/, "nothing is said of when");
const nobody = asked.filter((path) => path !== "/sync/live" && !path.startsWith("/assets/"));
assert.deepEqual(nobody, [], "the page asked again");
await until("the end", async () => (await value()) === undefined);
await until("the ledger", async () => /MB/.test(await page.locator("#ledger").textContent()));
await picture("arrived");

const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
assert.ok(!tooWide, "wider than the screen");
// Nothing stays open for a page that nobody looks at.
await page.goto("about:blank");
assert.deepEqual(wrong, []);
console.log(`ok  ${plan.size}  a bar moves without a reload`);
await browser.close();
