/**
 * The console's newest pages by Tab, Shift, Enter, Space and arrows alone: what a page is for is done, and the focus is never lost on the way. On the console's
 * fake server, whose answers are held against the contract in console/dev/fake.test.ts.
 */
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { root } from "./support/child.ts";

const browser = openedBrowser("console");

/** A page without a mouse. */
class Keys {
  readonly page: Page;
  constructor(page: Page) {
    this.page = page;
  }
  /** Goes on by Tab (Shift+Tab) until an element has the focus. */
  async to(target: Locator, key = "Tab", most = 120): Promise<void> {
    await target.waitFor();
    for (let i = 0; i <= most; i++) {
      if (await target.evaluate(e => e === e.ownerDocument.activeElement)) return;
      await this.page.keyboard.press(key);
    }
    throw new Error(`${target}: not reached by ${most} times ${key}; the focus is on ${await this.focused()}`);
  }
  back(target: Locator): Promise<void> {
    return this.to(target, "Shift+Tab");
  }
  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }
  /** Tab to it, then Enter. */
  async enter(target: Locator): Promise<void> {
    await this.to(target);
    await this.press("Enter");
  }
  /** The element that has the focus, as one line; "BODY" where it is lost. */
  focused(): Promise<string> {
    return this.page.evaluate(
      `(() => { const e = document.activeElement; return e === null || e === document.body ? "BODY" : e.tagName + " " + (e.getAttribute("aria-label") ?? e.textContent ?? "").trim().slice(0, 80); })()`,
    );
  }
  async keepsFocus(): Promise<void> {
    await expect.poll(() => this.focused()).not.toBe("BODY");
  }
}

async function byKeys(options: FakeOptions, hash: string, use: (keys: Keys, page: Page) => Promise<void>, name?: string): Promise<void> {
  const server = await serveFake(join(root, "console/dist"), { tokenMs: 0, ...options });
  const context = await browser().newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  try {
    if (name !== undefined) await page.addInitScript(`localStorage.setItem("loam.console.labeller", ${JSON.stringify(name)})`);
    await page.goto(`${server.url}${hash}`);
    await use(new Keys(page), page);
    expect(errors).toEqual([]);
  } finally {
    await context.close();
    await server.close();
  }
}

browserTest("documents are searched, sorted, walked, opened and left by keys; coming back one is where one was", () =>
  byKeys({}, "#/data?view=documents", async (keys, page) => {
    const grid = page.getByRole("grid", { name: "Documents" });
    const active = async () => Number(await page.locator('.virtual-row[aria-selected="true"]').getAttribute("aria-rowindex")) - 2;
    await keys.to(page.getByLabel("Search"));
    await page.keyboard.type("sun");
    await page.getByText("1,000 of 1,000,000 documents").waitFor();
    // the head of a column sorts, opens nothing and keeps the focus
    const head = page.getByRole("button", { name: "Characters", exact: false }).first();
    await keys.enter(head);
    await expect.poll(() => page.url()).toContain("sort=length");
    await keys.press("Enter");
    await expect.poll(() => page.url()).toContain("descending=true");
    expect(page.url()).not.toContain("document=");
    expect(await keys.focused()).toMatch(/^BUTTON Characters/);
    await keys.back(grid);
    await keys.press("PageDown", "PageDown", "PageDown", "ArrowDown");
    const row = await active();
    expect(row).toBeGreaterThan(10);
    await keys.press("Enter");
    await expect.poll(() => keys.focused()).toMatch(/^H2 mail:letters/);
    await keys.back(page.getByRole("button", { name: /Back to the list/ }));
    await keys.press("Enter");
    await expect.poll(() => keys.focused()).toBe("DIV Documents");
    expect(await active()).toBe(row);
    expect(await page.locator('.virtual-row[aria-selected="true"]').evaluate(e => e.getBoundingClientRect().top > 0)).toBe(true);
  }),
);

