/**
 * The console's runs as their reader has them: the table of 5,000 runs filtered, sorted, grouped, annotated, exported and compared, all of it in the
 * address. The server is mostly the console's own fake; the last test trains a toy and looks at it on the real server.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { loam, root, start } from "./support/child.ts";
import { loginUrl } from "./support/login.ts";
import { temporaryFolder } from "./support/project.ts";

const folder = join(root, "console/dist");
const browser = openedBrowser("console", "library");

/** Opens a page; errors of the page fail the test, refusals that the test asks for aside. */
async function open(url: string, width: number, hash: string, use: (page: Page) => Promise<void>, refusals = false): Promise<void> {
  const context = await browser().newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && !(refusals && /40[04]/.test(m.text())) && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  try {
    await page.goto(`${url}${hash}`);
    await use(page);
    expect(errors).toEqual([]);
  } finally {
    await context.close();
  }
}
async function visit(
  options: FakeOptions,
  hash: string,
  use: (page: Page) => Promise<void>,
  { width = 1280, refusals = false } = {},
): Promise<void> {
  const server = await serveFake(folder, options);
  try {
    await open(server.url, width, hash, use, refusals);
  } finally {
    await server.close();
  }
}

const many: FakeOptions = { numTrials: 5_000 };
const table = (page: Page) => page.getByRole("table", { name: /^Runs; heads/ });
const status = (page: Page) => page.getByRole("region", { name: "Pages of runs" }).getByRole("status");
const head = (page: Page, name: string) => page.getByRole("columnheader", { name, exact: false });

browserTest("5,000 runs are sorted, paged, filtered and searched, and a reload keeps all of it", async () => {
  await visit(many, "#/runs", async page => {
    await expect.poll(() => status(page).textContent()).toBe("1 to 100 of 5,002 runs");
    await expect.poll(() => table(page).locator("tbody tr").count()).toBe(100);
    await head(page, "Loss").getByRole("button").click();
    await expect.poll(() => head(page, "Loss").getAttribute("aria-sort")).toBe("ascending");
    await page.getByLabel("Filter").fill("state = done and layers = 2 and rate < 0.001");
    await expect.poll(() => page.url()).toContain("filter=state");
    await expect.poll(() => status(page).textContent()).not.toContain("5,002");
    const [cells, state] = [() => table(page).locator("tbody tr td:nth-of-type(6)").allInnerTexts(), await status(page).textContent()];
    const losses = (await cells()).map(t => Number.parseFloat(t));
    expect(losses).toEqual(losses.toSorted((a, b) => a - b));
    expect(losses.length).toBe(100);
    await page.getByRole("button", { name: "Next" }).click();
    await expect.poll(() => status(page).textContent()).toMatch(/^101 to /);
    await page.reload();
    await expect.poll(() => status(page).textContent()).toMatch(/^101 to /);
    await expect.poll(() => page.getByLabel("Filter").inputValue()).toBe("state = done and layers = 2 and rate < 0.001");
    await expect.poll(() => head(page, "Loss").getAttribute("aria-sort")).toBe("ascending");
    await page.getByLabel("Search").fill("muon");
    await expect.poll(() => status(page).textContent()).not.toBe(state);
    await expect.poll(() => page.url()).toContain("search=muon");
  });
});

browserTest("a wrong filter says what is wrong beside its field, and the table stays", async () => {
  await visit(
    { numTrials: 20 },
    "#/runs",
    async page => {
      await expect.poll(() => status(page).textContent()).toBe("1 to 22 of 22 runs");
      const field = page.getByLabel("Filter");
      await field.fill("los < 2");
      await page.getByRole("alert").filter({ hasText: 'Did you mean "loss"?' }).waitFor();
      await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
      await expect.poll(() => table(page).locator("tbody tr").count()).toBe(22);
      await field.fill("loss < 2 and kind = trial");
      await expect.poll(() => page.getByRole("alert").count()).toBe(0);
      await expect.poll(() => status(page).textContent()).toMatch(/^1 to \d+ of (18|19) runs$/);
    },
    { refusals: true },
  );
});

