/**
 * Pictures of every page against the fake server, in both themes and two widths, into the folder given first (`pictures` otherwise).
 * A second argument keeps only the pictures whose name holds it. Run it bundled, from the repository's root, after a build of the console:
 *   npx esbuild console/dev/screenshots.ts --bundle --platform=node --format=esm --packages=external --outfile=node_modules/.cache/loam-pictures.mjs
 *   node node_modules/.cache/loam-pictures.mjs FOLDER [PART]
 * LOAM_RECORDING=FILE takes the answers of `record.ts` where it has them. With LOAM_URL the pictures are of that
 * server instead, where it need not be empty, broken or gone for them; give it the sign-in link that `loam login` prints.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { chromiumArguments, findChromium } from "./chromium.ts";
import { recordingOfEnvironment, serveFake } from "./fake.ts";
import { shots } from "./shots.ts";
import { signIn } from "./sign-in.ts";

const [folder = "pictures", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const real = process.env.LOAM_URL;
const wanted = shots.filter(s => s.name.includes(only) && !(real && (s.fake || s.isGone)));
const browser = await chromium.launch({ executablePath: findChromium() ?? "chromium", args: chromiumArguments });
const session = real ? { storageState: await signIn(browser, real) } : {};
for (const shot of wanted)
  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [1280, 400]) {
      const server = real
        ? { url: `${new URL(real).origin}/`, close: async () => {} }
        : await serveFake(resolve("console/dist"), { recording: recordingOfEnvironment(), ...shot.fake });
      const page = await browser.newPage({ ...session, colorScheme, viewport: { width, height: width === 400 ? 860 : 800 } });
      page.setDefaultTimeout(15_000);
      page.setDefaultNavigationTimeout(60_000);
      page.on("pageerror", e => process.stderr.write(`${shot.name}: ${e.message}\n`));
      page.on(
        "console",
        m => m.type() === "error" && !m.text().startsWith("Failed to load resource") && process.stderr.write(`${shot.name}: ${m.text()}\n`),
      );
      // A seed, so that the same words come each time.
      await page.addInitScript(() => localStorage.setItem("loam.console.settings", '{"seed":"7"}'));
      await page.goto(`${server.url}#/${shot.hash}`);
      await page.waitForTimeout(500);
      await shot.act?.(page).catch((e: Error) => process.stderr.write(`${shot.name}: ${e.message}\n`));
      if (shot.isGone) {
        await server.close();
        await page.waitForTimeout(1500);
      }
      await page.waitForTimeout(200);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) process.stderr.write(`${shot.name} at ${width}: ${overflow} px too wide\n`);
      await page.screenshot({
        path: join(folder, `${shot.name}-${colorScheme}-${width}.png`),
        fullPage: !/playground|chat|keys/.test(shot.name),
      });
      await page.close();
      if (!shot.isGone) await server.close();
    }
await browser.close();
