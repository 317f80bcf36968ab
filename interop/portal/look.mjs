// look.mjs KIND=URL...: crawls each site, holds every kind of page against what must be true of all pages, and says what
// is wrong. CHROMIUM: the browser. SHOTS: a folder for pictures; without it, none are taken. LOOKS=few: two looks.

import { mkdirSync } from "node:fs";
import { LOOKS, accessible, launch, picture, quiet } from "./browser.mjs";
import { Failures, crawl } from "./site.mjs";

const browser = await launch();
const failures = new Failures();
for (const site of process.argv.slice(2)) {
  const [, kind, url] = site.match(/^([a-z-]+)=(.*)$/);
  const began = Date.now();
  const { kinds, pages, asked } = await crawl(url, failures);
  // Of each kind the longest, which has most to show.
  const longest = (one, other) => (pages.get(other).length > pages.get(one).length ? other : one);
  const first = [...kinds].map(([kind, addresses]) => [kind, addresses.reduce(longest)]);
  const shots = process.env.SHOTS ? `${process.env.SHOTS}/${kind}` : null;
  if (shots) {
    mkdirSync(shots, { recursive: true });
    // The first of these opens the README.
    await picture(browser, url, `${shots}/picture.png`);
  }
  const looks = process.env.LOOKS === "few" ? [LOOKS[0], LOOKS[3]] : LOOKS;
  await accessible(browser, first, failures, { looks, shots });
  await quiet(browser, pages.keys(), failures);
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(`ok  ${kind}: ${asked} addresses, ${pages.size} pages of ${kinds.size} kinds, in ${seconds} s`);
  if (process.env.TELL) console.log([...kinds.keys()].join("\n"));
}
await browser.close();
const lines = [...new Set(failures.all)];
for (const line of lines.slice(0, 200)) console.error(`WRONG  ${line}`);
if (lines.length > 200) console.error(`and ${lines.length - 200} more`);
process.exit(lines.length ? 1 : 0);
