// A teacher at a screen: what the plan of a test asks for, and a browser of that size with one page.
import { chromium } from "playwright-core";

export const plan = JSON.parse(process.argv[2]);
export const NAME = "李老师";
export const PASSWORD = "映山红 开遍 山坡 2026";
/** A debug build on two busy cores answers within it. */
export const PATIENCE_MS = 30_000;

export const [width, height] = plan.size.split("x").map(Number);
export const browser = await chromium.launch({
  executablePath: plan.chromium,
  // In a container of its own there is no sandbox to be had; only our own pages are opened.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-proxy-server"],
});
export const context = await browser.newContext({ viewport: { width, height }, isMobile: width < 600, hasTouch: width < 600, locale: "zh-CN" });
context.setDefaultTimeout(PATIENCE_MS);
export const page = await context.newPage();

/** Presses the button of the page's form. */
export const submit = () => page.locator("main form button[type=submit]").first().click();

export async function fillSetUp(code) {
  await page.fill("#code", code);
  await page.fill("#name", NAME);
  await page.fill("#password", PASSWORD);
  await page.fill("#password_again", PASSWORD);
}
