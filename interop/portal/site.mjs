// A site as a browser and a crawler see it: its pages, found by following every link, and what each says of itself.

import { createServer } from "node:http";

// As a browser asks.
export const BROWSER = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

export class Failures {
  constructor() {
    this.all = [];
  }

  expect(holds, text) {
    if (!holds) this.all.push(text);
    return holds;
  }
}

// The kind of page that an address is of: numbers, digests and names in it left out.
export function shape(address) {
  const { pathname, search } = new URL(address);
  const path = pathname
    .replace(/[0-9a-f]{64}/g, "{digest}")
    .replace(/\/(lists|participants|registry|pkis|operators|services)\/[^/]+/g, "/$1/{id}")
    .replace(/\/\d+(?=\/|$)/g, "/{n}");
  const names = [...new URLSearchParams(search).keys()].sort().join("&");
  return names ? `${path}?${names}` : path;
}

// Links of a page: of anchors, styles, pictures and feeds. What a form asks for is up to who fills it in.
function links(html, base) {
  const found = [];
  for (const [, , address] of html.matchAll(/<[a-z][^>]*?\s(href|src)="([^"]*)"/g)) {
    const plain = address.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">");
    found.push(new URL(plain, base));
  }
  return found;
}

// Follows links from an address, at most `each` of a kind and `most` in all; gives the pages by kind.
// Every address must answer 200, every page must have the headers that keep it in its place.
export async function crawl(start, failures, { each = 6, most = 500 } = {}) {
  const origin = new URL(start).origin;
  const queue = [[start, "the start"]];
  const seen = new Set(queue.map(([address]) => address));
  const kinds = new Map();
  const counts = new Map();
  const pages = new Map();
  let asked = 0;
  while (queue.length && asked < most) {
    const [address, from] = queue.shift();
    const kind = shape(address);
    const count = counts.get(kind) ?? 0;
    if (count >= each) continue;
    counts.set(kind, count + 1);
    asked += 1;
    const answer = await fetch(address, { headers: BROWSER, redirect: "manual" });
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 303) {
      const to = new URL(answer.headers.get("location"), address).href;
      failures.expect(new URL(to).origin === origin, `${address} leads off the host, to ${to}`);
      failures.expect(/accept/i.test(answer.headers.get("vary") ?? ""), `${address}: the redirect does not vary by Accept`);
      if (!seen.has(to)) queue.push([to, address]);
      seen.add(to);
      continue;
    }
    if (!failures.expect(answer.status === 200, `${address} (on ${from}) answers ${answer.status}`)) continue;
    failures.expect(answer.headers.get("x-content-type-options") === "nosniff", `${address}: its type may be guessed`);
    if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) continue;
    headers(address, answer.headers, failures);
    const html = body.toString();
    // So all of it works where scripts are off.
    failures.expect(!/<script/i.test(html), `${address} has a script`);
    pages.set(address, html);
    if (!kinds.has(kind)) kinds.set(kind, []);
    kinds.get(kind).push(address);
    for (const link of links(html, address)) {
      if (link.origin !== origin) {
        failures.expect(link.protocol === "https:" || link.protocol === "http:", `${address} links to ${link.href}`);
        continue;
      }
      link.hash = "";
      if (!seen.has(link.href)) queue.push([link.href, address]);
      seen.add(link.href);
    }
  }
  return { kinds, pages, asked };
}

function headers(address, headers, failures) {
  const policy = headers.get("content-security-policy") ?? "";
  for (const words of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) {
    failures.expect(policy.includes(words), `${address}: its policy lacks ${words}: ${policy}`);
  }
  failures.expect(!/script-src|unsafe/.test(policy), `${address}: its policy lets scripts run: ${policy}`);
  failures.expect(headers.get("referrer-policy") === "no-referrer", `${address} tells others where readers come from`);
  failures.expect(/accept-encoding/i.test(headers.get("vary") ?? ""), `${address} does not vary by Accept-Encoding`);
}

// Serves one page of another origin, to frame or to aim at a site.
export async function elsewhere(html) {
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(html));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
