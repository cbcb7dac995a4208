/**
 * The console as its user has it: built, served on loopback and opened in a browser. The server is mostly the console's own fake, which can
 * be empty, broken, slow or gone when a test wants it; its answers are held against the contract in console/dev/fake.test.ts. The last test
 * trains a toy and looks at it on the real server.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { type Recording, record } from "../console/dev/recording.ts";
import type { OpenApiDocument } from "../src/base/index.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { loam, root, start } from "./support/child.ts";
import { loginUrl, signedIn } from "./support/login.ts";
import { answerChecker } from "./support/openapi.ts";
import { temporaryFolder } from "./support/project.ts";

const folder = join(root, "console/dist");
const browser = openedBrowser("console", "library");

const pages = {
  home: "Home",
  data: "Data",
  labels: "Labels",
  training: "Training",
  runs: "Runs",
  cost: "Cost",
  jobs: "Jobs",
  start: "Start a run",
  evaluations: "Evaluations",
  playground: "Playground",
  engine: "Engine",
  models: "Models",
  deployments: "Deployments",
  gateway: "Gateway",
  watch: "Watch",
  releases: "Releases",
  lineage: "Lineage",
  governance: "Governance",
} as const;

interface Visit {
  readonly page: Page;
  readonly port: number;
  readonly errors: string[];
  /** Addresses asked for, other than this server's. */
  readonly strangers: string[];
  closeServer(): Promise<void>;
}

