// What a browser finds on a page: axe-core's rules of WCAG 2.2 AA at each width and in both schemes, whether it fits a
// narrow screen, what it asks for, what its console says.

import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// A small phone, a desk, and one between them.
export const LOOKS = [
  [360, "light"],
  [360, "dark"],
  [1280, "light"],
  [1280, "dark"],
  [768, "light"],
];
const HEIGHT = 900;

export async function launch() {
  return chromium.launch({
    timeout: 180_000,
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-prefers-reduced-motion"],
  });
}

// A window of its own, which waits long for a busy machine.
async function newContext(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(120_000);
  return context;
}

// A page that tells what it asks for and what its console says.
export async function witness(browser, options = {}) {
  const context = await newContext(browser, options);
  const page = await context.newPage();
  const told = { requests: [], console: [], dialogs: [] };
  page.on("request", (request) => told.requests.push(request.url()));
  page.on("console", (message) => told.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => told.console.push(String(error)));
  page.on("dialog", (dialog) => {
    told.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  return { context, page, told };
}

// What axe-core does not like, in lines.
async function violations(page) {
  const { violations } = await page.evaluate((rules) => window.axe.run(document, {
    runOnly: { type: "tag", values: rules },
    resultTypes: ["violations"],
  }), RULES);
  return violations.map(({ id, help, nodes }) => {
    const [first] = nodes;
    return `${id} (${help}), ${nodes.length} times, first at ${first.target}: ${first.html.slice(0, 200)}`;
  });
}

// Holds pages against axe-core at each look; several at once.
export async function accessible(browser, addresses, failures, { looks = LOOKS, shots = null } = {}) {
  const rest = [...addresses];
  const work = async () => {
    // The pages allow no scripts, and axe-core is one.
    const context = await newContext(browser, { bypassCSP: true, viewport: { width: 1280, height: HEIGHT } });
    const page = await context.newPage();
    for (let next; (next = rest.shift()); ) {
      const [kind, address] = next;
      await page.goto(address);
      await page.addScriptTag({ path: AXE });
      for (const [width, scheme] of looks) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: HEIGHT });
        for (const line of await violations(page)) failures.expect(false, `${address} at ${width}, ${scheme}: ${line}`);
        const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
        failures.expect(wide <= 0, `${address} is ${wide} pixels too wide for ${width}`);
        if (shots) await shoot(page, `${shots}/${name(kind)}-${width}-${scheme}.png`);
      }
    }
    await context.close();
  };
  await Promise.all([work(), work()]);
}

function name(kind) {
  return kind.replace(/^\//, "").replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "overview";
}

// A picture of a page, not longer than a person would scroll.
export async function shoot(page, path, height = 6000) {
  const whole = await page.evaluate(() => document.scrollingElement.scrollHeight);
  const { width } = page.viewportSize();
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(whole, height) } });
}

// The beginning of a site, as a window shows it.
export async function picture(browser, address, path) {
  const context = await newContext(browser, { viewport: { width: 1100, height: 860 }, colorScheme: "light" });
  const page = await context.newPage();
  await page.goto(address);
  await page.screenshot({ path });
  await context.close();
}

// Opens pages as they are served, and holds what they ask for and say against what they may.
export async function quiet(browser, addresses, failures) {
  const { context, page, told } = await witness(browser, { viewport: { width: 1280, height: HEIGHT } });
  for (const address of addresses) {
    await page.goto(address);
    const { origin } = new URL(address);
    for (const request of told.requests.splice(0)) {
      failures.expect(new URL(request).origin === origin, `${address} asks another host: ${request}`);
    }
    for (const line of told.console.splice(0)) failures.expect(false, `${address}: the console says ${line}`);
    for (const line of told.dialogs.splice(0)) failures.expect(false, `${address} opens a dialog: ${line}`);
  }
  await context.close();
}
