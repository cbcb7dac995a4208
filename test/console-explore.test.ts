/** The console's data explorer in Chromium, on the fake server: a million rows by scroll bar, wheel and keys; search, filters, a document with its differences. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { root } from "./support/child.ts";

const browser = openedBrowser("console");

async function visit(hash: string, width: number, use: (page: Page, errors: string[]) => Promise<void>): Promise<void> {
  const server = await serveFake(join(root, "console/dist"), {});
  const context = await browser().newContext({ viewport: { width, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  try {
    await page.goto(`${server.url}${hash}`);
    await use(page, errors);
  } finally {
    await context.close();
    await server.close();
  }
}

const rows = (page: Page) => page.locator(".virtual-row");
/** The number of the topmost row that is wholly in view, by its document's id. */
const topRow = async (page: Page): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const top = document.querySelector(".virtual-view").getBoundingClientRect().top;
      const shown = [...document.querySelectorAll(".virtual-row")].filter(r => r.getBoundingClientRect().top >= top - 1);
      shown.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
      return /letters\\/(\\d+)/.exec(shown[0]?.textContent ?? "")?.[1] ?? "-1";
    })()`),
  );
const scrollTo = (page: Page, share: number) =>
  page.evaluate(
    `(() => { const v = document.querySelector(".virtual-view"); v.scrollTop = ${share} * (v.scrollHeight - v.clientHeight); })()`,
  );

browserTest(
  "a million documents scroll from the first to the middle to the last, and few rows are ever drawn",
  async () => {
    await visit("#/data?view=documents", 1280, async (page, errors) => {
      await page.getByText("1,000,000 documents").waitFor();
      await expect.poll(() => topRow(page)).toBe(0);
      await expect.poll(() => page.getByRole("grid", { name: "Documents" }).getAttribute("aria-rowcount")).toBe("1000001");
      await page.evaluate(`(() => {
      window.longTasks = [];
      new PerformanceObserver(l => window.longTasks.push(...l.getEntries().map(e => Math.round(e.duration)))).observe({ type: "longtask" });
    })()`);
      await scrollTo(page, 0.5);
      await expect.poll(() => topRow(page)).toBeGreaterThan(499_000);
      expect(await topRow(page)).toBeLessThan(501_000);
      const middle = await topRow(page);
      await page.mouse.move(640, 700);
      await page.mouse.wheel(0, 64);
      await expect.poll(() => topRow(page)).toBe(middle + 1);
      await scrollTo(page, 1);
      await page.getByText("mail:letters/0999999").waitFor();
      for (let i = 0; i < 40; i++) await scrollTo(page, (i % 20) / 20);
      await scrollTo(page, 0);
      await expect.poll(() => topRow(page)).toBe(0);
      await expect.poll(() => rows(page).count()).toBeLessThan(40);
      const tasks = (await page.evaluate("window.longTasks")) as number[];
      process.stdout.write(
        `main-thread tasks over 50 ms while scrolling: ${tasks.length}${tasks.length > 0 ? ` (longest ${Math.max(...tasks)} ms)` : ""}\n`,
      );
      expect(errors).toEqual([]);
    });
  },
  120_000,
);

browserTest(
  "the list is walked by keys: rows, pages, both ends, and Enter opens the active document",
  async () => {
    await visit("#/data?view=documents", 400, async (page, errors) => {
      await page.getByText("1,000,000 documents").waitFor();
      await expect.poll(() => topRow(page)).toBe(0);
      const grid = page.getByRole("grid", { name: "Documents" });
      await grid.focus();
      const active = async () => Number(await page.locator('.virtual-row[aria-selected="true"]').getAttribute("aria-rowindex")) - 2;
      await page.keyboard.press("ArrowDown");
      expect(await active()).toBe(1);
      await page.keyboard.press("End");
      expect(await active()).toBe(999_999);
      await page.getByText("mail:letters/0999999").waitFor();
      await page.keyboard.press("PageUp");
      expect(await active()).toBeLessThan(999_998);
      await page.keyboard.press("Home");
      expect(await active()).toBe(0);
      expect(await page.evaluate("document.activeElement?.getAttribute('role')")).toBe("grid");
      await page.getByText("mail:letters/0000000").waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "mail:letters/0000000" }).waitFor();
      expect(page.url()).toContain("document=mail");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(400);
      expect(errors).toEqual([]);
    });
  },
  120_000,
);

browserTest(
  "search and filters are in the address; a document shows its steps, its differences and what is like it",
  async () => {
    await visit("#/data?view=documents", 1280, async (page, errors) => {
      await page.getByLabel("Search").fill("sun");
      await page.getByText("1,000 of 1,000,000 documents").waitFor();
      expect(page.url()).toContain("text=sun");
      await page.reload();
      await page.getByText("1,000 of 1,000,000 documents").waitFor();
      await page.getByLabel("Search").fill("");
      await page.getByLabel("Label").selectOption("spam");
      await page.getByText("500,000 of 1,000,000 documents").waitFor();
      await page.getByText("mail:letters/0000001").click();
      await page.getByText("trailing-space").first().waitFor();
      await page.getByText("only in the text before:").first().waitFor({ state: "attached" });
      await page.getByRole("button", { name: "Difference" }).first().click();
      await page.getByText("Unsubscribe here.").waitFor();
      await page.getByRole("button", { name: /Back to the list/ }).click();
      await page.getByText("500,000 of 1,000,000 documents").waitFor();
      await page.getByRole("radio", { name: "Clusters" }).check();
      await page.getByText("1 groups of similar documents").waitFor();
      expect(errors).toEqual([]);
    });
    await visit("#/data/nowhere", 1280, async page => {
      await page.getByText("No data set named nowhere").waitFor();
    });
  },
  120_000,
);
