/**
 * The pictures in `docs/pictures`, of a real project behind LOAM_URL (the sign-in link that `loam login` prints) and nothing made up: examples/mail after
 * `loam run`, a few requests with the demo key, and `loam eval spam --model mail-spam --variants typos,upper`. Into the folder given first; a second
 * argument keeps only the pictures whose name holds it. It is bundled and run as `screenshots.ts` is:
 *   LOAM_URL=$(loam login -C examples/mail) node node_modules/.cache/loam-docs-pictures.mjs docs/pictures
 */
import { join } from "node:path";
import { chromium, type Locator, type Page } from "playwright-core";
import { chromiumArguments, findChromium } from "./chromium.ts";
import { shots } from "./shots.ts";
import { signIn } from "./sign-in.ts";

interface DocsPicture {
  readonly name: string;
  readonly hash: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly act?: ((page: Page) => Promise<void>) | undefined;
  /** The part of the page that is shown; default: what the window shows. */
  readonly part?: "whole page" | ((page: Page) => Locator);
}

const size = { width: 1280, height: 800 };
const prompt = "Hi all,\n\nThe build is broken";
const actOf = (name: string) => shots.find(s => s.name === name)?.act;
/** Opens the newest training of a model. */
const openRun = (model: string) => async (page: Page) => {
  await page
    .getByRole("link", { name: new RegExp(`^${model}@`) })
    .first()
    .click();
  await page.getByRole("heading", { name: new RegExp(`^${model}@`) }).waitFor();
};

/** A completion that is still being written. */
async function stream(page: Page): Promise<void> {
  await page.getByLabel("Max tokens").fill("240");
  await page.fill("#prompt", prompt);
  await page.keyboard.press("Control+Enter");
  const written = page.locator('.exchange[aria-busy="true"] .written');
  await written.filter({ hasText: /[\s\S]{140}/ }).waitFor();
}

const pictures: readonly DocsPicture[] = [
  { name: "home", hash: "home", size },
  { name: "playground", hash: "playground?model=mail-small", size, act: stream },
  { name: "tokens", hash: "playground?model=mail-small", size, act: actOf("tokens"), part: "whole page" },
  { name: "training", hash: "training", size, act: openRun("mail-small"), part: "whole page" },
  {
    name: "classifier",
    hash: "training",
    size: { width: 400, height: 860 },
    act: openRun("mail-spam"),
    part: page => page.getByRole("region", { name: "Held-out classification" }),
  },
  {
    name: "evaluations",
    hash: "evaluations/mail-spam@1",
    size,
    act: async page => {
      await page.getByRole("region", { name: "spam", exact: true }).getByRole("combobox", { name: "Class" }).selectOption("spam");
    },
    part: page => page.getByRole("region", { name: "spam", exact: true }),
  },
  { name: "gateway", hash: "gateway", size: { width: 1280, height: 900 } },
  { name: "lineage", hash: "lineage", size: { width: 1280, height: 900 } },
];

/** Makes the window as high as the page. Not `fullPage`: Chromium makes the window a pixel wide for a moment, and graphs are fitted into that. */
async function growToContent(page: Page): Promise<void> {
  const { width } = page.viewportSize()!;
  // a graph takes a share of the window's height
  for (let round = 0; round < 2; round++) {
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height: height + (width < 900 ? 80 : 0) });
    await page.waitForTimeout(500);
  }
}

const [folder = "docs/pictures", only = ""] = process.argv.slice(2);
const link = process.env.LOAM_URL;
if (!link) throw new Error("LOAM_URL: expected the sign-in link of a server, got none. Run: loam login");
const browser = await chromium.launch({ executablePath: findChromium() ?? "chromium", args: chromiumArguments });
const storageState = await signIn(browser, link);
for (const { name, hash, size: viewport, act, part } of pictures.filter(p => p.name.includes(only))) {
  const page = await browser.newPage({ storageState, colorScheme: "light", viewport });
  page.setDefaultTimeout(30_000);
  page.on("pageerror", e => process.stderr.write(`${name}: ${e.message}\n`));
  // A seed, so that the same words come each time.
  await page.addInitScript(() => localStorage.setItem("loam.console.settings", '{"seed":"3"}'));
  await page.goto(`${new URL(link).origin}/#/${hash}`);
  await page.waitForTimeout(1500);
  await act?.(page);
  if (act !== stream) await page.waitForTimeout(500);
  if (part) await growToContent(page);
  const path = join(folder, `${name}.png`);
  await (typeof part === "function" ? part(page) : page).screenshot({ path });
  await page.close();
}
await browser.close();
