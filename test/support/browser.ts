/** Chromium for the tests of a file: opened before them, closed after them, and the reason where it is not installed. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { chromiumArguments, findChromium } from "../../console/dev/chromium.ts";
import { root } from "./child.ts";

const executablePath = findChromium();
export const hasBrowser = executablePath !== undefined;
/** Ends the name of a test that needs it. */
export const noBrowser = hasBrowser ? "" : " (skipped: no Chromium in PATH, at /usr/bin/chromium or named by LOAM_CHROMIUM)";
/** A test that needs it; its name says why it is skipped. */
export const browserTest = (name: string, run: () => Promise<void>, timeoutMs?: number): void =>
  test.skipIf(!hasBrowser)(`${name}${noBrowser}`, run, timeoutMs);

/** The browser of a file's tests. `parts`: of `scripts/build.js`, built before, with or without a browser. */
export function openedBrowser(...parts: readonly string[]): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (parts.length > 0) await promisify(execFile)(process.execPath, [join(root, "scripts/build.js"), ...parts]);
    if (executablePath) browser = await chromium.launch({ executablePath, args: chromiumArguments });
  }, 600_000);
  afterAll(() => browser?.close());
  return () => browser!;
}