browserTest("runs are filtered, sorted, paged, chosen and annotated by keys; the focus survives the last page and the dialog", () =>
  byKeys({ numTrials: 150 }, "#/runs", async (keys, page) => {
    await keys.to(page.getByRole("searchbox", { name: "Filter" }));
    await page.keyboard.type("kind = trial");
    await keys.press("Enter");
    await page.getByText("1 to 100 of 150 runs").waitFor();
    const sort = page.locator("thead button.sort").nth(1);
    await keys.enter(sort);
    await expect.poll(() => page.url()).toContain("sort=");
    await keys.keepsFocus();
    const box = page.getByRole("checkbox", { name: /^Compare / }).first();
    await keys.to(box);
    const was = await box.isChecked();
    await keys.press("Space");
    await expect.poll(() => box.isChecked()).toBe(!was);
    const note = page.getByRole("button", { name: /^Note and tags of / }).first();
    await keys.enter(note);
    await keys.to(page.getByRole("dialog").getByLabel("Note", { exact: true }));
    await page.keyboard.type("looks good");
    await keys.to(page.getByLabel("Your name"));
    await page.keyboard.type("ann");
    await keys.press("Enter");
    await page.getByText("looks good").first().waitFor();
    await expect.poll(() => keys.focused()).toMatch(/^BUTTON Note and tags of /);
    const next = page.getByRole("button", { name: "Next", exact: true });
    await keys.to(next, "Tab", 400);
    await keys.press("Enter");
    await page.getByText("101 to 150 of 150 runs").waitFor();
    // it is disabled now: the part that holds it has the focus, and Tab goes on from there
    await expect.poll(() => keys.focused()).toMatch(/^SECTION Pages of runs/);
    await keys.to(page.getByRole("button", { name: "Previous" }), "Tab", 2);
  }),
);

browserTest("an evaluation is chosen and compared with another item by item by keys", () =>
  byKeys({}, "#/evaluations?kind=task", async (keys, page) => {
    await keys.enter(page.getByRole("button", { name: "Compare folders of mail-small@2" }).first());
    await keys.keepsFocus();
    await keys.enter(page.getByRole("link", { name: "with mail-small@2" }).first());
    const diff = page.getByRole("region", { name: "mail-small@2 against mail-small@1" });
    await diff.waitFor();
    await keys.keepsFocus();
    const items = diff.getByRole("list", { name: "Items" }).getByRole("listitem");
    await keys.to(diff.getByRole("combobox", { name: "Items" }));
    await keys.press("Home");
    await expect.poll(() => items.count()).toBeGreaterThan(0);
    await page.keyboard.type("all");
    await expect.poll(() => items.count()).toBe(50);
    const next = page.getByRole("button", { name: "Next", exact: true });
    await keys.enter(next);
    await diff.getByText("Page 2 of 3").waitFor();
    await keys.press("Enter");
    await diff.getByText("Page 3 of 3").waitFor();
    await keys.keepsFocus();
  }),
);

browserTest("several classes are given to texts by keys and by Tab and Space; going back to the first text keeps the focus", () =>
  byKeys(
    { labelKind: "several" },
    "#/labels/folder",
    async (keys, page) => {
      await page.getByText("1 of 8 in this round").waitFor();
      await keys.press("a", "s", "Enter");
      await page.getByText("2 of 8 in this round").waitFor();
      const toggle = page.getByRole("button", { name: "d adverts" });
      await keys.to(toggle);
      await keys.press("Space");
      await expect.poll(() => toggle.getAttribute("aria-pressed")).toBe("true");
      await keys.back(page.getByRole("button", { name: "s friends" }));
      await keys.press("Space");
      await keys.enter(page.getByRole("button", { name: "Keep adverts, friends" }));
      await page.getByText("3 of 8 in this round").waitFor();
      await keys.keepsFocus();
      const back = page.getByRole("button", { name: "Back" });
      await keys.enter(back);
      await page.getByText("2 of 8 in this round").waitFor();
      await keys.press("Enter");
      await page.getByText("1 of 8 in this round").waitFor();
      await expect.poll(() => keys.focused()).toMatch(/^SECTION Text to label/);
    },
    "ann",
  ),
);

