/** The report of `loam eval --report` in a browser: whatever the names and figures, its gates and differences are read without scrolling sideways. */
import { expect, test } from "vitest";
import { evaluationPage } from "../src/cli/eval/page.ts";
import type { Difference, GateVerdict } from "../src/evaluate/index.ts";
import type { TaskReport } from "../src/project/eval/report.ts";
import { hasBrowser, noBrowser, openedBrowser } from "./support/browser.ts";

const browser = openedBrowser();

const difference = (metric: string, more: Partial<Difference & { readonly pHolm: number }>): Difference => ({
  metric,
  better: "higher",
  items: 2000,
  first: 0.8123,
  second: 0.7001,
  value: 0.1122,
  low: -0.0444,
  high: 0.2688,
  wins: 1024,
  losses: 1001,
  p: 0.123,
  test: "randomisation",
  ...more,
});
const differences = [
  difference("f1", { pHolm: 0.246 } as Partial<Difference>),
  difference("precision:advertising", { p: 0.0001 }),
  difference("perplexity", { better: "lower", first: 247319.9, second: 3301.2, value: 244018.7, low: -7698015.8, high: 5950.3 }),
];
const gate: GateVerdict = {
  condition: "precision:advertising < mails-of-the-whole-house.precision:advertising - 0.01",
  task: "subjects",
  items: 2000,
  difference: -0.0123,
  low: -0.0444,
  high: 0.0188,
  holds: true,
  evidence: "undecided",
  fails: true,
  figures: { "precision:advertising": 0.8123, "against.precision:advertising": 0.8346 },
};
const against = "mails-of-the-whole-house@12";
const task: TaskReport = {
  task: "subjects",
  output: "classify",
  items: 2000,
  artifact: "task-result-6721d81d9454",
  isKnown: false,
  kept: 0,
  ms: 1,
  scores: [],
  slices: [],
  variants: [{ variant: "upper", artifact: "task-result-6721d81d9454", items: 3, notAsked: 0, differences, turned: [] }],
  comparison: {
    against,
    artifact: "task-result-6721d81d9454",
    differences,
    onlyModel: 0,
    onlyAgainst: 0,
    wins: [],
    losses: [],
  },
  worst: [],
  slowest: [],
};

test.skipIf(!hasBrowser).each([1280, 400])(
  `at %d pixels no table of gates or differences is wider than the page, and each cell can be read${noBrowser}`,
  async width => {
    const page = await browser().newPage({ viewport: { width, height: 900 } });
    await page.setContent(
      evaluationPage({ model: "mails-of-the-whole-house-q8@3", against, undecided: "point", tasks: [task], gates: [gate] }),
    );
    const boxes = await page.$$eval(".scroll:has(.listed)", all => all.map(e => [e.scrollWidth, e.clientWidth]));
    expect(boxes).toHaveLength(3);
    for (const [wide, seen] of boxes) expect(wide).toBeLessThanOrEqual(seen!);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    // every word is there, the heads' too
    const said = (await page.locator("table.listed").allInnerTexts()).join(" ").replace(/\s+/g, " ");
    for (const words of ["precision:advertising", "0.246", "randomisation", "1024 / 1001", "no significant difference", "better"])
      expect(said).toContain(words);
    const heads = await page.evaluate<string[]>(
      `[...document.querySelectorAll(".listed th, .listed td")].filter(c => c.offsetParent !== null).map(c => c.textContent + getComputedStyle(c, "::before").content)`,
    );
    for (const head of ["measure", against, "wins / losses", "p (Holm)", "it is"])
      expect(
        heads.some(h => h.includes(head)),
        head,
      ).toBe(true);
    await page.close();
  },
);