/** Opens a page of a server, and closes it afterwards. */
async function open(
  url: string,
  width: number,
  hash: string,
  use: (v: Omit<Visit, "port" | "closeServer">) => Promise<void>,
): Promise<void> {
  const context = await browser().newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  const strangers: string[] = [];
  page.on("console", m => m.type() === "error" && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  page.on("request", r => !r.url().startsWith(url) && !r.url().startsWith("data:") && strangers.push(r.url()));
  // what a model writes is the same in every run: a text that begins with ">" is drawn as a quotation
  await page.addInitScript(`localStorage["loam.console.settings"] ??= '{"seed":"7"}'`);
  try {
    await page.goto(`${url}${hash}`);
    await use({ page, errors, strangers });
  } finally {
    await context.close();
  }
}

/** Opens a page on a fake server of its own, and closes both. */
async function visit(options: FakeOptions, width: number, use: (v: Visit) => Promise<void>, hash = "#/playground"): Promise<void> {
  const server = await serveFake(folder, options);
  try {
    await open(server.url, width, hash, v => use({ ...v, port: server.port, closeServer: server.close }));
  } finally {
    await server.close();
  }
}

const answer = (page: Page) => page.locator(".exchange").first();
const written = (page: Page) => answer(page).locator(".written").textContent();
/** 0 while it is not there. */
const lengthOf = async (place: Locator) => (await place.allTextContents()).join("").length;
const content = (page: Page) => page.locator("main .card, main table, main form, main .graph").first();
/** Keys are for the page when no field has the focus. */
const leaveField = (page: Page) => page.evaluate("document.activeElement?.blur()");

test("the built page opens with less than 150 kB gzipped and is under 250 kB in all, and names no other origin to load from", async () => {
  const names = (await readdir(folder, { recursive: true })).filter(n => /\.(js|css|html|svg)$/.test(n));
  const files = await Promise.all(names.map(n => readFile(join(folder, n))));
  expect(names.length).toBeGreaterThan(3);
  const sizeOf = (which: readonly Buffer[]) => which.reduce((sum, f) => sum + gzipSync(f).length, 0);
  // what the document names: its script, the modules that this imports, its sheet; the other pages follow when that is shown
  const index = await readFile(join(folder, "index.html"), "utf8");
  const first = files.filter((_, i) => names[i] === "index.html" || index.includes(names[i]!.replaceAll("\\", "/")));
  expect(first.length).toBeGreaterThan(2);
  expect(sizeOf(first)).toBeLessThan(150_000);
  expect(sizeOf(files)).toBeLessThan(250_000);
  const markup = files.filter((_, i) => /\.(html|css)$/.test(names[i]!)).join("\n");
  expect(markup).not.toMatch(/(?:src|href)=["']?https?:|url\(["']?https?:|@import/);
});

/** What the document names comes in each coding that a browser takes, kept for good, and the whole first load within its limit. */
async function sendsCompressed(url: string): Promise<void> {
  const index = await readFile(join(folder, "index.html"), "utf8");
  const names = ["", ...[...index.matchAll(/assets\/[\w.-]+\.(?:js|css)/g)].map(m => m[0])];
  expect(names.length).toBeGreaterThan(2);
  for (const coding of ["br", "gzip"]) {
    const responses = await Promise.all(names.map(n => fetch(`${url}${n}`, { headers: { "accept-encoding": coding, accept: "*/*" } })));
    for (const [i, { status, headers }] of responses.entries()) {
      expect([names[i], status]).toEqual([names[i], 200]);
      if (names[i] !== "") expect([names[i], headers.get("cache-control")]).toEqual([names[i], expect.stringContaining("immutable")]);
      // what is smaller than a packet is sent as it is
      const isSmall = (await readFile(join(folder, names[i] || "index.html"))).length < 1_024;
      const wanted = isSmall ? [null, null] : [coding, "accept-encoding"];
      expect([names[i], headers.get("content-encoding"), headers.get("vary")]).toEqual([names[i], ...wanted]);
    }
    const sent = responses.reduce((sum, r) => sum + Number(r.headers.get("content-length")), 0);
    expect(sent).toBeGreaterThan(10_000);
    expect(sent).toBeLessThan(150_000);
  }
  const plain = await fetch(`${url}${names[1]}`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
}

browserTest("Watch shows what is wrong, figures over time, the error budget, quality and drift; a version is chosen by key", async () => {
  for (const width of [1280, 390])
    await visit(
      {},
      width,
      async ({ page, errors, strangers }) => {
        await page.getByRole("heading", { name: "An alarm is active" }).waitFor();
        await page.getByRole("region", { name: "An alarm is active" }).getByText("41.3").waitFor();
        for (const name of ["Requests per minute", "Errors", "Latency", "Tokens per second"])
          await page.getByRole("region", { name: "Over time" }).getByText(name, { exact: true }).first().waitFor();
        await page.getByRole("meter", { name: "answered: 34 % of the error budget left" }).waitFor();
        await page.getByText("143 of 1,710 responses are labelled").waitFor();
        await page.getByRole("img", { name: /^Training: median 160, .* Now: median 248, / }).waitFor();
        await page.getByText("Kolmogorov-Smirnov: p < 0.001").waitFor();
        // no wider than the screen
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        const other = page.getByRole("button", { name: "mail-small@1", exact: true });
        await other.focus();
        await page.keyboard.press("Enter");
        await expect.poll(() => other.getAttribute("aria-pressed")).toBe("true");
        await page.getByText("No sketch of this version's training data").waitFor();
        await page.getByRole("radio", { name: "Day" }).check();
        await expect
          .poll(() => page.getByRole("region", { name: "Over time" }).getByText("Latency", { exact: true }).count())
          .toBeGreaterThan(0);
        expect(errors).toEqual([]);
        expect(strangers).toEqual([]);
      },
      "#/watch",
    );
});

browserTest("Governance lists acts with their proofs, and reports name their gaps; by keyboard, on both widths", async () => {
  for (const width of [1280, 390])
    await visit(
      {},
      width,
      async ({ page, errors, strangers }) => {
        await page.getByRole("row", { name: /wrong label.*carol.*reported by support/ }).waitFor();
        // what an erasure took is said, not left blank
        await page.getByRole("row", { name: /subject\.erase.*erased.*Article 17/ }).waitFor();
        await page.getByLabel("Kind of act").selectOption("incident");
        await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
        expect(page.url()).toContain("#/governance/acts-incident");
        const proof = page.getByRole("button", { name: "Proof of entry 190" });
        await proof.focus();
        await page.keyboard.press("Enter");
        await page.getByRole("dialog", { name: "Entry 190 of the log" }).getByText("of the tree of 212 entries").waitFor();
        await page.keyboard.press("Escape");
        await expect.poll(() => page.evaluate("document.activeElement?.textContent")).toBe("Proof of entry 190");
        await page.getByRole("radio", { name: "AI Act, Annex IV" }).check();
        await page.getByRole("heading", { name: "Technical documentation (Annex IV)" }).waitFor();
        await page.getByText("1 missing").waitFor();
        await page.getByText("governance.statements.purpose").waitFor();
        await page.reload();
        await page.getByRole("heading", { name: "Technical documentation (Annex IV)" }).waitFor();
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        expect(errors).toEqual([]);
        expect(strangers).toEqual([]);
      },
      "#/governance",
    );
});

browserTest("an empty project's Watch says in one sentence what to do", () =>
  visit(
    { scenario: "empty" },
    1280,
    async ({ page }) => {
      await page.getByText("Send a request to a model that").waitFor();
      await expect.poll(() => page.locator("main section").count()).toBe(0);
    },
    "#/watch",
  ),
);

browserTest("Home says what runs, what is served, what is new, what is wrong and what waits, each a link to its page", async () => {
  for (const width of [1280, 400])
    await visit(
      {},
      width,
      async ({ page, errors, strangers }) => {
        const card = (name: string) => page.getByRole("region", { name, exact: true });
        await card("Running").getByRole("progressbar").waitFor();
        await card("Running").getByText("step 20 of 48").waitFor();
        await card("Served").getByText("ready, latest, 90 % of requests").waitFor();
        await card("Newest versions").getByRole("link", { name: "mail-small@2" }).waitFor();
        await card("Alarms").getByRole("listitem").first().waitFor();
        const waiting = card("Waiting for a person");
        await waiting.getByRole("link", { name: "folder: 8 texts to label" }).waitFor();
        await waiting.getByRole("link", { name: /^mail-small@2 for \w+: 2 reviewers, 1 of 2: ann/ }).waitFor();
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
        await card("Running").getByRole("link").first().focus();
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
        expect({ errors, strangers }).toEqual({ errors: [], strangers: [] });
      },
      "",
    );
  await visit(
    { scenario: "empty" },
    1280,
    async ({ page }) => {
      await page.getByRole("region", { name: "Served" }).getByText("no version is registered yet").waitFor();
      await page.getByText("Nothing is being trained.").waitFor();
    },
    "",
  );
});

browserTest("a prompt is answered in a stream, and the same seed asks for the same text again", async () => {
  await visit({ tokenMs: 15 }, 1280, async ({ page, errors, strangers }) => {
    await page.getByLabel("Seed", { exact: true }).fill("7");
    await page.getByLabel("Max tokens").fill("60");
    await page.getByLabel("Beginning of a text").fill("Hi all,\n\nThe ");
    await page.keyboard.press("Control+Enter");
    // Text is there while more is to come: it is a stream.
    await expect.poll(() => lengthOf(page.locator('.exchange[aria-busy="true"] .written'))).toBeGreaterThan(30);
    await page.locator('.exchange[aria-busy="false"]').waitFor();
    const first = await written(page);
    expect(first).toMatch(/^Hi all,\n\nThe /);
    await expect.poll(() => answer(page).locator(".speed").textContent()).toMatch(/60 tokens.*[\d,.]+ tokens\/s.*first after .*length/);
    await answer(page).getByRole("button", { name: "Retry" }).click();
    await page.locator('.exchange[aria-busy="true"]').waitFor();
    await page.locator('.exchange[aria-busy="false"]').waitFor();
    expect(await written(page)).toBe(first);
    expect({ errors, strangers }).toEqual({ errors: [], strangers: [] });
  });
});

browserTest("token probabilities with alternatives by pointer and by arrow keys, and attributions of the prompt's words", async () => {
  for (const width of [1280, 400])
    await visit({ tokenMs: 0 }, width, async ({ page, errors, strangers }) => {
      if (width < 1000) await page.locator("summary", { hasText: "Settings" }).click();
      await page.getByLabel("Token probabilities").check();
      await page.getByLabel("Max tokens").fill("8");
      await page.getByLabel("Beginning of a text").fill("Hi everybody, the ");
      await page.keyboard.press("Control+Enter");
      const tokens = page.getByRole("listbox", { name: /^Tokens with their probabilities/ });
      await tokens.waitFor();
      await expect.poll(() => tokens.getByRole("option").count()).toBe(8);
      const alternatives = page.getByRole("table", { name: "Most likely tokens at this position" });
      const sampled = () => alternatives.locator("tr.is-model th").textContent();
      const first = await sampled();
      await tokens.focus();
      await page.keyboard.press("End");
      const last = await tokens.getByRole("option", { selected: true }).textContent();
      await expect.poll(sampled).toContain(last!.trim());
      await page.keyboard.press("Home");
      await expect.poll(sampled).toBe(first);
      await tokens.getByRole("option").nth(7).hover();
      await expect.poll(sampled).toContain(last!.trim());
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);

      const open = page.getByRole("button", { name: "Attributions" });
      await open.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog", { name: "Attributions" });
      await dialog.getByRole("row", { name: "everybody, 1.500" }).waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.evaluate("document.activeElement?.textContent")).toContain("Attributions");
      expect({ errors, strangers }).toEqual({ errors: [], strangers: [] });
    });
});

browserTest("a token that is only a line break can be pointed at", async () => {
  await visit({ tokenMs: 0 }, 1280, async ({ page }) => {
    await page.getByLabel("Token probabilities").check();
    await page.getByLabel("Seed", { exact: true }).fill("7");
    await page.getByLabel("Max tokens").fill("60");
    await page.getByLabel("Beginning of a text").fill("Hi all,\n\nThe ");
    await page.keyboard.press("Control+Enter");
    const breaks = page.getByRole("option", { name: /^↵+, / });
    await breaks.first().waitFor();
    await expect.poll(() => breaks.first().textContent()).toMatch(/^\n+$/);
    await breaks.first().hover();
    await expect.poll(() => breaks.first().getAttribute("aria-selected")).toBe("true");
  });
});

browserTest("a conversation is saved, taken up after a reload, exported and imported; a preset brings its settings", async () => {
  await visit({ tokenMs: 0 }, 1280, async ({ page, errors }) => {
    const panel = page.getByRole("region", { name: "Saved conversations and presets" });
    await page.getByLabel("Seed", { exact: true }).fill("7");
    await page.getByLabel("Max tokens").fill("12");
    await page.getByLabel("Beginning of a text").fill("Hi all, ");
    await page.keyboard.press("Control+Enter");
    await page.locator('.exchange[aria-busy="false"]').waitFor();
    const before = await written(page);
    await panel.getByLabel("Save as").fill("meeting");
    await page.keyboard.press("Enter");
    await panel.getByText("Saved meeting.").waitFor();
    const download = page.waitForEvent("download");
    await panel.getByRole("button", { name: "Export" }).click();
    const exported = await (await download).path();
    await page.getByLabel("Seed", { exact: true }).fill("8");
    await page.reload();
    await expect.poll(() => page.locator(".exchange").count()).toBe(0);
    await panel.getByRole("button", { name: "meeting", exact: true }).click();
    await expect.poll(() => written(page)).toBe(before);
    await expect.poll(() => page.getByLabel("Seed", { exact: true }).inputValue()).toBe("7");
    await panel.getByRole("button", { name: "Delete meeting" }).click();
    await panel.getByText("Deleted meeting.").waitFor();
    await panel.getByLabel("File of conversations to import").setInputFiles(exported);
    await panel.getByText(/^Imported 1 from/).waitFor();
    await panel.getByRole("button", { name: "meeting", exact: true }).waitFor();
    const seed = page.getByLabel("Seed", { exact: true });
    await seed.fill("9");
    await panel.getByLabel("Save as").fill("nine");
    await panel.getByRole("button", { name: "Preset" }).click();
    await seed.fill("10");
    await panel.getByRole("button", { name: "nine", exact: true }).click();
    await expect.poll(() => seed.inputValue()).toBe("9");
    expect(await written(page)).toBe(before);
    expect(errors).toEqual([]);
  });
});

browserTest("Escape stops an answer and keeps what was written", async () => {
  await visit({ tokenMs: 40 }, 1280, async ({ page }) => {
    await page.getByLabel("Beginning of a text").fill("Re: ");
    await page.getByRole("button", { name: "Continue" }).click();
    await expect.poll(() => lengthOf(answer(page).locator(".written"))).toBeGreaterThan(8);
    await page.keyboard.press("Escape");
    await page.getByText("stopped by you").waitFor();
    expect(await lengthOf(answer(page).locator(".written"))).toBeGreaterThan(8);
    await page.getByRole("button", { name: "Continue" }).waitFor();
  });
});

browserTest("a chat sends what was said before, and Enter is enough", async () => {
  await visit({ tokenMs: 0 }, 1280, async ({ page, errors }) => {
    await page.getByRole("radio", { name: "Chat" }).check();
    await page.getByLabel("Max tokens").fill("12");
    const bodies: { messages: { role: string; content: string }[] }[] = [];
    page.on("request", r => r.url().endsWith("/v1/chat/completions") && bodies.push(r.postDataJSON()));
    for (const [i, text] of ["When is the meeting?", "And where?"].entries()) {
      await page.getByLabel("Message to the model").fill(text);
      await page.keyboard.press("Enter");
      await page.locator('.exchange[aria-busy="false"]').nth(i).waitFor();
    }
    const said = await answer(page).locator(".written").textContent();
    const letters = (text: string) => text.replace(/\s+/g, "");
    // drawn as Markdown, sent as it came
    expect(letters(bodies[1]!.messages[1]!.content)).toBe(letters(said!));
    expect(bodies[1]!.messages).toEqual([
      { role: "user", content: "When is the meeting?" },
      { role: "assistant", content: expect.any(String) },
      { role: "user", content: "And where?" },
    ]);
    expect(errors).toEqual([]);
  });
});

browserTest("what the server refuses and an answer that breaks off are said in words", async () => {
  await visit({ breaksAfter: 5, tokenMs: 0 }, 1280, async ({ page }) => {
    await page.getByLabel("Beginning of a text").fill("word ".repeat(300));
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("expected at most 255 tokens, got 301").waitFor();
    await page.getByLabel("Beginning of a text").fill("Re: ");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("The answer broke off").waitFor();
  });
});

browserTest("every page opens by its number without an error, a request to elsewhere or a control without a name", async () => {
  await visit({}, 1280, async ({ page, errors, strangers }) => {
    const inspector = await page.context().newCDPSession(page);
    // the field takes the focus once the page is there
    await page.getByRole("heading", { level: 1 }).waitFor();
    await content(page).waitFor();
    await leaveField(page);
    for (const [i, [name, title]] of Object.entries(pages).entries()) {
      // those beyond the ninth have no number
      if (i < 9) await page.keyboard.press(String(i + 1));
      else await page.getByRole("link", { name: title, exact: true }).click();
      await page.getByRole("heading", { level: 1, name: title }).waitFor();
      await expect.poll(() => new URL(page.url()).hash).toBe(`#/${name}`);
      await content(page).waitFor();
      const { nodes } = await inspector.send("Accessibility.getFullAXTree");
      const controls = nodes.filter(
        n => /^(button|link|textbox|slider|radio|checkbox|combobox)$/.test(String(n.role?.value)) && !n.ignored,
      );
      expect(controls.length).toBeGreaterThan(5);
      expect(controls.filter(n => !String(n.name?.value ?? "").trim()).map(n => n.role?.value)).toEqual([]);
      await leaveField(page);
    }
    expect({ errors, strangers }).toEqual({ errors: [], strangers: [] });
  });
});

browserTest("the curves and the scores beside the baselines are there, in words too", async () => {
  await visit(
    {},
    1280,
    async ({ page }) => {
      await page.locator(".chart canvas").nth(3).waitFor();
      await expect
        .poll(() => page.getByRole("img", { name: /^Loss, nats per token against step/ }).getAttribute("aria-label"))
        .toMatch(/held out: from .* to 4\.42/);
      await page.getByRole("radio", { name: "Tokens" }).check();
      await page
        .getByRole("img", { name: /against tokens/ })
        .first()
        .waitFor();
      const rows = await page.locator("table.bits tbody tr").allInnerTexts();
      expect(rows.map(r => r.split(/\s*\t\s*|\n/)[0])).toEqual(["5-gram", "mail-small@2", "2-gram", "zstd -19", "gzip"]);
    },
    "#/training",
  );
});

browserTest("a fine-tuning job is followed, paused, resumed and cancelled by the keyboard alone", async () => {
  await visit(
    {},
    1280,
    async ({ page, errors }) => {
      await page.getByText("20 of 48").waitFor();
      await expect.poll(() => page.getByRole("progressbar", { name: "Steps done" }).getAttribute("value")).toBe("20");
      const loss = await page.getByRole("img", { name: /^Loss, nats per token against step/ }).getAttribute("aria-label");
      expect(loss).toMatch(/train: from 3\.2\d* .*validation: from 3\.4/);
      await page.getByRole("img", { name: /^Tokens right against step/ }).waitFor();
      const event = (n: number) => page.getByRole("region", { name: "Events" }).locator("tbody tr").nth(n).textContent();
      expect(await event(0)).toContain("Step 20/48");
      const press = async (name: string) => {
        await page.getByRole("button", { name, exact: true }).focus();
        await page.keyboard.press("Enter");
      };
      const status = (text: string) => page.locator(".figure", { hasText: "Status" }).getByText(text).waitFor();
      for (const [name, said, text] of [
        ["Pause", "Paused", "The job was paused."],
        ["Resume", "Running", "The job goes on."],
        ["Cancel", "Cancelled", "The job was cancelled."],
      ] as const) {
        await press(name);
        await status(said);
        await expect.poll(() => event(0)).toContain(text);
      }
      // nothing is asked of a job that is over
      await expect.poll(() => page.getByRole("button", { name: /^(Pause|Resume|Cancel)$/ }).count()).toBe(0);
      await page.getByRole("link", { name: "ft-mail-small-polite-11111111" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("ft-mail-small-polite-11111111-step-16@1").waitFor();
      await expect.poll(() => page.getByRole("region", { name: "Models that came of it" }).locator("tbody tr").count()).toBe(3);
      expect(errors).toEqual([]);
    },
    "#/jobs",
  );
});

browserTest("arrow keys walk the lineage from the model to its source", async () => {
  await visit(
    {},
    1280,
    async ({ page }) => {
      await page.locator(".node.chosen").focus();
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 5; i++) {
        seen.push((await page.locator(".details .kind").textContent())?.trim());
        await page.keyboard.press("ArrowLeft");
      }
      expect([seen[0], seen.at(-1)]).toEqual(["Model", "Source"]);
      const scale = () => page.locator(".graph svg > g").getAttribute("transform");
      const before = await scale();
      await page.keyboard.press("+");
      await expect.poll(scale).not.toBe(before);
      await page.keyboard.press("0");
      await expect.poll(scale).toBe(before);
      // The wheel zooms about the pointer; a drag moves by as much as the mouse, and is no click on where it ends.
      const box = (await page.locator(".graph").boundingBox())!;
      await page.mouse.move(box.x + 30, box.y + 20);
      await page.mouse.wheel(0, -200);
      await expect.poll(scale).not.toBe(before);
      await page.keyboard.press("0");
      await expect.poll(scale).toBe(before);
      const at = async () =>
        /translate\((\S+) (\S+)\)/
          .exec((await scale())!)!
          .slice(1)
          .map(Number);
      const [x, y] = await at();
      await page.mouse.down();
      await page.mouse.move(box.x + 70, box.y + 45, { steps: 4 });
      await page.mouse.up();
      await expect.poll(at).toEqual([expect.closeTo(x! + 40, 3), expect.closeTo(y! + 25, 3)]);
      await page.getByRole("button", { name: /^Documents documents-/ }).click();
      await page.getByRole("heading", { name: "4,871 documents" }).waitFor();
    },
    "#/lineage",
  );
});

browserTest("the engine's versions stand with labels and shares, each can be looked at, and waits are bars", async () => {
  await visit(
    {},
    1280,
    async ({ page, errors }) => {
      const table = page.getByRole("region", { name: "Versions" });
      await table.waitFor();
      const rows = await table.locator("tbody tr").allInnerTexts();
      expect(
        rows.map(r =>
          r
            .split(/\s*\t\s*|\n/)
            .filter(Boolean)
            .slice(0, 4),
        ),
      ).toEqual([
        ["mail-small@1", "stable", "ready", "10 %"],
        ["mail-small@2", "latest", "ready", "90 %"],
      ]);
      const bars = page.getByRole("img", { name: /^First token: 214 values, half within .*, 99 % within/ });
      await bars.waitFor();
      await expect.poll(() => bars.locator("rect").count()).toBeGreaterThan(2);
      const asked = page.waitForRequest(r => r.url().endsWith("/api/engine?model=mail-small%401"));
      await table.getByRole("button", { name: "mail-small@1" }).click();
      await asked;
      await table.locator('tr[aria-current="true"]', { hasText: "mail-small@1" }).waitFor();
      // what a person would see is there: the picture is no blank page
      expect((await page.screenshot({ fullPage: true })).length).toBeGreaterThan(20_000);
      expect(errors).toEqual([]);
    },
    "#/engine",
  );
});

browserTest(
  "a version's conditions stand with what is met, where a rollback would go and who approved, and its origin walks by keys",
  async () => {
    await visit(
      {},
      1280,
      async ({ page, errors }) => {
        const asked = page.getByRole("region", { name: "What aliases ask of it" });
        await asked.waitFor();
        expect(await asked.locator(".gate.failed").allInnerTexts()).toEqual([
          expect.stringMatching(/2 reviewers\s+1 of 2: ann \(signed\)/),
        ]);
        await expect.poll(() => asked.getByText("may not have it").count()).toBe(1);
        await page.getByRole("row", { name: /^staging free mail-small@2 .* mail-small@1/ }).waitFor();
        await page.getByRole("row", { name: /^prod guarded mail-small@1 .* nothing before/ }).waitFor();
        await page.getByText("ann approved it for prod as reviewer").waitFor();
        await page.getByRole("link", { name: "mail-small@1", exact: true }).first().click();
        await page.getByRole("heading", { level: 2, name: "mail-small@1" }).waitFor();
        await asked.getByText("has it", { exact: true }).waitFor();
        await page.locator(".node.chosen").focus();
        await page.keyboard.press("ArrowLeft");
        await page.getByRole("heading", { level: 1, name: "Lineage" }).waitFor();
        expect(errors).toEqual([]);
      },
      "#/releases",
    );
  },
);

browserTest("an evaluation says what changed against the version before, item by item, and slices with intervals", async () => {
  await visit(
    {},
    1280,
    async ({ page, errors }) => {
      await page.getByRole("row", { name: /^acc 0\.885 0\.910 .*\+0\.025 0\.004 to 0\.046 0\.052 no significant difference/ }).waitFor();
      await page.getByRole("row", { name: /^f1 .*no significant difference/ }).waitFor();
      await page.getByRole("row", { name: /^long 188 .*0\.876 0\.829 to 0\.923/ }).waitFor();
      await page.getByText("16 won by acc").click();
      await expect.poll(() => page.locator("details[open] .items li").count()).toBe(16);
      await page.getByLabel("Against").selectOption("nothing");
      await page.getByText("16 won by acc").waitFor({ state: "detached" });
      expect(errors).toEqual([]);
    },
    "#/evaluations/mail-small%402",
  );
});

browserTest(
  "an evaluation shows contamination, variants of prompts, a judge and its position bias, the worst and the slowest items",
  async () => {
    await visit(
      {},
      1280,
      async ({ page, errors }) => {
        const folders = page.getByRole("region", { name: "folders" });
        await folders.getByRole("row", { name: /^Typos 88\.0 % 84\.8 % to 91\.2 % .*-0\.060 -0\.086 to -0\.034 < 0\.001 worse/ }).waitFor();
        await folders.getByRole("row", { name: /^Upper 97\.8 % .*no significant difference/ }).waitFor();
        await folders.getByRole("row", { name: /^acc 0\.893 .*0\.984 .*\+0\.091 0\.037 to 0\.138 better on contaminated items/ }).waitFor();
        await folders.getByText("64 of 382 items occur in the training data; 18 more").waitFor();
        // what opens does so by keys
        const open = async (text: string) => {
          const summary = page.locator("summary", { hasText: text });
          await folders.locator(summary).focus();
          await page.keyboard.press("Enter");
          return folders.locator("details[open]").filter({ has: summary }).locator(".items li");
        };
        const otherwise = await open("48 changed outputs: typos, the first 25");
        await expect.poll(() => otherwise.count()).toBe(25);
        const wrong = await open("25 worst");
        for (const text of await wrong.locator("dl").allInnerTexts()) {
          const [, came, , right] = text.split(/\s+/);
          expect(came).not.toBe(right);
        }
        const took = (await (await open("25 slowest")).allInnerTexts()).map(t => Number(/took\s+(\d+) ms/.exec(t)![1]));
        expect(took).toEqual(took.toSorted((a, b) => b - a));

        const replies = page.getByRole("region", { name: "replies" });
        await replies.getByRole("heading", { name: "Judged by qwen-judge against mail-small@1" }).waitFor();
        expect(await replies.locator(".verdicts span").allInnerTexts()).toEqual(["31 wins", "15 ties", "12 losses"]);
        await replies.getByRole("row", { name: /^Win rate \(ties count half\) 58 .*0\.664 0\.560 to 0\.759/ }).waitFor();
        await replies.getByText("agrees with itself in 72.4 % (kappa 0.510) and contradicts itself in 11").waitFor();
        await replies.getByText("Position bias (p 0.012)").waitFor();
        await replies.getByText("12 lost").click();
        await expect.poll(() => replies.locator("details[open] .items li").count()).toBe(12);
        await expect
          .poll(() => replies.locator("details[open] .items li").first().textContent())
          .toMatch(/judge, this first.*\s*\[\[B\]\]/);
        // what was not asked is said with how it is
        await replies.getByText("Not evaluated yet: whether outputs stay the same").waitFor();
        await expect.poll(() => folders.getByText("Not evaluated yet").count()).toBe(0);
        // the list of tasks goes to each
        await page.getByRole("region", { name: "Tasks" }).getByRole("button", { name: "replies" }).focus();
        await page.keyboard.press("Enter");
        expect(await page.evaluate("document.activeElement.textContent")).toBe("replies");
        expect(errors).toEqual([]);
      },
      "#/evaluations/mail-small%402",
    );
  },
);

browserTest(
  "curves of a class against the rest, and a classifier's own page: every picture is said, and every number is there",
  async () => {
    await visit({}, 1280, async ({ page, errors }) => {
      await page.goto(new URL("#/evaluations/mail-small%402", page.url()).href);
      await page.getByRole("img", { name: /^ROC, area 0\.\d+/ }).waitFor();
      await page.getByRole("img", { name: /^Reliability, calibration error/ }).waitFor();
      const before = await page.getByRole("img", { name: /^ROC/ }).locator("desc").textContent();
      await page.getByRole("combobox", { name: "Class" }).selectOption("adverts");
      await expect.poll(() => page.getByRole("img", { name: /^ROC/ }).locator("desc").textContent()).toMatch(/of adverts and/);
      expect(before).not.toMatch(/of adverts and/);
      const table = page.getByRole("table", { name: /^Confusion matrix/ });
      const cells = (await table.locator("td").allInnerTexts()).map(Number);
      expect(cells).toHaveLength(9);
      expect(cells.reduce((a, b) => a + b, 0)).toBe(400);
      const groups = page.getByRole("table", { name: "Groups by sender" });
      await groups.getByRole("row", { name: /^unknown work 122 0\.410 \(50\/122\) 0\.451 \(55\/122\)/ }).waitFor();
      expect(await groups.count()).toBe(1);
      await page.getByText("By the common threshold (17 of 360 items change)").click();
      // the same groups, otherwise decided
      await groups.getByRole("row", { name: /^unknown work 122 0\.410 \(50\/122\) 0\.295 \(36\/122\)/ }).waitFor();

      const runs = (await (await fetch(new URL("api/evaluations", page.url()))).json()) as { model: string; report: { task: string } }[];
      const { model } = runs.find(r => r.report.task === "classification")!;
      await page.goto(new URL(`#/training/${model}`, page.url()).href);
      const classes = page.getByRole("region", { name: "Held-out classification" });
      await classes.getByRole("row", { name: /^friends \d+ 0\.\d+ 0\.\d+ 0\.\d+ 0\.\d+ to 0\.\d+/ }).waitFor();
      await classes.getByText("Balanced accuracy").waitFor();
      await classes.getByRole("row", { name: /^cheapest / }).waitFor();
      const byLanguage = classes.getByRole("region", { name: "Thresholds by language" });
      await byLanguage.getByText("equalised odds within 0.").waitFor();
      // each rate with the threshold of the group and with the common one
      const rate = "[01]\\.\\d{3}";
      const rates = `( ${rate} ${rate}){3}$`;
      await byLanguage.getByRole("row", { name: new RegExp(`^de 0\\.940 100${rates}`) }).waitFor();
      await byLanguage.getByRole("row", { name: new RegExp(`^en 0\\.970 200${rates}`) }).waitFor();
      await byLanguage.getByRole("row", { name: new RegExp(`^common \\(no group\\) ${rate} 100( ${rate}){3}$`) }).waitFor();
      await byLanguage.getByRole("row", { name: "Decided by group thresholds common threshold" }).waitFor();
      await byLanguage.getByRole("row", { name: new RegExp(`^Accuracy ${rate} ${rate}$`) }).waitFor();
      for (const gap of ["Equalised odds", "Equal opportunity", "Demographic parity"])
        await byLanguage.getByRole("row", { name: new RegExp(`^${gap}( ${rate} ${rate} to ${rate}){2}$`) }).waitFor();
      await classes.getByText("10 most confident errors").click();
      await expect.poll(() => classes.locator("details[open] .items li").count()).toBe(10);
      expect(errors).toEqual([]);
    });
  },
);

browserTest("runs beside each other: options that differ alone, and whatever was logged as curves", async () => {
  await visit(
    {},
    1280,
    async ({ page, errors }) => {
      const options = page.getByRole("region", { name: "Options that differ" });
      await options.waitFor();
      expect(await options.locator("tbody th").allInnerTexts()).toEqual(["layers", "width", "optimizer"]);
      await page.getByRole("img", { name: /^Dead neurons against step\. mail-small@2: from .*; mail-small@1: from/ }).waitFor();
      await page.getByRole("checkbox", { name: "Compare mail-small@1" }).uncheck();
      await options.waitFor({ state: "detached" });
      await page.getByRole("img", { name: /^Loss, nats per token against step\. mail-small@2: from [^;]*$/ }).waitFor();
      expect(errors).toEqual([]);
    },
    "#/runs",
  );
});

browserTest(
  "texts are labelled by keys alone, the least sure first; what is taken back is asked again, and people are held beside each other",
  async () => {
    await visit(
      {},
      1280,
      async ({ page, errors }) => {
        const begin = async (name: string) => {
          await page.getByLabel("Who labels?").fill(name);
          await page.keyboard.press("Enter");
          await page.getByRole("region", { name: "Text to label" }).waitFor();
          await leaveField(page);
        };
        const shown = page.locator(".label-text");
        const sent: unknown[] = [];
        page.on("request", r => r.method() === "POST" && r.url().endsWith("/api/labels/folder") && sent.push(r.postDataJSON()));
        await begin("ann");
        const first = await shown.textContent();
        expect(first).toBe("Re: Hi Ann,\n\nthe list for Thursday is ready.");
        await page.keyboard.press("s");
        await expect.poll(() => shown.textContent()).not.toBe(first);
        await page.keyboard.press("Backspace");
        await expect.poll(() => shown.textContent()).toBe(first);
        await page.keyboard.press("d");
        await expect
          .poll(() => sent)
          .toEqual([
            { id: "t1", label: "friends", by: "ann" },
            { id: "t1", label: null, by: "ann" },
            { id: "t1", label: "adverts", by: "ann" },
          ]);
        await page.getByRole("button", { name: /change person/ }).click();
        await begin("bob");
        await page.keyboard.press("a");
        await page.getByText("Cohen's kappa").waitFor();
        await page.getByText("on 1 texts that all labelled").waitFor();
        expect(errors).toEqual([]);
      },
      "#/labels",
    );
  },
);

browserTest("a server that goes away is said, and the page goes on when it is back", async () => {
  await visit(
    {},
    1280,
    async ({ page, port, closeServer }) => {
      await page.getByText("Running sequences").waitFor();
      await closeServer();
      await page.getByText("What you see is as it last was").waitFor();
      await page.getByText("Running sequences").waitFor();
      const again = await serveFake(folder, {}, port);
      await page.getByText("What you see is as it last was").waitFor({ state: "detached" });
      await again.close();
    },
    "#/engine",
  );
});

browserTest("a new project and a broken record are told on every page, nothing is blank", async () => {
  for (const scenario of ["empty", "broken"] as const)
    for (const name of Object.keys(pages))
      await visit(
        { scenario },
        1280,
        async ({ page }) => {
          const told = page.locator(scenario === "empty" ? "main .empty" : "main .failure, main form");
          await told
            .first()
            .waitFor({ timeout: 10_000 })
            .catch(() => expect.fail(`${name} of a ${scenario} project says nothing`));
        },
        `#/${name}`,
      );
});

browserTest("a tuned model's page marks which tokens of its examples are learnt", async () => {
  await visit(
    {},
    1280,
    async ({ page, errors }) => {
      const runs = (await (await fetch(new URL("/api/runs", page.url()))).json()) as { artifact: string; stage: string }[];
      const tuned = runs.find(r => r.stage !== "train")!;
      await page.goto(new URL(`#/training/${tuned.artifact}`, page.url()).href);
      const card = page.getByRole("region", { name: "Trained tokens" });
      await card.waitFor();
      await expect.poll(() => card.textContent()).toContain("20 % of the first 40 of 120 examples");
      const first = card.locator("li").first();
      await expect.poll(() => first.locator("mark").allTextContents()).toEqual(["Yes, it is.<|im_end|>"]);
      await expect.poll(() => first.locator("pre").textContent()).toMatch(/^<\|im_start\|>user\nLunch at one\?/);
      // a model that was trained on plain text has none
      await page.goto(new URL(`#/training/${runs.find(r => r.stage === "train")!.artifact}`, page.url()).href);
      await page.getByRole("row", { name: /^5-gram/ }).waitFor();
      await expect.poll(() => card.count()).toBe(0);
      expect(errors).toEqual([]);
    },
    "#/training",
  );
});

browserTest("at 400 pixels no page is wider than the screen", async () => {
  await visit({}, 400, async ({ page }) => {
    for (const name of Object.keys(pages)) {
      await page.goto(new URL(`#/${name}`, page.url()).href);
      await content(page).waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBeLessThanOrEqual(400);
    }
  });
});

browserTest(
  "at 400 pixels what is opened of an evaluation and of a classifier stays on the screen, and no table of figures is cut",
  async () => {
    await visit({}, 400, async ({ page }) => {
      const all = (await (await fetch(new URL("/api/evaluations", page.url()))).json()) as { model: string; report: { task: string } }[];
      const classifier = all.find(r => r.report.task === "classification")!.model;
      for (const hash of ["evaluations/mail-small%402", `training/${classifier}`]) {
        await page.goto(new URL(`#/${hash}`, page.url()).href);
        await page.locator(".plots svg").first().waitFor();
        await page.evaluate("for (const d of document.querySelectorAll('main details')) d.open = true");
        expect(await page.evaluate("document.documentElement.scrollWidth"), hash).toBeLessThanOrEqual(400);
        // nothing is behind an edge: neither the page's nor a frame's that scrolls
        const cut = `[...document.querySelectorAll("main table.bits, main table.confusion")]
        .filter(t => t.getBoundingClientRect().right > t.closest(".card").getBoundingClientRect().right)
        .map(t => t.innerText.slice(0, 80))`;
        expect(await page.evaluate(cut), hash).toEqual([]);
      }
    });
  },
);

/** Tabs of one browser on the page of jobs, each with the status of the job that goes on. */
async function openTabs(context: BrowserContext, url: string, count: number): Promise<Page[]> {
  const tabs: Page[] = [];
  for (let i = 0; i < count; i++) {
    const page = await context.newPage();
    await page.goto(`${url}#/jobs`);
    await page.getByText("20 of 48").waitFor();
    tabs.push(page);
  }
  return tabs;
}
const hasStatus = (page: Page, text: string) => page.locator(".figure", { hasText: "Status" }).getByText(text).waitFor();
const wish = (url: string, what: string) => fetch(`${url}v1/fine_tuning/jobs/ftjob-${"2".repeat(24)}/${what}`, { method: "POST" });

browserTest("eight tabs share one event stream, all show a change, and when the tab that holds it closes another takes over", async () => {
  const server = await serveFake(folder);
  const context = await browser().newContext({ reducedMotion: "reduce" });
  const { fake, url } = server;
  try {
    const tabs = await openTabs(context, url, 8);
    await expect.poll(() => fake.streams).toMatchObject({ now: 1, opened: 1, most: 1 });
    await wish(url, "pause");
    await Promise.all(tabs.map(tab => hasStatus(tab, "Paused")));
    // six connections a host: every tab is answered beside the stream
    const read = `fetch("api/overview").then(r => r.json()).then(o => o.project)`;
    expect(await Promise.all(tabs.map(tab => tab.evaluate(read)))).toEqual(Array.from({ length: 8 }, () => "mail"));
    // nobody polls: eight tabs that did would have asked twelve times by now
    const isQuiet = async () => {
      const [looks, requests] = [fake.streams.looks, fake.numRequests];
      await expect.poll(() => fake.streams.looks).toBeGreaterThan(looks + 2);
      return fake.numRequests - requests;
    };
    await expect.poll(isQuiet).toBe(0);

    await tabs[0]!.close();
    // the server may learn of the closed one after the next is open
    await expect.poll(() => fake.streams).toMatchObject({ now: 1, opened: 2 });
    await wish(url, "resume");
    await Promise.all(tabs.slice(1).map(tab => hasStatus(tab, "Running")));
    expect(fake.streams).toMatchObject({ now: 1, opened: 2 });
  } finally {
    await context.close();
    await server.close();
  }
});

browserTest("a server without an event stream is polled, and a stream that breaks off is opened again", async () => {
  const [without, server] = [await serveFake(folder, { hasStream: false }), await serveFake(folder)];
  const context = await browser().newContext({ reducedMotion: "reduce" });
  try {
    const [tab] = await openTabs(context, without.url, 1);
    await wish(without.url, "pause");
    await hasStatus(tab!, "Paused");
    const [first, second] = await openTabs(context, server.url, 2);
    await expect.poll(() => server.fake.streams.now).toBe(1);
    await server.close();
    await first!.getByText("What you see is as it last was").waitFor();
    const again = await serveFake(folder, {}, server.port);
    try {
      await expect.poll(() => again.fake.streams.now).toBe(1);
      await wish(server.url, "pause");
      for (const page of [first!, second!]) await hasStatus(page, "Paused");
    } finally {
      await again.close();
    }
  } finally {
    await context.close();
    await without.close();
  }
});

browserTest("pages stand in groups that a screen reader names, and keys walk them in their order", async () => {
  await visit({}, 1280, async ({ page }) => {
    const nav = page.getByRole("navigation", { name: "Pages" });
    const shown: Record<string, string[]> = {};
    for (const group of ["Home", "Data", "Train", "Evaluate", "Serve", "Gateway", "Watch", "Govern"])
      shown[group] = await nav.getByRole("list", { name: group, exact: true }).getByRole("link").allInnerTexts();
    expect(shown).toEqual({
      Home: ["Home"],
      Data: ["Data", "Labels"],
      Train: ["Training", "Runs", "Cost", "Jobs", "Start a run"],
      Evaluate: ["Evaluations"],
      Serve: ["Playground", "Engine", "Models", "Deployments"],
      Gateway: ["Gateway"],
      Watch: ["Watch"],
      Govern: ["Releases", "Lineage", "Governance"],
    });
    const focused: (string | null)[] = [];
    await nav.getByRole("link", { name: "Home" }).focus();
    for (let i = 0; i < Object.values(shown).flat().length; i++) {
      focused.push((await page.evaluate("document.activeElement.textContent")) as string);
      await page.keyboard.press("Tab");
    }
    expect(focused).toEqual(Object.values(shown).flat());
  });
});

/** Pages over recorded answers are those of the server that gave them. */
const replays = (recording: Recording): Promise<void> =>
  visit({ recording }, 1280, async ({ page, errors }) => {
    await page.goto(new URL("#/training", page.url()).href);
    await page
      .getByRole("row", { name: /^5-gram/ })
      .first()
      .waitFor();
    await page.goto(new URL("#/lineage", page.url()).href);
    await page
      .getByRole("button", { name: /^Served now little@1/ })
      .first()
      .waitFor();
    await page.goto(new URL("#/models", page.url()).href);
    await page
      .getByRole("rowheader", { name: /little@1/ })
      .first()
      .waitFor();
    expect(errors).toEqual([]);
  });

browserTest("on the real server a toy model answers, and every page shows its life", async () => {
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
  await writeFile(file, `${yaml}\ndevice: { threads: 1 }\nlabels: { mood: { on: letters, classes: [glad, low] } }\n`);
  const ran = await loam(["run"], { cwd });
  expect(ran.code, ran.stderr).toBe(0);
  const server = start(["serve", "--port", "0", "--json"], { cwd });
  try {
    const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!.replace(/\/?$/, "/");
    const { pathname, search } = new URL(await loginUrl(cwd, url.slice(0, -1)));
    await open(url, 1280, `${pathname.slice(1)}${search}`, async ({ page, errors, strangers }) => {
      await page.getByRole("region", { name: "Served" }).getByText("little@1").waitFor();
      await page.goto(`${url}#/playground`);
      // without a seed its first token is now and then the one that ends
      await page.getByLabel("Seed", { exact: true }).fill("1");
      await page.getByLabel("Max tokens").fill("20");
      await page.getByLabel("Beginning of a text").fill("Dear ");
      await page.keyboard.press("Control+Enter");
      await page.locator('.exchange[aria-busy="false"]').waitFor();
      await expect.poll(() => page.locator(".exchange .speed").textContent()).toMatch(/\d+ tokens.*first after/);
      expect((await written(page))!.length).toBeGreaterThan("Dear ".length);
      for (const [name, seen] of [
        ["data", page.getByRole("heading", { name: "From what was read to what is trained on" })],
        ["training", page.getByRole("row", { name: /^5-gram/ })],
        ["lineage", page.getByRole("button", { name: /^Served now little@1/ })],
        ["engine", page.getByText("of 8")],
        ["models", page.getByRole("rowheader", { name: /little@1/ })],
        ["releases", page.getByRole("heading", { level: 2, name: "little@1" })],
        ["evaluations", page.getByRole("row", { name: /^bits-per-byte bits per byte little@1/ })],
        ["labels", page.getByLabel("Who labels?")],
        ["runs", page.getByRole("img", { name: /^Loss, nats per token against step\. little@1/ })],
      ] as const) {
        await page.goto(`${url}#/${name}`);
        await seen.first().waitFor();
        expect(await page.locator(".failure").count(), name).toBe(0);
      }
      // kept fresh by the server's own stream, which this tab holds
      const streams: number[] = [];
      page.on("response", r => r.url().endsWith("/api/events") && streams.push(r.status()));
      await page.reload();
      await expect.poll(() => streams).toEqual([200]);
      expect(await page.evaluate("navigator.locks.query().then(locks => locks.held.length)")).toBe(1);
      expect({ errors, strangers }).toEqual({ errors: [], strangers: [] });
    });
    await sendsCompressed(url);
    const headers = await signedIn(cwd, url.slice(0, -1));
    const recording = await record(url, headers);
    const check = answerChecker((await (await fetch(`${url}api/openapi.json`, { headers })).json()) as OpenApiDocument);
    for (const [path, answer] of Object.entries(recording.answers)) expect(check(recording.operations[path]!, answer), path).toEqual([]);
    expect(Object.values(recording.operations)).toEqual(expect.arrayContaining(["GET /api/labels/{name}", "GET /api/data/{artifact}"]));
    expect(new Set(Object.values(recording.operations)).size).toBeGreaterThan(16);
    await replays(recording);
  } finally {
    server.kill("SIGTERM");
    await server.ended;
  }
});