browserTest("ranges are selected by Shift and arrows, given a class, removed and kept without leaving the text", () =>
  byKeys(
    { labelKind: "spans" },
    "#/labels/folder",
    async (keys, page) => {
      const text = page.getByRole("textbox", { name: /^Text: select a range/ });
      const given = page.waitForRequest(r => r.method() === "POST" && r.url().includes("/api/labels/folder"));
      await keys.to(text);
      // nothing can be written into it
      const content = await text.inputValue();
      await page.keyboard.type("xyz ");
      await expect.poll(() => text.inputValue()).toBe(content);
      await keys.press("Control+Home", "Shift+ArrowRight", "Shift+ArrowRight", "a", "ArrowRight", "Shift+ArrowRight", "s");
      const ranges = page.getByRole("list", { name: "Ranges" }).getByRole("listitem");
      await expect.poll(() => ranges.count()).toBe(2);
      await keys.enter(ranges.last().getByRole("button", { name: "Remove" }));
      await expect.poll(() => ranges.count()).toBe(1);
      expect(await keys.focused()).toMatch(/^TEXTAREA/);
      await keys.press("Enter");
      expect((await given).postDataJSON()).toMatchObject({ by: "ann", label: [{ start: 0, end: 2, label: "work" }] });
      await page.getByText("2 of 8 in this round").waitFor();
      // the next text has the focus: its first range needs no Tab
      await expect.poll(() => keys.focused()).toMatch(/^TEXTAREA/);
      await keys.press("Control+Home", "Shift+ArrowRight", "d");
      await expect.poll(() => ranges.count()).toBe(1);
      await keys.press("n");
      await page.getByText("3 of 8 in this round").waitFor();
      await keys.press("Backspace");
      await page.getByText("2 of 8 in this round").waitFor();
      await expect.poll(() => keys.focused()).toMatch(/^TEXTAREA/);
    },
    "ann",
  ),
);

browserTest("a disagreement is decided and the decision taken back by keys, and the focus stays with the text", () =>
  byKeys(
    {},
    "#/labels/folder",
    async (keys, page) => {
      await page.getByText("1 of 8 in this round").waitFor();
      await keys.press("a");
      await page.getByText("2 of 8 in this round").waitFor();
      await keys.enter(page.getByRole("button", { name: "ann labels (unverified): change person" }));
      await keys.keepsFocus();
      await keys.to(page.getByLabel("Who labels?"));
      await page.keyboard.type("ben");
      await keys.press("Enter");
      await page.getByText("1 of 8 in this round").waitFor();
      await keys.keepsFocus();
      await keys.press("s");
      await page.getByText("2 of 8 in this round").waitFor();
      await page.reload();
      await keys.enter(page.getByRole("link", { name: "1 disagreements" }));
      const text = page.getByRole("region", { name: "Disagreement on t1" });
      await keys.enter(text.getByRole("button", { name: "Decide for this" }).first());
      await page.getByText("0 open").waitFor();
      await keys.keepsFocus();
      await keys.enter(text.getByRole("button", { name: "Take the decision back" }));
      await page.getByText("1 open").waitFor();
      await expect.poll(() => keys.focused()).toMatch(/^SECTION Disagreement on t1/);
      await keys.to(text.getByRole("button", { name: "Decide for this" }).first(), "Tab", 2);
    },
    "ann",
  ),
);

browserTest("a model is held and released by keys: the dialog keeps Tab inside, and the focus comes back or stays on the page", () =>
  byKeys({}, "#/gateway", async (keys, page) => {
    const hold = page.getByRole("button", { name: "Hold the model", exact: true });
    await keys.enter(hold);
    const dialog = page.getByRole("dialog", { name: "Hold the model mail-small" });
    for (let i = 0; i < 12; i++) {
      await keys.press("Tab");
      // the browser's own controls may come between its last and its first
      expect(await page.evaluate("document.activeElement === document.body || document.activeElement.closest('dialog') !== null")).toBe(
        true,
      );
    }
    await keys.to(dialog.getByLabel(/Reason/));
    await page.keyboard.type("drift");
    await keys.enter(dialog.getByRole("button", { name: "Hold", exact: true }));
    await dialog.getByText(/is on hold/).waitFor();
    await keys.enter(dialog.getByRole("button", { name: "Done" }));
    await expect.poll(() => keys.focused()).toMatch(/^BUTTON Hold the model/);
    await keys.enter(page.getByRole("button", { name: "Release hold-model-mail-small" }));
    const release = page.getByRole("dialog", { name: "Release hold-model-mail-small" });
    await keys.enter(release.getByRole("button", { name: "Release", exact: true }));
    await release.getByText(/Released/).waitFor();
    await keys.enter(release.getByRole("button", { name: "Done" }));
    // what opened it is gone
    await keys.keepsFocus();
    await keys.press("Escape");
  }),
);
