/** The page of `loam tune show --page` in a browser: whatever a search varies, it is read at any width without scrolling the page sideways. */
import { expect, test } from "vitest";
import { studyPage } from "../src/cli/searching/page.ts";
import { specOf } from "../src/project/searching/index.ts";
import type { StoredStudy, StoredTrial } from "../src/store/index.ts";
import { hasBrowser, noBrowser, openedBrowser } from "./support/browser.ts";

const browser = openedBrowser();

const paths = ["train.rate", "data.a-folder-of-mails.steps.deduplicate.fuzzy.threshold", "layers", "width", "heads"];
const study: StoredStudy = {
  id: "mail-rate-e7abc116",
  name: "mail-rate",
  spec: {
    space: Object.fromEntries(paths.map(p => [p, { from: 0.001, to: 1, log: true }])),
    objectives: ["heldOut", "latency"],
    reports: 16,
    seed: 1,
    sampler: "tpe",
    pruner: "median",
    model: "mail",
    unit: "bits per byte",
  },
  verdicts: [],
  createdMs: 0,
};
const trials = Array.from(
  { length: 12 },
  (_, i): StoredTrial => ({
    number: i,
    origin: i === 0 ? "default" : "sampler",
    point: Object.fromEntries(paths.map((p, k) => [p, 0.001 * (1 + ((i * (k + 3)) % 11) * 90)])),
    state: i === 5 ? "failed" : "done",
    reports: [{ step: 1, value: 2 + i / 7 }],
    outcome: i === 5 ? null : { values: [2 + ((i * 5) % 12) / 7, 1 + i / 3], measures: {}, artifacts: { model: "model-1" } },
    reason: i === 5 ? `step 2: expected a finite loss, got ${"9".repeat(120)}` : null,
    owner: null,
    startedMs: 0,
    endedMs: 1,
  }),
);

test.skipIf(!hasBrowser).each([1280, 400])(`at %d pixels nothing of a study's page is wider than the page${noBrowser}`, async width => {
  const page = await browser().newPage({ viewport: { width, height: 900 } });
  try {
    await page.setContent(studyPage({ study: { ...study, spec: specOf(study) }, trials }));
    await expect.poll(() => page.locator("figure").count()).toBeGreaterThan(paths.length + 2);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    // no name is cut off at the edge of its drawing
    const cut = await page.evaluate<string[]>(
      `[...document.querySelectorAll('svg[aria-label^="importance"] text')].filter(t => {
        const [own, all] = [t.getBoundingClientRect(), t.ownerSVGElement.getBoundingClientRect()];
        return own.left < all.left || own.right > all.right;
      }).map(t => t.textContent)`,
    );
    expect(cut).toEqual([]);
    await expect.poll(() => page.locator('svg[aria-label^="importance"] text.name').allTextContents()).toHaveLength(paths.length);
    // the words of the parallel axes stay large enough to be read
    const scale = await page.evaluate<number>(
      `(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width)(document.querySelector("figure.wide svg"))`,
    );
    expect(scale).toBeGreaterThan(0.6);
  } finally {
    await page.close();
  }
});
