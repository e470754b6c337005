// A teacher's walk through the pages of a school's node: set-up, signing in, uploading, searching, a resource, the
// federation, what is on its way. On every page: nothing in the console, nothing asked of another place, nothing wider
// than the screen.
//
//   node walk.mjs '{"chromium": …, "url": …, "setup": …, "size": "1366x768", "file": …, "city": …}'
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { basename } from "node:path";
import { NAME, PASSWORD, browser, context, fillSetUp, page, plan, submit, width } from "./teacher.mjs";

const wrong = [];
/** Answers that a step expects to be refused: Chromium writes them into the console by itself. */
let refusals = 0;
page.on("console", (message) => {
  if (!["error", "warning"].includes(message.type())) return;
  if (refusals > 0 && message.text().includes("Failed to load resource")) refusals -= 1;
  else wrong.push(`console: ${message.text()} (${page.url()})`);
});
page.on("pageerror", (error) => wrong.push(`script: ${error.message} (${page.url()})`));
context.on("request", (request) => {
  const url = request.url();
  if (!url.startsWith(plan.url) && !/^(data|blob|about|chrome-extension):/.test(url)) wrong.push(`another place was asked: ${url}`);
});
context.on("response", (answer) => {
  if (answer.status() >= 500) wrong.push(`${answer.status()}: ${answer.url()}`);
});

let seen = 0;
async function look(name) {
  const tooWide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return null;
    const all = Array.from(document.querySelectorAll("body *"));
    const out = all.filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1).slice(0, 3);
    return `${root.scrollWidth} > ${root.clientWidth}: ${out.map((element) => element.outerHTML.slice(0, 100)).join(" | ")}`;
  });
  if (tooWide) wrong.push(`${name} is wider than the screen: ${tooWide}`);
  seen += 1;
  if (plan.pictures) {
    mkdirSync(plan.pictures, { recursive: true });
    await page.screenshot({ path: `${plan.pictures}/${plan.size}-${String(seen).padStart(2, "0")}-${name}.png` });
  }
}

const go = async (path, name) => {
  const answer = await page.goto(plan.url + path);
  assert.equal(answer.status(), 200, `${path} answers ${answer.status()}`);
  await look(name);
};