browserTest(
  "the page Cost draws every run, says what each group needs to the baseline's quality, and the arrow keys walk the runs",
  async () => {
    const address = "#/cost?filter=kind+%3D+trial&cost=cost&quality=macroF1&group=options.optimizer";
    await visit({ numTrials: 60 }, address, async page => {
      const compared = page.getByRole("region", { name: "Cost to the baseline's quality" });
      await compared.getByRole("row", { name: /^adamw .* baseline$/ }).waitFor();
      expect(await compared.getByRole("row", { name: /^muon/ }).textContent()).toMatch(/at least \d+ %/);
      const chart = page.getByRole("img", { name: /^macro f1 against cost, USD of \d+ runs in 2 groups/ });
      const runs = Number(/of (\d+) runs/.exec((await chart.getAttribute("aria-label"))!)![1]);
      expect(runs).toBeGreaterThan(50);
      expect(await chart.locator("circle").count()).toBe(runs);
      await chart.focus();
      await page.keyboard.press("ArrowRight");
      await page.getByText(/^mail-spam trial \d+, adamw: macro f1 0\.\d+ for \S+ cost, USD$/).waitFor();
      await page.getByText("Run by run").click();
      expect(await page.getByRole("region", { name: "Cost against quality" }).getByRole("row").count()).toBe(runs + 1);
      await compared.getByRole("combobox").selectOption("muon");
      await compared.getByRole("row", { name: /^muon .* baseline$/ }).waitFor();
      expect(page.url()).toContain("baseline=muon");
    });
    await visit({}, "#/cost", async page => {
      const ledgers = page.getByRole("region", { name: "Two ledgers" });
      await ledgers.getByRole("row", { name: /^GFLOP [\d,]+ [\d,]+ [\d.]+$/ }).waitFor();
    });
  },
);

browserTest("columns are chosen, runs grouped with mean, least and greatest per unit, and a group is opened as a filter", async () => {
  await visit({ numTrials: 60 }, "#/runs", async page => {
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByLabel("Search columns").fill("rate");
    await page.getByRole("checkbox", { name: /^Rate/ }).check();
    await page.keyboard.press("Escape");
    expect(await page.evaluate("document.activeElement?.textContent")).toBe("Columns");
    await head(page, "Rate").waitFor();
    expect(page.url()).toContain("options.recipe.rate");
    await page.getByRole("combobox", { name: "Group by" }).selectOption("model");
    const groups = page.getByRole("table", { name: /^Runs by Model/ });
    await groups.getByRole("row", { name: /^mail-spam 60 / }).waitFor();
    // losses of two units have a column each
    expect((await groups.getByRole("columnheader", { name: /^Loss/ }).allInnerTexts()).map(t => t.replace(/\s+/g, " "))).toEqual(
      expect.arrayContaining(["Loss nats per text", "Loss nats per token"]),
    );
    await groups.getByRole("button", { name: "mail-small" }).click();
    await expect.poll(() => status(page).textContent()).toBe("1 to 2 of 2 runs");
    await expect.poll(() => page.getByLabel("Filter").inputValue()).toBe('model = "mail-small"');
  });
});

browserTest("a note and tags are kept with who wrote them, found by the filter, and the whole table is exported as CSV", async () => {
  await visit({ numTrials: 150 }, "#/runs", async page => {
    const open = page.getByRole("button", { name: "Note and tags of mail-small@2" });
    await open.focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Note", { exact: true }).fill("the baseline of the paper");
    await page.getByLabel(/^Tags/).fill("baseline, keep");
    await page.getByLabel("Your name").fill("ann");
    await page.getByRole("button", { name: "Save" }).click();
    await table(page).getByText("the baseline of the paper").waitFor();
    expect(await page.evaluate("document.activeElement?.getAttribute('aria-label')")).toBe("Note and tags of mail-small@2");
    await page.getByLabel("Filter").fill('tags = keep and note ~ "paper"');
    await expect.poll(() => status(page).textContent()).toBe("1 to 1 of 1 runs");
    await open.click();
    await page.getByText(/^Written by ann, /).waitFor();
    await page.keyboard.press("Escape");
    await page.getByLabel("Filter").fill("");
    await expect.poll(() => status(page).textContent()).toContain("152");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export as CSV" }).click()]);
    const lines = (await readFile((await download.path())!, "utf8")).trimEnd().split("\r\n");
    expect(lines.length).toBe(153);
    expect(lines[0]).toMatch(/^name,kind,state,started,duration,loss,.*,tags,id$/);
    expect(lines[1]).toMatch(/^mail-small@2,training,done,\d{4}-.*"baseline, keep"/);
  });
});

