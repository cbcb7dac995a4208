/** The table of docs/console.md beside other consoles, in Chromium on the fake server: what it claims for Loam is on the page, and every claim is looked for. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { hasBrowser, noBrowser, openedBrowser } from "./support/browser.ts";
import { root } from "./support/child.ts";

const browser = openedBrowser("console");

interface Check {
  readonly hash: string;
  readonly fake?: FakeOptions;
  /** Fails where the page lacks it. */
  readonly look: (page: Page) => Promise<void>;
}

const region = (page: Page, name: string | RegExp) => page.getByRole("region", { name }).first();
const complete = async (page: Page, prompt: string) => {
  await page.fill("#prompt", prompt);
  await page.keyboard.press("Control+Enter");
  await page.locator('.exchange[aria-busy="false"]').first().waitFor();
};
const label = async (page: Page, who: string) => {
  await page.getByLabel("Who labels?").fill(who);
  await page.keyboard.press("Enter");
  await page.getByText("1 of 8 in this round").waitFor();
};

/** Between the two likeliest classes of the text that is shown, in percent. */
const margin = async (page: Page): Promise<number> => {
  const texts = await region(page, "Text to label")
    .getByRole("button", { name: / \d+ %$/ })
    .allInnerTexts();
  const [most, next] = texts.map(t => Number.parseInt(/(\d+) %/.exec(t)![1]!, 10)).toSorted((a, b) => b - a);
  return most! - next!;
};