const steps = {
  async "an unset node leads to its set-up page"() {
    await go("/", "setup");
    assert.equal(new URL(page.url()).pathname, "/setup");
  },
  async "a wrong set-up code is refused and the rest of the form stays"() {
    await fillSetUp("0000-0000-0000-0000");
    refusals = 1;
    await Promise.all([page.waitForNavigation(), submit()]);
    await page.locator("[role=alert]").waitFor();
    assert.equal(await page.locator("#name").inputValue(), NAME);
    refusals = 0;
    await look("setup-refused");
  },
  async "the set-up code makes the first account"() {
    await fillSetUp(plan.setup);
    await Promise.all([page.waitForURL((url) => url.pathname !== "/setup"), submit()]);
    assert.ok((await page.locator('a.me[href="/account"], .bottom a[href="/account"]').count()) >= 1, "nobody is signed in");
    await look("first-page");
  },
  async "one signs out, and in again"() {
    await go("/account", "account");
    await Promise.all([page.waitForNavigation(), page.locator('form[action="/logout"] button').click()]);
    await go("/login", "login");
    await page.fill("#name", NAME);
    await page.fill("#password", PASSWORD);
    await Promise.all([page.waitForURL((url) => url.pathname !== "/login"), submit()]);
    assert.equal(await page.locator('a.me[href="/account"]').count(), 1);
  },
  async "a file is uploaded with its progress shown and published"() {
    await go("/upload", "upload");
    await page.setInputFiles("#upload-files", plan.file);
    const row = page.locator("[data-queue] li").first();
    await row.locator(".name", { hasText: basename(plan.file) }).waitFor();
    await page.locator("[data-progress]", { hasText: "100%" }).waitFor();
    await look("uploaded");
    await page.fill("#title", "《木棉花开的时候》教学设计");
    await page.selectOption("#subject", "chinese");
    await Promise.all([page.waitForURL(/done=uploaded/), page.locator(".form-end button[type=submit]").click()]);
    await look("published");
  },
  async "what was uploaded is found by a phrase of its text"() {
    await go(`/search?q=${encodeURIComponent("屋檐下晒着一小串去年的春天")}`, "search-text");
    assert.ok((await page.locator(".hit").count()) >= 1, "nothing found");
    assert.match(await page.locator(".hit h2 a").first().textContent(), /木棉花开的时候/);
    assert.ok((await page.locator(".hit mark").count()) >= 1, "the match is not marked");
  },
  async "the search box leads to what the city holds"() {
    await go("/", "home");
    await page.fill('.find input[name="q"]', "平行四边形");
    await Promise.all([page.waitForURL(/\/search\?/), page.press('.find input[name="q"]', "Enter")]);
    await look("search");
    assert.match(await page.locator(".hit h2 a").first().textContent(), /平行四边形的面积/);
  },
  async "a facet narrows the search and is taken off again"() {
    await go("/search", "library");
    const all = await page.locator(".hit").count();
    const facet = width < 600 ? page.locator(".chip-bar a:not(.chip-filter)").first() : page.locator(".facet-value").first();
    await Promise.all([page.waitForNavigation(), facet.click()]);
    await look("narrowed");
    assert.ok((await page.locator(".hit").count()) <= all);
    await page.goBack();
  },
  async "a resource is shown, brought here and opened"() {
    await go(`/search?q=${encodeURIComponent("平行四边形的面积")}`, "search-resource");
    await Promise.all([page.waitForURL(/\/resources\//), page.locator(".hit h2 a").first().click()]);
    await look("resource");
    const fetch = page.locator('form[action$="/fetch"] button').first();
    if (await fetch.count()) {
      await fetch.click();
      // The card asks every few seconds how far it is.
      await page.locator("#fetch .avail-held").waitFor();
      await page.reload();
      await look("resource-here");
    }
    const href = await page.locator('a[href^="/blobs/"]').first().getAttribute("href");
    const answer = await context.request.get(plan.url + href);
    assert.equal(answer.status(), 200);
  },
  async "a picture or a page of what was found can be looked at"() {
    await go(`/search?q=${encodeURIComponent("木棉，英雄的树")}`, "search-preview");
    await Promise.all([page.waitForURL(/\/resources\//), page.locator(".hit h2 a").first().click()]);
    await look("resource-preview");
  },
  async "the federation's tree shows both nodes"() {
    await go("/federation", "federation");
    const text = await page.locator("main").textContent();
    assert.ok(text.includes(plan.city) && text.includes("河湾小学"), "a node is missing");
  },
  async "what is on its way is shown, and a round can be asked for"() {
    await go("/sync", "sync");
    const now = page.locator('form[action="/sync/now"] button:visible').first();
    await Promise.all([page.waitForResponse((answer) => answer.url().includes("/sync")), now.click()]);
    await page.waitForLoadState();
    await look("sync-asked");
  },
  async "a page that is not there says so in words"() {
    refusals = 1;
    const answer = await page.goto(`${plan.url}/nowhere`);
    assert.equal(answer.status(), 404);
    await look("missing");
    refusals = 0;
  },
};

let failed = false;
for (const [name, step] of Object.entries(steps)) {
  const before = wrong.length;
  try {
    await step();
  } catch (error) {
    wrong.push(`${error.message} (${page.url()})`);
  }
  const said = wrong.slice(before);
  failed ||= said.length > 0;
  console.log(`${said.length ? "FAILED" : "ok"}  ${plan.size}  ${name}`);
  for (const line of said) console.log(`        ${line}`);
}
await browser.close();
process.exit(failed ? 1 : 0);