browserTest(
  "runs with losses in other units are compared on axes of their own, from the address alone; unknown runs are named",
  async () => {
    const server = await serveFake(folder, {});
    try {
      const { rows } = (await (await fetch(`${server.url}api/run-table`)).json()) as { rows: { id: string; artifact: string }[] };
      const [newest, older] = rows as [{ id: string; artifact: string }, { id: string; artifact: string }];
      await open(server.url, 1280, `#/runs?compare=${newest.id},${older.artifact},nothing-1`, async page => {
        await page.getByRole("alert").filter({ hasText: "No run named nothing-1." }).waitFor();
        await page.getByRole("img", { name: /^Loss, nats per token against step\. mail-small@2: .*; mail-small@1: / }).waitFor();
        // curves first, then options against a result, then what differs
        const order = await page.locator("main section[aria-label]").evaluateAll(all => all.map(s => s.getAttribute("aria-label")));
        expect(order.indexOf("Loss, nats per token")).toBeLessThan(order.indexOf("Parallel coordinates"));
        expect(order.indexOf("Parallel coordinates")).toBeLessThan(order.indexOf("Options that differ"));
        await page.getByRole("checkbox", { name: "Compare mail-small@1" }).uncheck();
        await expect.poll(() => new URL(page.url()).hash).toBe(`#/runs?compare=${newest.id}`);
        await page.getByRole("checkbox", { name: "Compare mail-small@2" }).uncheck();
        await page.getByText("Choose up to 8 runs to compare.").waitFor();
        await page.reload();
        await page.getByText("Choose up to 8 runs to compare.").waitFor();
      });
    } finally {
      await server.close();
    }
  },
);

browserTest(
  "parallel coordinates: arrow keys walk the runs, axes turn logarithmic and are removed, and a table says the same",
  async () => {
    for (const width of [1280, 400])
      await visit(
        { numTrials: 60 },
        "#/runs?filter=kind+%3D+trial+and+state+%3D+done&plot=parallel&compare=none",
        async page => {
          const picture = page.getByRole("listbox", { name: /^Runs over / });
          await picture.focus();
          await page.keyboard.press("ArrowDown");
          const said = page.locator(".parallel-said");
          await expect.poll(() => said.textContent()).toMatch(/^mail-spam trial \d+: .*rate 0\.0\d+.*Loss 0\.2\d+ nats per text$/i);
          const first = await said.textContent();
          await page.keyboard.press("End");
          await page.keyboard.press("ArrowDown");
          await expect.poll(() => said.textContent()).not.toBe(first);
          const log = page.getByRole("button", { name: "Logarithmic axis of Rate" });
          await expect.poll(() => log.getAttribute("aria-pressed")).toBe("true");
          await log.click();
          await expect.poll(() => log.getAttribute("aria-pressed")).toBe("false");
          await page.getByRole("button", { name: "Remove the axis of Layers" }).click();
          await page.reload();
          await expect.poll(() => log.getAttribute("aria-pressed")).toBe("false");
          await expect.poll(() => page.getByRole("button", { name: "Remove the axis of Layers" }).count()).toBe(0);
          await page.getByText("As a table").click();
          const rows = page.getByRole("region", { name: "Parallel coordinates" }).locator("tbody tr");
          await expect.poll(() => rows.count()).toBe(await page.locator(".parallel path").count());
          // no wider than the screen
          expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        },
        { width },
      );
  },
);

browserTest("compared trainings with losses in other units have a chart each, and all choices stand in the address", async () => {
  const server = await serveFake(folder, {});
  try {
    const [newest, older] = (await (await fetch(`${server.url}api/runs`)).json()) as [
      { artifact: string },
      { artifact: string; stage: string },
    ];
    await open(server.url, 1280, "#/home", async page => {
      await page.route("**/api/runs", async route => {
        const answer = (await (await route.fetch()).json()) as { artifact: string; stage: string }[];
        await route.fulfill({
          json: answer.map(r => (r.artifact === older.artifact ? { ...r, stage: "tune-classify", lossUnit: "nats per text" } : r)),
        });
      });
      await page.goto(`${server.url}#/training/${newest.artifact}`);
      await page.getByRole("checkbox", { name: "Compare with mail-small@1" }).check();
      await page.getByRole("radio", { name: "Tokens" }).check();
      await page.getByRole("radio", { name: "Log", exact: true }).check();
      const [token, text] = [
        /^Loss, nats per token against tokens\. (?!.*mail-small@1)mail-small@2/,
        /^Loss, nats per text against tokens\. mail-small@1/,
      ];
      for (const name of [token, text]) await page.getByRole("img", { name }).waitFor();
      expect(new URL(page.url()).hash).toBe(`#/training/${newest.artifact}?beside=${older.artifact}&axis=tokens&scale=log`);
      await page.reload();
      for (const name of [token, text]) await page.getByRole("img", { name }).waitFor();
      await expect.poll(() => page.getByRole("radio", { name: "Log", exact: true }).isChecked()).toBe(true);
    });
  } finally {
    await server.close();
  }
});

browserTest("an id that is not there is named on every page that takes one, and nothing else is shown in its place", async () => {
  await visit(
    {},
    "#/home",
    async page => {
      for (const [name, what] of [
        ["training", "run"],
        ["jobs", "job"],
        ["labels", "label set"],
        ["watch", "monitored version"],
        ["governance", "report or log"],
        ["evaluations", "version or evaluation"],
        ["releases", "model or version"],
      ] as const) {
        await page.evaluate(`location.assign("#/${name}/nothing-1")`);
        await page.getByRole("heading", { name: `No ${what} named nothing-1` }).waitFor();
      }
      await page.evaluate('location.assign("#/lineage/nothing-1")');
      await page.getByRole("alert").filter({ hasText: "nothing-1" }).waitFor();
      await page.evaluate('location.assign("#/runs/nothing-1")');
      await page.getByRole("alert").filter({ hasText: "No run named nothing-1" }).waitFor();
    },
    { refusals: true },
  );
});

