// attacks.mjs HOSTILE CACHE WATCH WATCHCACHE: HOSTILE is a server whose scheme is an attack in every word (bench's
// portal-scheme), CACHE a cache in front of it that keeps everything; WATCH and WATCHCACHE are a watch that follows it and its
// cache. Nothing may run, nothing may be asked of another host, no text may leave its place,
// no page may be framed, and nobody may get a page for data or data for a page. CHROMIUM: the browser.

import { request } from "node:http";
import { launch, witness } from "./browser.mjs";
import { BROWSER, Failures, crawl, elsewhere } from "./site.mjs";

const [hostile, cache, watch, watchCache] = process.argv.slice(2).map((url) => url.replace(/\/$/, ""));
const failures = new Failures();
const browser = await launch();
let wrong = 0;

// Says what was shown, unless something was found wrong since it was last asked.
function ok(text) {
  if (failures.all.length === wrong) console.log(`ok  ${text}`);
  wrong = failures.all.length;
}

const { kinds, pages } = await crawl(`${hostile}/`, failures, { each: 12 });

// What stands in a document that nobody of us wrote, and text that is not held in its place.
function strange() {
  const found = [];
  const wanted = "script, iframe, frame, object, embed, base, meta[http-equiv], style, video, audio, form[action*='//']";
  for (const element of document.querySelectorAll(wanted)) found.push(`there is ${element.outerHTML.slice(0, 80)}`);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(`${element.tagName} has ${name}`);
      if (/^(href|src|action|formaction|xlink:href)$/i.test(name) && /^\s*(javascript|data|vbscript):/i.test(value)) {
        found.push(`${element.tagName} leads to ${value.slice(0, 60)}`);
      }
      if (/^(src|srcset|poster|data)$/i.test(name) && !/^\/(?!\/)/.test(value)) found.push(`${name}=${value.slice(0, 60)}`);
    }
  }
  // Bidirectional text is held where it stands; what cannot be seen is not there.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const rightToLeft = /[\u0590-\u08ff]/;
  const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
  for (let node; (node = texts.nextNode()); ) {
    const text = node.data;
    if (rightToLeft.test(text) && !node.parentElement.closest("bdi, [dir=auto], textarea, pre, title")) {
      found.push(`text from right to left stands free in ${node.parentElement.outerHTML.slice(0, 100)}`);
    }
    if (unseen.test(text)) found.push(`a character that cannot be seen stands in ${JSON.stringify(text.slice(0, 60))}`);
  }
  if (unseen.test(document.title)) found.push("a character that cannot be seen stands in the title");
  if (window.OWNED !== undefined) found.push("a script ran");
  return [...new Set(found)];
}

async function held(addresses, what) {
  // Without the policy that forbids scripts: what is escaped must not need it.
  const { context, page, told } = await witness(browser, { bypassCSP: true });
  for (const address of addresses) {
    await page.goto(address);
    for (const line of await page.evaluate(strange)) failures.expect(false, `${address}: ${line}`);
    failures.expect(told.dialogs.splice(0).length === 0, `${address} opens a dialog`);
    const asked = told.requests.splice(0).filter((url) => new URL(url).origin !== new URL(address).origin);
    failures.expect(asked.length === 0, `${address} asks ${asked}`);
  }
  await context.close();
  ok(`${what}: nothing runs, nothing is asked elsewhere, every text stays in its place`);
}

await held([...pages.keys()], `${pages.size} pages of ${kinds.size} kinds full of markup and bidirectional text`);
const { kinds: watched, pages: ofWatch } = await crawl(`${watch}/`, failures, { each: 4 });
await held([...ofWatch.keys()], `${ofWatch.size} pages of ${watched.size} kinds of a watch that follows it`);

// Words that come back in an answer.
const WORDS = ["<script>OWNED=1</script>", '"><img src=//evil.example/x onerror=OWNED=1>', "'-OWNED=1-'", "\u202e\u05d0<b>"];
const PLACES = ["/registry?q=", "/certificates/", "/participants/", "/lists/", "/applications/", "/log/", "/registry/", "/no/",
  "/lists/eu/changes?from=", "/check?", "/v1/lists/"];
