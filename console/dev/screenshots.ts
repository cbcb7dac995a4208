/**
 * Pictures of every page against the fake server, in both themes and two widths, into the folder given first (`pictures` otherwise).
 * A second argument keeps only the pictures whose name holds it. Run it bundled, from the repository's root, after a build of the console:
 *   npx esbuild console/dev/screenshots.ts --bundle --platform=node --format=esm --packages=external --outfile=node_modules/.cache/loam-pictures.mjs
 *   node node_modules/.cache/loam-pictures.mjs FOLDER [PART]
 * LOAM_RECORDING=FILE takes the answers of `record.ts` where it has them. With LOAM_URL=http://127.0.0.1:8080/ the pictures are of that server instead, where it need not be empty, broken or gone for them.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium, type Page } from "playwright-core";
import { chromiumArguments, findChromium } from "./chromium.ts";
import { type FakeOptions, recordingOfEnvironment, serveFake } from "./fake.ts";

const [folder = "pictures", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

interface Shot {
  readonly name: string;
  readonly hash: string;
  readonly fake?: FakeOptions;
  readonly act?: (page: Page) => Promise<void>;
  /** The server goes away at the end. */
  readonly isGone?: boolean;
}

const complete = async (page: Page, prompt: string) => {
  await page.fill("#prompt", prompt);
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector(".exchange[aria-busy=false]");
};
const choose = (page: Page, name: string) => page.getByRole("radio", { name, exact: true }).check();

const shots: readonly Shot[] = [
  { name: "gateway", hash: "gateway" },
  { name: "jobs", hash: "jobs" },
  {
    name: "gateway-explain",
    hash: "gateway",
    act: async page => {
      await page.getByLabel("with", { exact: true }).fill("max_tokens=2000");
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText("denied", { exact: true }).waitFor();
    },
  },
  {
    name: "gateway-key",
    hash: "gateway",
    act: async page => {
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByLabel("What it is for").fill("ci");
      await page.getByLabel(/^Whose it is/).fill("mailer");
      await page.getByRole("button", { name: "Make the key" }).click();
      await page.getByText("shown this once").waitFor();
    },
  },
  { name: "home", hash: "home" },
  { name: "talk-first", hash: "talk" },
  {
    name: "talk",
    hash: "talk",
    act: async page => {
      await complete(page, "Re: Meeting on Thursday\n\n");
      await page.fill("#prompt", "Hi all,\n\nThe build is broken");
      await page.keyboard.press("Control+Enter");
      await page.waitForTimeout(600);
    },
  },
  {
    name: "tokens",
    hash: "talk",
    act: async page => {
      const settings = page.locator("details.talk-settings:not([open]) summary");
      if ((await settings.count()) > 0) await settings.click();
      await page.getByLabel("Token probabilities").check();
      await page.getByLabel("Max tokens").fill("40");
      await complete(page, "Hi all,\n\nthe list for Thursday ");
      await page.getByRole("option").nth(7).hover();
    },
  },
  {
    name: "attributions",
    hash: "talk",
    act: async page => {
      await complete(page, "Hi all,\n\nthe list for Thursday ");
      await page.getByRole("button", { name: "Attributions" }).click();
      await page.getByRole("table", { name: /^Strongest words/ }).waitFor();
    },
  },
  {
    name: "talk-code",
    hash: "talk",
    act: async page => {
      await complete(page, "Re: ");
      await page.getByRole("button", { name: "Code" }).click();
      await choose(page, "Python");
    },
  },
  {
    name: "chat",
    hash: "talk",
    act: async page => {
      await choose(page, "Chat");
      for (const text of ["When is the meeting?", "And who brings the list?"]) {
        await page.fill("#prompt", text);
        await page.keyboard.press("Enter");
        await page.waitForTimeout(200);
        await page.waitForFunction(() => document.querySelector('.exchange[aria-busy="true"]') === null);
      }
    },
  },
  { name: "chat-first", hash: "talk", act: page => choose(page, "Chat") },
  { name: "talk-failure", hash: "talk", act: page => complete(page, "word ".repeat(300)) },
  { name: "talk-broken-off", hash: "talk", fake: { breaksAfter: 12 }, act: page => complete(page, "Re: ") },
  {
    name: "data",
    hash: "data",
    act: async page => {
      await page.locator("details.cluster summary").first().click();
      await page.locator(".rule details summary").first().click();
    },
  },
  { name: "training", hash: "training" },
  { name: "releases", hash: "releases" },
  {
    name: "evaluations",
    hash: "evaluations",
    act: async page => {
      await page.locator("details.examples summary").first().click();
    },
  },
  { name: "runs", hash: "runs" },
  {
    name: "labels",
    hash: "labels",
    act: async page => {
      await page.getByLabel("Who labels?").fill("ann");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "work" }).waitFor();
    },
  },
  {
    name: "training-compare",
    hash: "training",
    act: async page => {
      await page.locator(".rows input[type=checkbox]").first().check();
      await choose(page, "Log");
      await choose(page, "Tokens");
      await page.waitForTimeout(300);
      await page.locator(".chart-plot").first().hover();
    },
  },
  { name: "lineage", hash: "lineage" },
  {
    name: "lineage-documents",
    hash: "lineage",
    act: async page => {
      await page.locator(".node.kind-documents").click();
    },
  },
  { name: "engine", hash: "engine", act: page => page.waitForTimeout(2500) },
  { name: "models", hash: "models" },
  ...["talk", "data", "training", "lineage", "engine", "models"].map(p => ({
    name: `empty-${p}`,
    hash: p,
    fake: { scenario: "empty" as const },
  })),
  ...["data", "training", "lineage"].map(p => ({ name: `broken-${p}`, hash: p, fake: { scenario: "broken" as const } })),
  { name: "gone-engine", hash: "engine", isGone: true },
  { name: "keys", hash: "models", act: page => page.keyboard.press("?") },
];

const real = process.env.LOAM_URL;
const wanted = shots.filter(s => s.name.includes(only) && !(real && (s.fake || s.isGone)));
const browser = await chromium.launch({ executablePath: findChromium() ?? "chromium", args: chromiumArguments });
for (const shot of wanted)
  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [1280, 400]) {
      const server = real
        ? { url: real, close: async () => {} }
        : await serveFake(resolve("console/dist"), { recording: recordingOfEnvironment(), ...shot.fake });
      const page = await browser.newPage({ colorScheme, viewport: { width, height: width === 400 ? 860 : 800 } });
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
        fullPage: !/talk|chat|keys/.test(shot.name),
      });
      await page.close();
      if (!shot.isGone) await server.close();
    }
await browser.close();