browserTest("all versions that answer are marked served, and a banner names a latest version that is not", async () => {
  await visit({}, "#/models", async page => {
    await expect.poll(() => page.getByText("served", { exact: true }).count()).toBe(2);
    await expect.poll(() => page.getByText("is the latest version").count()).toBe(0);
  });
  await visit({ isBehind: true }, "#/models", async page => {
    await page.getByRole("status").filter({ hasText: "mail-small@2 is the latest version, but mail-small@1 is served." }).waitFor();
    // the table's own request may end after the banner's
    await page.getByRole("rowheader", { name: /mail-small@1 served/ }).waitFor();
    await expect.poll(() => page.getByRole("rowheader", { name: /mail-small@2 served/ }).count()).toBe(0);
  });
});

browserTest("Home says how much of a training is done and how long it still takes", async () => {
  await visit({}, "#/gateway", async page => {
    await page.route("**/api/runs", async route => {
      const [first, ...rest] = (await (await route.fetch()).json()) as object[];
      await route.fulfill({ json: [{ ...first, endedAt: null, done: 0.25, finishesAt: Date.now() + 185_000 }, ...rest] });
    });
    await page.evaluate('location.assign("#/home")');
    const running = page.getByRole("region", { name: "Running" });
    await running.getByText(/^25 %, 3:0\d left$/).waitFor();
    await expect.poll(() => running.getByRole("progressbar", { name: "Share of Train done" }).getAttribute("value")).toBe("0.25");
  });
});

browserTest("on the real server the runs of a toy are listed, filtered, annotated and compared", async () => {
  const parent = temporaryFolder();
  expect((await loam(["init", "little"], { cwd: parent })).code).toBe(0);
  const cwd = join(parent, "little");
  const smaller = {
    "vocab: 512": "vocab: 300",
    "layers: 2": "layers: 1",
    "width: 96": "width: 32",
    "heads: 3": "heads: 2",
    "tokens: 240k": "tokens: 20k",
  };
  const file = join(cwd, "loam.yaml");
  const yaml = Object.entries(smaller).reduce((text, [from, to]) => text.replace(from, to), await readFile(file, "utf8"));
  await writeFile(file, `${yaml}\ndevice: { threads: 1 }\n`);
  const ran = await loam(["run"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  const listed = await loam(["runs", "--filter", "kind = training and loss < 20", "--json"], { cwd });
  expect(listed.code, listed.stderr).toBe(0);
  const lines = listed.stdout.trim().split("\n");
  const { rows } = JSON.parse(lines.at(-1)!) as { rows: { id: string; values: Record<string, unknown> }[] };
  expect(rows.map(r => r.values)).toMatchObject([{ name: "little@1", kind: "training", "options.model.width": 32 }]);
  expect((await loam(["runs", "tag", rows[0]!.id, "from-cli", "--as", "bob"], { cwd })).code).toBe(0);
  const server = start(["serve", "--port", "0", "--json"], { cwd });
  try {
    const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!.replace(/\/?$/, "/");
    const { pathname, search } = new URL(await loginUrl(cwd, url.slice(0, -1)));
    await open(url, 1280, `${pathname.slice(1)}${search}`, async page => {
      await page.getByRole("region", { name: "Served" }).getByText("little@1").waitFor();
      await page.goto(`${url}#/runs?show=all&filter=tags+%3D+from-cli`);
      await expect.poll(() => status(page).textContent()).toBe("1 to 1 of 1 runs");
      await page.getByRole("button", { name: "Note and tags of little@1" }).click();
      await page.getByLabel("Note", { exact: true }).fill("from the page");
      await page.getByLabel("Your name").fill("ann");
      await page.getByRole("button", { name: "Save" }).click();
      await table(page).getByText("from the page").waitFor();
      await page.getByLabel("Filter").fill("");
      await expect.poll(() => table(page).locator("tbody tr").count()).toBeGreaterThan(4);
    });
    const noted = await loam(["runs", "--search", "from the page", "--json"], { cwd });
    expect(JSON.parse(noted.stdout.trim().split("\n").at(-1)!)).toMatchObject({
      rows: [{ note: { text: "from the page", by: "ann" }, tags: [{ tag: "from-cli", by: "bob" }] }],
    });
  } finally {
    server.kill("SIGTERM");
    await server.ended;
  }
});