/** By the table's first column: its rows where Loam is "yes" or "partly", and no others. */
const checks: Readonly<Record<string, Check>> = {
  "runs table: filter, sort, group, columns": {
    hash: "runs?filter=kind+%3D+trial&group=options.optimizer&sort=loss",
    fake: { numTrials: 60 },
    look: async page => {
      await page.getByRole("table", { name: /^Runs by / }).waitFor();
      await page.locator('th[aria-sort="ascending"]').waitFor();
      await page.getByRole("button", { name: "Columns" }).click();
      await page.getByLabel("Search columns").waitFor();
    },
  },
  "notes and tags on runs": {
    hash: "runs",
    look: async page => {
      await page
        .getByRole("button", { name: /^Note and tags of / })
        .first()
        .click();
      await page.getByRole("dialog").getByLabel(/^Tags/).waitFor();
    },
  },
  "curves, parallel coordinates": {
    hash: "runs?filter=kind+%3D+trial+and+state+%3D+done&plot=parallel",
    fake: { numTrials: 60 },
    look: async page => {
      await region(page, "Parallel coordinates").waitFor();
      await page.goto(page.url().replace(/#.*/, "#/training"));
      await page.getByRole("img", { name: /^Loss.* against / }).waitFor();
    },
  },
  "files of a run: list, download": {
    hash: "lineage",
    look: page => page.getByText("weights.safetensors").first().waitFor(),
  },
  "other runs started from a form": {
    hash: "start/models.mail-small",
    look: page => page.getByRole("button", { name: "Run…" }).waitFor(),
  },
  "item-by-item diff of two models": {
    hash: "evaluations?kind=task",
    look: async page => {
      await page.getByRole("button", { name: "Compare folders of mail-small@2" }).click();
      await page.getByRole("link", { name: "with mail-small@2" }).first().click();
      await page.getByRole("list", { name: "Items" }).getByRole("listitem").first().waitFor();
    },
  },
  "paired tests and intervals on differences": {
    hash: "evaluations?kind=task",
    look: async page => {
      await page.getByRole("button", { name: "Compare folders of mail-small@2" }).click();
      await page.getByRole("link", { name: "with mail-small@2" }).first().click();
      await page.getByRole("row", { name: /^acc .*\+0\.083 0\.008 to 0\.158 .*no significant difference/ }).waitFor();
    },
  },
  "two models side by side on one prompt": {
    hash: "playground?model=mail-small%402&beside=mail-small%401",
    fake: { tokenMs: 0 },
    look: async page => {
      await complete(page, "Hi all,\n\nThe ");
      for (const model of ["mail-small@2", "mail-small@1"]) await page.getByRole("article", { name: `Completion, ${model}` }).waitFor();
    },
  },
  "token probabilities, attributions": {
    hash: "playground",
    fake: { tokenMs: 0 },
    look: async page => {
      await page.getByLabel("Token probabilities").check();
      await complete(page, "Hi all,\n\nthe ");
      await page.getByRole("listbox", { name: /^Tokens with their probabilities/ }).waitFor();
      await page.getByRole("button", { name: "Attributions" }).click();
      await page.getByRole("table", { name: /^Strongest words/ }).waitFor();
    },
  },
  "tools, JSON Schema": {
    hash: "playground?mode=chat",
    look: async page => {
      await page.getByRole("button", { name: "Add a function" }).click();
      await page.getByLabel("JSON Schema of the arguments").waitFor();
      await page.getByLabel("JSON Schema of the response").waitFor();
    },
  },
  "label text: classes, several, spans": {
    hash: "labels/folder",
    fake: { labelKind: "spans" },
    look: async page => {
      await label(page, "ann");
      await page.getByRole("textbox", { name: /^Text: select a range/ }).waitFor();
    },
  },
  "predictions shown while labelling": {
    hash: "labels/folder",
    look: async page => {
      await label(page, "ann");
      await page.getByRole("button", { name: /work \d+ %$/ }).waitFor();
    },
  },
  "texts assigned to labellers, review of their work": {
    hash: "labels/folder?view=disagreements",
    look: async page => {
      await page.getByLabel("Who labels?").fill("ann");
      await page.keyboard.press("Enter");
      await page.getByText(/\d+ open/).waitFor();
    },
  },
  "disagreements and adjudication": {
    hash: "labels/folder",
    look: async page => {
      for (const [who, key] of [
        ["ann", "a"],
        ["ben", "s"],
      ] as const) {
        await label(page, who);
        await page.keyboard.press(key);
        await page.getByText("2 of 8 in this round").waitFor();
        await page.getByRole("button", { name: /: change person$/ }).click();
      }
      await page.goto(page.url().replace(/#.*/, "#/labels/folder?view=disagreements"));
      await page.getByLabel("Who labels?").fill("ann");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Decide for this" }).first().waitFor();
    },
  },
  "active learning": {
    hash: "labels/folder",
    look: async page => {
      await label(page, "ann");
      const first = await margin(page);
      for (let i = 0; i < 7; i++) await page.keyboard.press("n");
      await page.getByText("8 of 8 in this round").waitFor();
      expect(first).toBeLessThan(await margin(page));
    },
  },
  "search in training documents, their history": {
    hash: "data?view=documents",
    look: async page => {
      await page.getByText("mail:letters/0000001").click();
      await page.getByRole("button", { name: "Difference" }).first().waitFor();
    },
  },
  "traces of applications, requests with their texts": {
    hash: "watch",
    look: async page => {
      const alarm = region(page, "An alarm is active").getByRole("listitem").first();
      await alarm.getByRole("region", { name: "Example requests" }).locator("summary").first().click();
      await alarm.getByRole("heading", { name: "Prompt" }).waitFor();
    },
  },
  "drift of traffic and quality": {
    hash: "watch",
    look: async page => {
      await page.getByText("Kolmogorov-Smirnov: p < 0.001").waitFor();
      await page.getByText("143 of 1,710 responses are labelled").waitFor();
    },
  },
  "alarms, error budgets": {
    hash: "watch",
    look: async page => {
      await page.getByRole("heading", { name: "An alarm is active" }).waitFor();
      await page.getByRole("meter", { name: /of the error budget left$/ }).waitFor();
    },
  },
  "any time range and refresh interval": {
    hash: "watch",
    look: async page => {
      for (const name of ["Hour", "Day", "Month"]) await page.getByRole("radio", { name, exact: true }).waitFor();
    },
  },
  "model registry with gates and rollback": {
    hash: "releases/mail-small@2",
    look: async page => {
      await page.getByRole("button", { name: "Promote mail-small@2 to prod" }).click();
      await page.getByRole("dialog").getByText("1 gate is not passed").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Roll staging back" }).waitFor();
    },
  },
  "keys, limits, budgets of a gateway": {
    hash: "gateway",
    look: async page => {
      await page.getByRole("button", { name: "New key" }).waitFor();
      await page.getByRole("button", { name: "New limit" }).click();
      await page.getByLabel("What is counted").selectOption("cost");
    },
  },
  "tamper-evident audit log, governance reports": {
    hash: "governance",
    look: async page => {
      await page
        .getByRole("button", { name: /^Proof of entry / })
        .first()
        .click();
      await page
        .getByRole("dialog")
        .getByText(/of the tree of \d+ entries/)
        .waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("radio", { name: "AI Act, Annex IV" }).check();
      await page.getByRole("heading", { name: "Technical documentation (Annex IV)" }).waitFor();
    },
  },
  "each action shown as a command": {
    hash: "releases",
    look: async page => {
      await page.getByRole("button", { name: "Roll staging back" }).click();
      await expect.poll(() => page.locator(".command .code").textContent()).toMatch(/^loam models rollback mail-small staging/);
    },
  },
  "user accounts, SSO, teams": {
    hash: "gateway",
    look: async page => {
      await page.getByRole("heading", { name: "Principals" }).waitFor();
    },
  },
  "works without any internet access": {
    hash: "home",
    look: page => page.getByRole("heading", { name: "Newest versions" }).waitFor(),
  },
};

async function tableRows(): Promise<readonly string[][]> {
  const page = await readFile(join(root, "docs/console.md"), "utf8");
  const table = page.slice(page.indexOf("| capability |")).split("\n\n")[0]!;
  return table
    .split("\n")
    .slice(2)
    .map(line =>
      line
        .split("|")
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
}

test("the table of docs/console.md has a check for each capability that Loam has, fully or partly", async () => {
  const claimed = (await tableRows()).filter(([, loam]) => loam !== "no").map(([capability]) => capability);
  expect(claimed.length).toBeGreaterThan(20);
  expect(Object.keys(checks).toSorted()).toEqual(claimed.toSorted());
});

test.skipIf(!hasBrowser).each(Object.entries(checks))(
  `on its page, without a request elsewhere: %s${noBrowser}`,
  async (_, { hash, fake = {}, look }) => {
    const server = await serveFake(join(root, "console/dist"), fake);
    const context = await browser().newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
    const page = await context.newPage();
    const elsewhere: string[] = [];
    page.on("request", r => r.url().startsWith("http") && !r.url().startsWith(server.url) && elsewhere.push(r.url()));
    page.setDefaultTimeout(30_000);
    try {
      await page.goto(`${server.url}#/${hash}`);
      await look(page);
      expect(elsewhere).toEqual([]);
    } finally {
      await context.close();
      await server.close();
    }
  },
);