const OF_WATCH = ["/?q=", "/operators/", "/incidents/", "/incidents?operator=", "/sources/", "/no/"];
const worded = (site, places) => places.flatMap((place) => WORDS.map((word) => site + place + encodeURIComponent(word)));
await held([...worded(hostile, PLACES), ...worded(watch, OF_WATCH)], "words in addresses");

// What is brought to Check: hostile certificates of this scheme, words, bytes that are no text, and far too much.
const certificates = new Set([...pages.values()].flatMap((html) => html.match(/-----BEGIN CERTIFICATE-----[^<]*?-----END CERTIFICATE-----/g) ?? []));
failures.expect(certificates.size > 0, "no page shows a certificate in PEM");
const checking = await witness(browser, { bypassCSP: true });
const bring = async (what, fill, statuses) => {
  await checking.page.goto(`${hostile}/check`);
  await fill(checking.page);
  const answered = checking.page.waitForResponse((response) => response.request().method() === "POST");
  // Until the answer has replaced the page, there is nothing to look at.
  await Promise.all([checking.page.waitForNavigation(), checking.page.getByRole("button", { name: "Check" }).click()]);
  const status = (await answered).status();
  failures.expect(statuses.includes(status), `Check answers ${status} to ${what}`);
  for (const line of await checking.page.evaluate(strange)) failures.expect(false, `Check, given ${what}: ${line}`);
  const asked = checking.told.requests.splice(0).filter((url) => !url.startsWith(hostile));
  failures.expect(!asked.length && !checking.told.dialogs.splice(0).length, `Check, given ${what}, asks ${asked}`);
};
const pasted = (text) => (page) => page.getByRole("textbox").fill(text);
const uploaded = (name, buffer) => (page) => page.locator("input[type=file]").setInputFiles({ name, mimeType: "text/html", buffer });
await bring("hostile certificates", pasted([...certificates].slice(0, 8).join("\n")), [200]);
for (const word of WORDS) await bring(word, pasted(`</textarea>${word}`), [200, 400, 422]);
await bring("bytes that are no text", uploaded('"><script>OWNED=1</script>.pem', Buffer.from("ff".repeat(5000), "hex")), [200, 400, 422]);
await bring("a JSON of many depths", uploaded("ctl.json", Buffer.from("[".repeat(100_000))), [200, 400, 413, 422]);
await bring("ten megabytes", uploaded("large.pem", Buffer.alloc(10 << 20, 0x41)), [413]);
await checking.context.close();
ok("uploads to Check: hostile certificates, markup, broken bytes and ten megabytes are told of in words");

// A text of a person, opened in the browser: it is taken away as a file, whatever it says.
const blobs = new Set([...pages.values()].flatMap((html) => [...html.matchAll(/\/v1\/blobs\/[0-9a-f]{64}/g)].map(([path]) => path)));
for (const path of [...blobs].slice(0, 40)) {
  const answer = await fetch(hostile + path, { headers: BROWSER, redirect: "manual" });
  await answer.body?.cancel();
  const { headers } = answer;
  const safe = headers.get("content-type") === "application/octet-stream" && headers.get("x-content-type-options") === "nosniff"
    && (headers.get("content-disposition") ?? "").startsWith("attachment");
  failures.expect(safe, `${path}: a browser might show it: ${[...headers].join("; ")}`);
}
failures.expect(blobs.size > 0, "no page leads to a text");
ok(`${blobs.size} texts of people are files to a browser`);

