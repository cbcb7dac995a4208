/** Views of every page on the fake server: what pictures are taken of, and what is checked for accessibility. */
import type { Page } from "playwright-core";
import type { FakeOptions } from "./fake.ts";

export interface Shot {
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

export const shots: readonly Shot[] = [
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
      await page.getByRole("button", { name: "Create the key" }).click();
      await page.getByText("shown this once").waitFor();
    },
  },
  {
    name: "promote",
    hash: "releases/mail-small@2",
    act: async page => {
      await page.getByRole("button", { name: "Promote mail-small@2 to prod" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
      await page.getByRole("alert").waitFor();
    },
  },
  {
    name: "start",
    hash: "start/models.mail-small",
    act: async page => {
      await page.getByLabel("layers (required)").fill("4");
      await page.getByLabel("Changes of loam.yaml").waitFor();
    },
  },
  {
    name: "limit",
    hash: "gateway",
    act: async page => {
      await page.getByRole("button", { name: "New limit" }).click();
      await page.getByLabel("Name", { exact: true }).fill("ann-budget");
    },
  },
  { name: "home", hash: "home" },
  { name: "playground-first", hash: "playground" },
  {
    name: "playground-compare",
    hash: "playground?model=mail-small%402&beside=mail-small%401",
    act: page => complete(page, "Hi all,\n\nThe "),
  },
  {
    name: "playground",
    hash: "playground",
    act: async page => {
      await complete(page, "Re: Meeting on Thursday\n\n");
      await page.fill("#prompt", "Hi all,\n\nThe build is broken");
      await page.keyboard.press("Control+Enter");
      await page.waitForTimeout(600);
    },
  },
  {
    name: "tokens",
    hash: "playground",
    act: async page => {
      const settings = page.locator("details.playground-settings:not([open]) summary");
      if ((await settings.count()) > 0) await settings.click();
      await page.getByLabel("Token probabilities").check();
      await page.getByLabel("Max tokens").fill("40");
      await complete(page, "Hi all,\n\nthe list for Thursday ");
      await page.getByRole("option").nth(7).hover();
    },
  },
  {
    name: "attributions",
    hash: "playground",
    act: async page => {
      await complete(page, "Hi all,\n\nthe list for Thursday ");
      await page.getByRole("button", { name: "Attributions" }).click();
      await page.getByRole("table", { name: /^Strongest words/ }).waitFor();
    },
  },
  {
    name: "playground-code",
    hash: "playground",
    act: async page => {
      await complete(page, "Re: ");
      await page.getByRole("button", { name: "Code" }).click();
      await choose(page, "Python");
    },
  },
  {
    name: "chat",
    hash: "playground",
    act: async page => {
      await choose(page, "Chat");
      for (const text of ["When is the meeting?", "And who brings the list?"]) {
        await page.fill("#prompt", text);
        await page.keyboard.press("Enter");
        await page.waitForTimeout(200);
        await page.waitForFunction(`document.querySelector('.exchange[aria-busy="true"]') === null`);
      }
    },
  },
  { name: "chat-first", hash: "playground", act: page => choose(page, "Chat") },
  { name: "playground-failure", hash: "playground", act: page => complete(page, "word ".repeat(300)) },
  { name: "playground-broken-off", hash: "playground", fake: { breaksAfter: 12 }, act: page => complete(page, "Re: ") },
  {
    name: "data",
    hash: "data",
    act: async page => {
      await page.locator("details.cluster summary").first().click();
      await page.locator(".rule details summary").first().click();
    },
  },
  {
    name: "documents",
    hash: "data?view=documents",
    act: async page => {
      await page.getByText("mail:letters/0000001").waitFor();
    },
  },
  {
    name: "document",
    hash: "data?view=documents",
    act: async page => {
      await page.getByText("mail:letters/0000001").click();
      await page.getByRole("button", { name: "Difference" }).first().click();
    },
  },
  { name: "clusters", hash: "data?view=clusters" },
  { name: "training", hash: "training" },
  { name: "releases", hash: "releases" },
  { name: "deployments", hash: "deployments" },
  { name: "deployments-cluster", hash: "deployments/mail" },
  {
    name: "deployments-rollback",
    hash: "deployments",
    act: async page => {
      await page.getByRole("button", { name: "Roll mail-page back to generation 2" }).click();
      await page.getByRole("dialog", { name: "Roll mail-page back" }).waitFor();
    },
  },
  { name: "deployments-empty", hash: "deployments", fake: { scenario: "empty" } },
  { name: "evaluations", hash: "evaluations" },
  {
    name: "evaluation-diff",
    hash: "evaluations?kind=task",
    act: async page => {
      await page.getByRole("button", { name: "Compare folders of mail-small@2" }).click();
      await page.getByRole("link", { name: "with mail-small@2" }).first().click();
      await page.getByRole("list", { name: "Items" }).waitFor();
    },
  },
  {
    name: "evaluation",
    hash: "evaluations/mail-small@2",
    act: async page => {
      await page.locator("details.examples summary").first().click();
    },
  },
  { name: "cost", hash: "cost", act: page => page.getByRole("region", { name: "Two ledgers" }).getByRole("table").waitFor() },
  {
    name: "cost-trials",
    hash: "cost?filter=kind+%3D+trial&cost=cost&quality=macroF1&group=options.optimizer",
    fake: { numTrials: 60 },
    act: page => page.getByRole("region", { name: "Cost to the baseline's quality" }).getByRole("table").waitFor(),
  },
  { name: "runs", hash: "runs", act: page => page.getByRole("table").first().waitFor() },
  {
    name: "runs-parallel",
    hash: "runs?filter=kind+%3D+trial+and+state+%3D+done&plot=parallel&compare=none",
    fake: { numTrials: 60 },
    act: page => page.getByRole("region", { name: "Parallel coordinates" }).waitFor(),
  },
  { name: "watch", hash: "watch", act: page => page.getByText("Same hours of 4 earlier weeks").first().waitFor() },
  {
    name: "watch-examples",
    hash: "watch",
    act: async page => {
      const alarm = page.getByRole("region", { name: "An alarm is active" }).getByRole("listitem").first();
      await alarm.getByRole("region", { name: "Example requests" }).locator("summary").first().click();
      await alarm.getByRole("heading", { name: "Prompt" }).waitFor();
    },
  },
  { name: "governance", hash: "governance" },
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
    name: "disagreements",
    hash: "labels/folder?view=disagreements",
    act: async page => {
      await page.getByLabel("Who labels?").fill("ann");
      await page.keyboard.press("Enter");
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
  ...["playground", "data", "training", "lineage", "engine", "models"].map(p => ({
    name: `empty-${p}`,
    hash: p,
    fake: { scenario: "empty" as const },
  })),
  ...["data", "training", "lineage"].map(p => ({ name: `broken-${p}`, hash: p, fake: { scenario: "broken" as const } })),
  { name: "gone-engine", hash: "engine", isGone: true },
  { name: "keys", hash: "models", act: page => page.keyboard.press("?") },
];
