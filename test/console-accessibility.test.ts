/** Every view of the console by axe-core (WCAG 2.2 A and AA), on a wide light and a narrow dark screen; and how wide it is at a zoom of 200 %. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { beforeAll, expect } from "vitest";
import { serveFake } from "../console/dev/fake.ts";
import { type Shot, shots } from "../console/dev/shots.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { root } from "./support/child.ts";

const folder = join(root, "console/dist");
let axe = "";
const browser = openedBrowser("console", "library");
beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
});

/** Rules of axe-core by their tags; `best-practice` is left out: it is no part of WCAG. */
const options = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  // experimental: takes an id that is cut short on the screen, and whole in the name, for another text
  rules: { "label-content-name-mismatch": { enabled: false } },
};

/** What axe-core finds on a page: the rule, where, and why. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as AxeResults;
  return violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary?.replace(/\s+/g, " ")}`));
}

const wide = { width: 1280, height: 800 };
const narrow = { width: 400, height: 860 };
/** 1280 pixels at a zoom of 200 % are 640 of the page's own. */
const zoomed = { width: 640, height: 400 };

async function seen(shot: Shot, use: (page: Page) => Promise<void>): Promise<void> {
  const server = await serveFake(folder, { tokenMs: 0, ...shot.fake });
  const context = await browser().newContext({ viewport: wide, colorScheme: "light", reducedMotion: "reduce", bypassCSP: true });
  try {
    const page = await context.newPage();
    await page.addInitScript(`localStorage.setItem("loam.console.settings", '{"seed":"7"}')`);
    await page.goto(`${server.url}#/${shot.hash}`);
    await page.locator("main h1, main h2, main form, main .card, main .notice").first().waitFor();
    await shot.act?.(page);
    if (shot.isGone) await server.close();
    await use(page);
  } finally {
    await context.close();
    if (!shot.isGone) await server.close();
  }
}

// what follows a drawing, such as the order of Tab, is there a frame later
const drawn = { timeout: 10_000, interval: 500 };

// a view is opened once, and then resized as people resize it
for (const shot of shots)
  browserTest(
    `${shot.name}: no violation of WCAG 2.2 AA at 1280 pixels, light, and at 400, dark; no sideways scroll at a zoom of 200 %`,
    () =>
      seen(shot, async page => {
        await expect.poll(() => violationsOf(page), drawn).toEqual([]);
        await page.setViewportSize(narrow);
        await page.emulateMedia({ colorScheme: "dark" });
        await expect.poll(() => violationsOf(page), drawn).toEqual([]);
        await page.setViewportSize(zoomed);
        await page.emulateMedia({ colorScheme: "light" });
        await expect.poll(() => page.evaluate("document.documentElement.scrollWidth - innerWidth"), drawn).toBe(0);
      }),
  );
