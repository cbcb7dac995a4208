/** The documentation's static pages in a browser: search by keyboard leads to a section, and nothing is requested elsewhere. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromiumArguments, findChromium } from "../console/dev/chromium.ts";
import { buildSite } from "../scripts/parts/site.js";
import { serveSite } from "../src/cli/docs-server.ts";
import { loam, root, start } from "./support/child.ts";

const found = findChromium();
const why = found ? "" : " (skipped: no Chromium in PATH, at /usr/bin/chromium or named by LOAM_CHROMIUM)";
const site = mkdtempSync(join(tmpdir(), "loam-site-"));
let served: Awaited<ReturnType<typeof serveSite>>;
let browser: Browser | undefined;
beforeAll(async () => {
  buildSite(site);
  served = await serveSite(site, 0);
  if (found) browser = await chromium.launch({ executablePath: found, args: chromiumArguments });
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
  rmSync(site, { recursive: true, force: true });
});

test.skipIf(!found).each([1280, 400])(`search at %d pixels: words, Enter, Enter, and the section is there${why}`, async width => {
  const page = await browser!.newPage({ viewport: { width, height: 800 } });
  const elsewhere: string[] = [];
  const problems: string[] = [];
  page.on("request", r => void (r.url().startsWith(served.url) || elsewhere.push(r.url())));
  page.on("console", m => void (m.type() === "error" && problems.push(m.text())));
  page.on("pageerror", e => problems.push(e.message));
  await page.goto(`${served.url}/tutorials/serve.html`);
  expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
  await page.getByRole("searchbox", { name: "Search" }).fill("hedged requests");
  await page.getByRole("region", { name: "Search results" }).getByRole("link").first().waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.waitForURL(/gateway-routing\.html#hedged-requests$/);
  await expect.poll(() => page.getByRole("heading", { name: "Hedged requests" }).isVisible()).toBe(true);
  expect([elsewhere, problems]).toEqual([[], []]);
  await page.close();
});

test("`loam docs` says where the pages are, serves the built site, and refuses a port that is no port", async () => {
  const paths = await loam(["docs", "--path", "--json"], {});
  expect(JSON.parse(paths.stdout.trim().split("\n").at(-1)!)).toMatchObject({ pages: expect.stringMatching(/docs\/README\.md$/) });
  expect((await loam(["docs", "--port", "x"], {})).code).toBe(2);
  execFileSync(process.execPath, [join(root, "scripts", "build.js"), "site"], { stdio: "ignore" });
  const running = start(["docs", "--port", "0"], {});
  const [, url] = await running.says(/Documentation on (http:\S+)/);
  expect(await (await fetch(`${url}/`)).text()).toContain("<title>Documentation - Loam</title>");
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});
