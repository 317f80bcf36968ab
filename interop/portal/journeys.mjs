// journeys.mjs SERVER WATCH FOLDER: the portal of the demo's scheme as four people read it, with scripts off: a charge point
// operator, on a phone; a PKI operator; somebody who is called at night; an auditor. What a page says is held against
// what the demo's files say. CHROMIUM: the browser.

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { launch } from "./browser.mjs";
import { Failures } from "./site.mjs";

const [server, watch, folder] = process.argv.slice(2).map((word) => word.replace(/\/$/, ""));
const failures = new Failures();
const browser = await launch();

async function reader(what, options, story) {
  const context = await browser.newContext({ javaScriptEnabled: false, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const see = async (text, why) => {
    const main = await page.locator("body").innerText();
    failures.expect(typeof text === "string" ? main.includes(text) : text.test(main), `${what}: ${page.url()} does not say ${why}: ${text}`);
  };
  const before = failures.all.length;
  try {
    await story(page, { see, go: (name) => follow(page, name) });
    if (failures.all.length === before) console.log(`ok  ${what}`);
  } catch (error) {
    failures.expect(false, `${what}, at ${page.url()}: ${error.message.split("\n").slice(0, 3).join(" ")}`);
  }
  await context.close();
}

async function follow(page, name, within = page) {
  const href = await within.getByRole("link", { name }).first().getAttribute("href");
  await page.goto(new URL(href, page.url()).href);
}

const pki = (file) => readFileSync(`${folder}/pki/${file}`, "utf8");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

await reader("a charge point operator looks up a root on a phone", { viewport: { width: 360, height: 740 } }, async (page, { see, go }) => {
  await page.goto(server);
  await go("North America");
  await see("North America", "which list it is");
  await go("Aurora");
  const fingerprint = new X509Certificate(pki("aurora/root.pem")).fingerprint256.replaceAll(":", "").toLowerCase();
  const shown = (await page.locator("body").innerText()).replace(/[\s:]/g, "").toLowerCase();
  failures.expect(shown.includes(fingerprint), `the page of Aurora does not show ${fingerprint}`);
  failures.expect(await page.locator(".badge.usable").count() > 0, `${page.url()} has no badge that says that Aurora is usable`);
  // A charger's chain, and then one of a root that was suspended.
  for (const [name, badge, verdict] of [["aurora", ".badge.usable", "trusted"], ["borealis", ".badge.withdrawn", "not trusted"]]) {
    await page.goto(server);
    await go("Check");
    await page.getByRole("textbox").fill(pki(`${name}/secc.pem`) + pki(`${name}/secc.chain.pem`));
    await page.getByRole("button", { name: "Check" }).click();
    const list = page.locator("ol.answers > li").first().locator(".use").filter({ hasText: "North America" });
    const said = await list.locator(badge).allInnerTexts();
    failures.expect(said.join() === verdict, `Check says of ${name}'s charger: ${await list.allInnerTexts()}`);
  }
});

await reader("a charge point operator downloads the list and holds its digest against the page", {}, async (page, { see, go }) => {
  await page.goto(server);
  await go("North America");
  const text = await page.locator("body").innerHTML();
  for (const file of ["ctl.pem", "ctl.jws", "ctl.json"]) {
    const bytes = Buffer.from(await (await fetch(`${server}/v1/lists/na/${file}`, { headers: { Accept: "*/*" } })).arrayBuffer());
    failures.expect(text.includes(`/v1/lists/na/${file}`), `the page of the list does not lead to ${file}`);
    failures.expect(text.includes(sha256(bytes)), `the page of the list does not tell the SHA-256 of ${file}`);
  }
  await see("ctl-admin", "how a download is verified");
});

await reader("a PKI operator follows its application", {}, async (page, { see, go }) => {
  await page.goto(server);
  await go("Applications");
  await go("Cirrus");
  await see("crl-address", "what was found");
  failures.expect(await page.locator("dl .badge.usable").first().innerText() === "accepted", `${page.url()} does not say how it ended`);
  const votes = page.getByRole("region", { name: "Votes" }).getByRole("row").filter({ hasText: /entry \d+/ });
  failures.expect(await votes.filter({ hasText: "alpha" }).count() === 1, `${page.url()} does not say how alpha voted`);
  failures.expect(await votes.count() >= 3, `${page.url()} does not say who voted`);
});

await reader("somebody called at night sees what is suspended, and what is down", {}, async (page, { see, go }) => {
  await page.goto(server);
  const notices = page.getByRole("region", { name: "Emergency notices in force" });
  failures.expect((await notices.innerText()).includes("Borealis"), "no page tells that Borealis is suspended");
  await follow(page, /notice \d+/, notices);
  await see("notice.issue", "what kind of statement it is");
  await see(/officer-alpha|Alpha, emergency officer/, "who issued it");
  await page.goto(watch);
  await go("Incidents");
  await follow(page, /^\d+$/, page.getByRole("row").filter({ hasText: /cirrus/i }).filter({ hasText: "over" }).last());
  const { reasons } = await (await fetch(`${watch}/v1${new URL(page.url()).pathname}`, { headers: { Accept: "application/json" } })).json();
  const found = await page.locator('section[aria-labelledby="found"]').innerText();
  failures.expect(Object.keys(reasons).length > 0 && Object.keys(reasons).every((code) => found.includes(code)), `${page.url()} does not say what was found: ${found}`);
  const link = page.locator('a[href^="/v1/evidence/"]').first();
  const evidence = await link.getAttribute("href");
  const downloading = page.waitForEvent("download");
  await link.click();
  const download = await downloading;
  const digest = sha256(readFileSync(await download.path()));
  failures.expect(evidence.endsWith(digest), `${evidence} is not what its address says`);
  failures.expect(download.suggestedFilename() === `${digest}.json`, `the evidence is saved as ${download.suggestedFilename()}`);
  await see(`echo '${digest}  ${download.suggestedFilename()}' | sha256sum --check`, "how the download is checked");
});

await reader("an auditor goes from a root to the entries of the log", {}, async (page, { see, go }) => {
  await page.goto(server);
  await go("North America");
  await go("Elektra");
  await follow(page, /entry \d+/, page.locator(".road").first());
  const index = Number(page.url().match(/\/log\/(\d+)$/)[1]);
  await see("application.submit", "what kind of statement it is");
  await see(String(index), "which entry it is");
  await page.goto(server);
  await go("Log");
  const checkpoint = await (await fetch(`${server}/log/checkpoint`)).text();
  const root = Buffer.from(checkpoint.split("\n")[2], "base64").toString("hex");
  await see(root, "the root hash of the log");
});

await browser.close();
for (const line of new Set(failures.all)) console.error(`WRONG  ${line}`);
process.exit(failures.all.length ? 1 : 0);