// Clickjacking: another site frames a page.
const first = [...kinds.values(), ...watched.values()].map(([address]) => address);
const site = await elsewhere(first.map((address) => `<iframe src="${address}"></iframe>`).join(""));
const framing = await witness(browser);
await framing.page.goto(site.url);
const framed = framing.page.frames().slice(1);
failures.expect(framed.length === first.length, `${framed.length} frames of ${first.length}`);
for (const frame of framed) {
  failures.expect(frame.url().startsWith("chrome-error:"), `${frame.url()} lets itself be framed`);
}
await framing.context.close();
site.close();
ok(`clickjacking: ${first.length} pages refuse to be framed by another site`);

// Cache poisoning: whoever asks first must not decide what the next one gets.
const JSON_ONLY = { Accept: "application/json" };
const PATHS = ["/v1/lists", "/v1/lists/eu", "/v1/applications", "/v1/proposals", "/v1/participants", "/v1/registry/mo",
  "/", "/lists/eu", "/registry"].map((path) => [cache, path]);
const WATCHED = ["/v1/sla", "/v1/incidents", "/v1/sources", "/", "/incidents", "/manager"].map((path) => [watchCache, path]);
const get = async (from, path, headers) => {
  const answer = await fetch(from + path, { headers, redirect: "manual" });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
};
let stored = 0;
// The cache keeps turns apart, and every answer by its address alone if no Vary says otherwise.
for (const [turn, order] of [[BROWSER, JSON_ONLY], [JSON_ONLY, BROWSER]].entries()) {
  for (const [from, path] of [...PATHS, ...WATCHED]) {
    for (const headers of [...order, ...order]) {
      const { status, headers: said, body } = await get(from, path, { ...headers, "X-Turn": turn });
      stored += said.get("x-cache") === "HIT";
      const type = said.get("content-type") ?? "";
      if (!path.startsWith("/v1/")) {
        failures.expect(type.startsWith("text/html"), `${path}: a page's address has ${type}`);
      } else if (headers === JSON_ONLY) {
        failures.expect(status === 200 && type.startsWith("application/json"), `${path}: whoever wants data gets ${status} ${type}`);
        failures.expect(/^[{[]/.test(body), `${path}: whoever wants data gets ${body.slice(0, 60)}`);
      } else {
        failures.expect(status === 303 && !type.includes("json"), `${path}: a reader gets ${status} ${type}`);
      }
      failures.expect(!path.startsWith("/v1/") || /accept(,|$)/i.test(said.get("vary") ?? ""), `${path} does not vary by Accept`);
    }
  }
}
failures.expect(stored > 0, "the cache kept nothing, so nothing was shown");
ok(`cache poisoning: data stays data and pages stay pages, whoever fills the cache before them (${stored} answers came from it)`);

// Headers that name another host change nothing that could be kept for others.
const { hostname, port } = new URL(hostile);
const raw = (path, headers) => new Promise((done, failed) => {
  const asked = request({ hostname, port, path, headers }, (answer) => {
    const parts = [];
    answer.on("data", (part) => parts.push(part));
    answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
  });
  asked.on("error", failed).end();
});
const LIAR = { Host: "liar.example", "X-Forwarded-Host": "liar.example", Forwarded: "host=liar.example" };
for (const path of ["/", "/feed.atom", "/calendar.ics", "/lists/eu", "/v1/lists/eu", "/%0d%0aSet-Cookie:%20a=b", "//liar.example/"]) {
  for (const accept of [BROWSER.Accept, "*/*"]) {
    const { headers, body } = await raw(path, { ...LIAR, Accept: accept });
    failures.expect(!(headers.location ?? "").includes("liar.example"), `${path} leads to ${headers.location}`);
    failures.expect(!headers["set-cookie"], `${path} sets a cookie`);
    const kept = !/no-store|private/.test(headers["cache-control"] ?? "");
    failures.expect(path.startsWith("//") || !kept || !body.includes("liar.example"), `${path} repeats a Host that anybody may claim`);
  }
}
ok("a host that the request makes up is repeated nowhere that a cache keeps");

await browser.close();
const lines = [...new Set(failures.all)];
for (const line of lines.slice(0, 60)) console.error(`WRONG  ${line}`);
process.exit(lines.length ? 1 : 0);
