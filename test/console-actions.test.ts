/**
 * Actions of the console: promotions, rollbacks, approvals, keys, limits, holds. In a browser on the console's fake server; on real servers over HTTP, with
 * what the command line and the log of acts say of them afterwards.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { jsonLines, loam, root, start } from "./support/child.ts";
import { signedIn } from "./support/login.ts";
import { temporaryFolder, toyYaml, writeToy } from "./support/project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

const folder = join(root, "console/dist");
const browser = openedBrowser("console", "library");

/** Opens a page of the fake server, and holds against it what the browser complains of; refusals that a test provokes are `allowed`. */
async function onFake(
  hash: string,
  use: (page: Page) => Promise<void>,
  options: FakeOptions = {},
  width = 1280,
  allowed = /(?!)/,
): Promise<void> {
  const server = await serveFake(folder, options);
  const context = await browser().newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && !allowed.test(m.text()) && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  try {
    await page.goto(`${server.url}${hash}`);
    await use(page);
    expect(errors).toEqual([]);
  } finally {
    await context.close();
    await server.close();
  }
}

const command = (page: Page) => page.locator(".command .code").textContent();

browserTest("a rollback says what will happen, shows its command, is recorded with its reason, and gives the focus back", () =>
  onFake("#/releases", async page => {
    const button = page.getByRole("button", { name: "Roll staging back" });
    await button.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Roll staging back to mail-small@1" });
    await dialog.getByLabel("Reason").fill("it's worse");
    expect(await command(page)).toBe("loam models rollback mail-small staging --reason 'it'\\''s worse'");
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await dialog.getByText("mail-small@staging is mail-small@1 again.").waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    await expect
      .poll(() =>
        page
          .getByRole("row", { name: /^staging/ })
          .first()
          .allInnerTexts()
          .then(texts => texts.join()),
      )
      .toContain("mail-small@1");
    await page.getByText("it's worse").waitFor();
    await expect.poll(() => page.locator(":focus").count()).toBe(1);
  }),
);

browserTest("a gate that is not passed blocks a promotion in the server's words; Escape gives the focus back", () =>
  onFake(
    "#/releases/mail-small@2",
    async page => {
      const button = page.getByRole("button", { name: "Promote mail-small@2 to prod" });
      await button.click();
      const dialog = page.getByRole("dialog", { name: "Promote mail-small@2 to prod" });
      await dialog.getByText("1 gate is not passed").waitFor();
      expect(await command(page)).toBe("loam models promote mail-small@2 prod");
      await dialog.getByRole("button", { name: "Promote" }).click();
      await dialog.getByRole("alert").getByText('mail-small@2 -> prod: "2 reviewers" is not met (1 of 2: ann (signed)).').waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.locator(":focus").getAttribute("aria-label")).toBe("Promote mail-small@2 to prod");
      await page.getByRole("button", { name: "Approve mail-small@2 for prod as reviewer" }).click();
      const approve = page.getByRole("dialog", { name: "Approve mail-small@2 for prod" });
      await approve.getByLabel("What you looked at").fill("fifty letters");
      expect(await command(page)).toBe("loam models approve mail-small@2 --for prod --role reviewer --note 'fifty letters'");
      await approve.getByRole("button", { name: "Approve" }).click();
      await approve.getByText("loam-console (reviewer, unverified)").waitFor();
    },
    {},
    1280,
    /409/,
  ),
);

browserTest(
  "a deployment goes back to a generation that is chosen, with the command that does the same; an edited one is refused in the server's words",
  () =>
    onFake(
      "#/deployments",
      async page => {
        await page.getByRole("button", { name: "Roll mail-page back to generation 1" }).click();
        const dialog = page.getByRole("dialog", { name: "Roll mail-page back" });
        expect(await command(page)).toBe("loam deploy rollback mail-page --generation 1");
        await dialog.getByRole("button", { name: "Roll back" }).click();
        await dialog.getByRole("alert").getByText("generation 1, whose index.html was changed").waitFor();
        await dialog.getByLabel("Generation").selectOption("2");
        await dialog.getByLabel("Also to a version that was archived").check();
        expect(await command(page)).toBe("loam deploy rollback mail-page --generation 2 --unapproved");
        await dialog.getByRole("button", { name: "Roll back" }).click();
        await dialog.getByText("mail-page has generation 2, version 1, not generation 3, version 1.").waitFor();
        await dialog.getByRole("button", { name: "Done" }).click();
        const newest = page.getByRole("row").filter({ hasText: "rollback" });
        await expect.poll(async () => (await newest.allInnerTexts()).join()).toMatch(/2\s*current[\s\S]*loam-console \(unverified\)/);
        await expect.poll(() => page.locator(":focus").count()).toBe(1);
      },
      {},
      1280,
      /400/,
    ),
);

browserTest("deployments say who approved and deployed, with names that nobody verified marked, and what differs in the cluster", () =>
  onFake(
    "#/deployments/mail",
    async page => {
      const row = page.getByRole("row", { name: /^mail-page/ }).first();
      await row.waitFor();
      expect((await row.allInnerTexts()).join()).toMatch(/behind[\s\S]*carol@example\.com[\s\S]*ann, bob \(unverified\)/);
      const differences = page.getByRole("region", { name: "Differences" });
      await differences.getByText("there registry.example.com/mail:hotfix, manifest absent").waitFor();
      await page.getByText("No act is in the log.").waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    },
    { isViewer: true },
    400,
  ),
);

browserTest("an unknown deployment says so", () =>
  onFake("#/deployments/none", async page => {
    await page.getByRole("heading", { name: "No deployment named none" }).waitFor();
  }),
);

browserTest("an unknown version says so", () =>
  onFake("#/releases/mail-small@9", async page => {
    await page.getByRole("heading", { name: "No model or version named mail-small@9" }).waitFor();
  }),
);

browserTest("keys are rotated, limits created and changed, models held and released, requests approved; the changes are listed", () =>
  onFake("#/gateway", async page => {
    const act = async (
      button: string,
      title: string,
      fill: (dialog: ReturnType<Page["getByRole"]>) => Promise<void>,
      confirm: string,
      shown: RegExp,
    ) => {
      await page.getByRole("button", { name: button, exact: true }).click();
      const dialog = page.getByRole("dialog", { name: title });
      await fill(dialog);
      const line = await command(page);
      await dialog.getByRole("button", { name: confirm, exact: true }).click();
      await dialog.getByText(shown).first().waitFor();
      await dialog.getByRole("button", { name: "Done" }).click();
      return line;
    };
    const nothing = async () => {};
    expect(await act("Rotate mail-bot", "Rotate mail-bot", nothing, "Rotate", /rotatedrotated/)).toBe(
      "loam gateway keys rotate key_33333333 --overlap 24h",
    );
    const limit = await act(
      "New limit",
      "New limit",
      async dialog => {
        await dialog.getByLabel("Name", { exact: true }).fill("ann-budget");
        await dialog.getByLabel("What is counted").selectOption("cost");
        await dialog.getByLabel("Limit, EUR").fill("20");
        await dialog.getByLabel("In which time").selectOption("month");
        await dialog.getByRole("combobox", { name: "For", exact: true }).selectOption("users");
        await dialog.getByLabel("Names").fill("ann");
      },
      "Create the limit",
      /ann-budget is 20 EUR per month/,
    );
    expect(limit).toBe(
      `loam gateway limits put ann-budget --value '{"measure":"cost","limit":20,"period":"month","for":{"users":["ann"]}}'`,
    );
    await page.getByRole("heading", { name: /ann-budget|ann budget/ }).waitFor();
    const changed = await act(
      "Change tokens",
      "Change tokens",
      dialog => dialog.getByLabel("Limit, tokens").fill("200000"),
      "Change the limit",
      /tokens is 200000 tokens/,
    );
    expect(changed).toContain("--revision 11");
    await expect.poll(() => page.getByRole("button", { name: "Change requests", exact: true }).getAttribute("aria-disabled")).toBe("true");
    const held = await act(
      "Hold the model",
      "Hold the model mail-small",
      dialog => dialog.getByLabel(/Reason/).fill("drift"),
      "Hold",
      /is on hold/,
    );
    expect(held).toBe(
      `loam gateway policies put hold-model-mail-small --value '{"effect":"deny","models":["mail-small"],"reason":"on hold: drift"}'`,
    );
    await act("Release hold-model-mail-small", "Release hold-model-mail-small", nothing, "Release", /Released/);
    await page.getByText("Nothing is on hold.").waitFor();
    expect(await act("Approve held1", "Approve the request", nothing, "Approve", /is approved/)).toBe("loam gateway held approve held1");
    const changes = page.getByRole("region", { name: "Changes" });
    await expect.poll(async () => (await changes.allInnerTexts()).join()).toMatch(/policies hold-model-mail-small\s+loam-console/);
  }),
);

browserTest("who may not sees the buttons disabled with the reason, by keyboard too", () =>
  onFake(
    "#/releases/mail-small@2",
    async page => {
      const button = page.getByRole("button", { name: "Promote mail-small@2 to prod" });
      await expect.poll(() => button.getAttribute("title")).toBe("this needs the role admin, and vera has viewer");
      await expect.poll(() => button.getAttribute("aria-disabled")).toBe("true");
      await button.focus();
      await page.keyboard.press("Enter");
      await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
      await page.getByText("Actions are disabled: this needs the role admin, and vera has viewer.").first().waitFor();
    },
    { isViewer: true },
    400,
  ),
);

browserTest("a form over loam.yaml is checked while it is filled in, shows its diff and command, and starts and stops a run", () =>
  onFake("#/start/models.mail-small", async page => {
    const layers = page.getByLabel("layers (required)");
    await layers.fill("0");
    await page.getByText("loam.yaml: models.mail-small.layers: expected at least 1, got 0.").first().waitFor();
    const run = page.getByRole("button", { name: "Run…" });
    await expect.poll(() => run.getAttribute("aria-disabled")).toBe("true");
    await layers.fill("4");
    await page.getByLabel("Changes of loam.yaml").getByText("+    layers: 4").waitFor();
    await expect.poll(() => page.getByLabel("train.schedule").count()).toBe(0);
    await page.getByRole("button", { name: /Show all options/ }).click();
    await page.getByLabel("train.schedule").waitFor();
    expect(page.url()).toContain("all=yes");
    await expect.poll(() => run.getAttribute("aria-disabled")).toBeNull();
    await run.click();
    expect(await command(page)).toBe("loam train --model mail-small");
    const dialog = page.getByRole("dialog", { name: "Run models.mail-small" });
    await dialog.getByLabel("Run even what is not stale").check();
    expect(await command(page)).toBe("loam train --model mail-small --force");
    await dialog.getByRole("button", { name: "Run", exact: true }).click();
    await dialog.getByText("runs.").waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    const newest = page.getByRole("region", { name: "Newest run" });
    await newest.getByText("step 3").waitFor();
    await page.reload();
    await newest.getByRole("button", { name: "Stop…" }).click();
    await page.getByRole("dialog", { name: "Stop the run?" }).getByRole("button", { name: "Stop the run" }).click();
    await newest.getByText("stopped", { exact: true }).waitFor();
  }),
);

browserTest("a label set leads to the form of a classifier, whose command tunes it", () =>
  onFake("#/start/models.mail-small", async page => {
    const region = page.getByRole("region", { name: "Tune from labels" });
    await region.getByText(/folder: \d+ of \d+ texts labelled/).waitFor();
    await expect.poll(() => region.getByRole("button").getAttribute("title")).toMatch(/at least \d+ are needed/);
    await page.goto(page.url().replace(/#.*/, "#/start/models.folder-classifier?labels=folder"));
    await page.getByText("Not in loam.yaml yet: these values are a proposal.").waitFor();
    await page.getByLabel("Changes of loam.yaml").getByText('tune.on: "folder-labelled"').waitFor();
    await page.getByRole("button", { name: "Run…" }).click();
    expect(await command(page)).toBe("loam tune folder-classifier");
  }),
);

/** A project with two versions of `mail` and a release that asks for a reviewer. */
async function project(more = ""): Promise<string> {
  const cwd = temporaryFolder("console-actions");
  await writeFile(
    join(cwd, "loam.yaml"),
    toyYaml({ more: `releases:\n  prod:\n    approvals: [{ role: reviewer, unsigned: true }]\n${more}` }),
  );
  for (const seed of [3, 4]) {
    const { code, stderr } = await loam(["models", "import", await toyModelFolder(seed), "--name", "mail"], { cwd });
    expect(code, stderr).toBe(0);
  }
  return cwd;
}

async function served(cwd: string) {
  const server = start(["serve", "--port", "0", "--no-models", "--json"], { cwd });
  const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  const headers = await signedIn(cwd, url);
  const ask = async (method: string, path: string, body?: object, as: Record<string, string> = headers) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...as, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked at by the tests
    return [response.status, (await response.json()) as any] as const;
  };
  const stop = async () => {
    server.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  };
  return { url, ask, stop };
}

const last = async (cwd: string, ...args: string[]) =>
  jsonLines((await loam([...args, "--json"], { cwd })).stdout).at(-1) as Record<string, unknown>;

test("a real server promotes through the gates in the command line's words, approves, rolls back; the log of acts says who", async () => {
  const cwd = await project();
  const { ask, stop } = await served(cwd);
  try {
    expect(await ask("GET", "/api/actions", undefined, {})).toMatchObject([401, {}]);
    expect(await ask("POST", "/api/releases/mail@2/promote", { alias: "prod" }, {})).toMatchObject([401, {}]);
    const [, { who, unavailable }] = await ask("GET", "/api/actions");
    expect(unavailable).toBeNull();
    const [status, refused] = await ask("POST", "/api/releases/mail@2/promote", { alias: "prod" });
    expect([status, refused.error.code]).toEqual([409, "registry/refused"]);
    const said = await loam(["models", "promote", "mail@2", "prod"], { cwd });
    expect(said.code).toBe(1);
    expect(said.stderr).toContain(refused.error.message);
    expect(await ask("POST", "/api/releases/mail@2/approve", { alias: "prod", role: "boss" })).toMatchObject([
      400,
      { error: { code: "registry/role" } },
    ]);
    const approval = { alias: "prod", role: "reviewer", note: "read it" };
    expect(await ask("POST", "/api/releases/mail@2/approve", approval)).toMatchObject([200, { changed: true, approvals: [{ by: who }] }]);
    const promoted = await ask("POST", "/api/releases/mail@2/promote", { alias: "prod", reason: "better" });
    expect(promoted).toMatchObject([200, { version: 2, verdict: { passed: true }, release: { number: 2, previous: null } }]);
    expect(await last(cwd, "models", "show", "mail@prod")).toMatchObject({ version: 2 });
    await ask("POST", "/api/releases/mail@1/promote", { alias: "staging" });
    await ask("POST", "/api/releases/mail@2/promote", { alias: "staging" });
    expect(await ask("POST", "/api/releases/mail/rollback", { alias: "staging", reason: "slower" })).toMatchObject([
      200,
      { kind: "rollback", number: 1, previous: 2 },
    ]);
    expect(await ask("POST", "/api/releases/mail/rollback", { alias: "none" })).toMatchObject([404, { error: { code: "store/notFound" } }]);
    expect(await ask("POST", "/api/releases/mail@2/promote", { alias: "prod", force: true })).toMatchObject([400, {}]);
    const [, { acts }] = await ask("GET", "/api/governance/acts?most=50");
    const deeds = acts.map((a: Record<string, string>) => [a.kind, a.what, a.on, a.who, a.purpose ?? null]);
    expect(deeds).toContainEqual(["release", "rollback", "mail@staging -> 1", who, "slower"]);
    expect(deeds).toContainEqual(["release", "promote", "mail@prod -> 2", who, "better"]);
    expect(deeds).toContainEqual(["approval", "approval.give", "mail@2", who, null]);
  } finally {
    await stop();
  }
});

const deployPart = `deploy:
  deployments:
    pods: { target: kubernetes, model: mail@prod, to: deployed/pods, wishes: { image: "registry.example.com/mail:{version}" } }
`;

test("a real server lists deployments with what differs, and rolls one back under its user's name, which the log keeps", async () => {
  const cwd = await project(deployPart);
  for (const version of [1, 2]) {
    await last(cwd, "models", "approve", `mail@${version}`, "--for", "prod", "--role", "reviewer", "--as", "kim");
    await last(cwd, "models", "promote", `mail@${version}`, "prod");
    expect(await last(cwd, "deploy", "apply")).toMatchObject({ deployments: [{ version, generation: version }] });
  }
  const { ask, stop } = await served(cwd);
  const path = "/api/deployments/pods/rollback";
  try {
    const [status, [listed]] = await ask("GET", "/api/deployments");
    expect([status, listed]).toMatchObject([200, { name: "pods", state: "current", isSame: true, generation: 2, goesBackTo: 1 }]);
    expect(listed.deployed.approvals).toMatchObject([{ by: "kim", role: "reviewer", isVerified: false, signedBy: null }]);
    const applied = await last(cwd, "deploy", "status");
    expect([applied]).toMatchObject([{ deployments: [{ deployed: listed.deployed, acts: listed.acts }] }]);
    expect(await ask("POST", path, { generation: 7 })).toMatchObject([
      400,
      { error: { code: "deploy/deployment", message: expect.stringContaining("generation 7 of 1, 2") } },
    ]);
    expect(await ask("POST", "/api/deployments/other/rollback", {})).toMatchObject([400, { error: { code: "project/argument" } }]);
    expect(await ask("POST", path, { force: true })).toMatchObject([400, {}]);
    expect(await ask("POST", path, {}, {})).toMatchObject([401, {}]);
    expect(await ask("POST", path, {})).toMatchObject([200, { name: "pods", from: { generation: 2, version: 2 }, to: { version: 1 } }]);
    const [, { who }] = await ask("GET", "/api/actions");
    const [, [after]] = await ask("GET", "/api/deployments");
    expect(after).toMatchObject({
      state: "behind",
      isSame: false,
      deployedVersion: 1,
      registryVersion: 2,
      deployed: { since: { act: "rollback", by: who, isVerified: false } },
      acts: [{ act: "rollback" }, { act: "apply", generation: 2 }, { act: "apply", generation: 1 }],
    });
  } finally {
    await stop();
  }
});

const gatewayPart = `gateway:
  access:
    principals: { users: { ann: { roles: [admin] }, vera: { roles: [viewer] }, kim: { roles: [keys] }, rev: { roles: [reviewer] }, bob: {} } }
    policies:
      - { id: staff, effect: allow, who: { subjects: [ann, vera, kim, rev] }, endpoints: [admin] }
      - { id: all, effect: allow, endpoints: [models, files] }
`;

test("behind a gateway roles decide: every action is refused to all but its roles, and recorded under the account's name", async () => {
  const cwd = await project(gatewayPart);
  const { ask, stop } = await served(cwd);
  try {
    const keys: Record<string, Record<string, string>> = {};
    for (const subject of ["ann", "vera", "kim", "rev", "bob"]) {
      const [, { secret }] = await ask("POST", "/gateway/keys", { name: subject, subject });
      keys[subject] = { authorization: `Bearer ${secret}` };
    }
    const rule = { measure: "requests", limit: 5, window: "1h" };
    const changes: [string, string, object | undefined, readonly string[]][] = [
      ["POST", "/api/releases/mail@1/promote", { alias: "staging" }, ["ann"]],
      ["POST", "/api/releases/mail/rollback", { alias: "staging" }, ["ann"]],
      ["POST", "/api/releases/mail@1/approve", { alias: "prod", role: "reviewer" }, ["ann"]],
      ["POST", "/api/deployments/none/rollback", {}, ["ann"]],
      ["PUT", "/gateway/limits/x", rule, ["ann"]],
      ["DELETE", "/gateway/limits/x", undefined, ["ann"]],
      ["PUT", "/gateway/policies/hold-users-bob", { effect: "deny", who: { subjects: ["bob"] } }, ["ann"]],
      ["DELETE", "/gateway/policies/hold-users-bob", undefined, ["ann"]],
      ["POST", "/gateway/held/none", { decision: "approve" }, ["ann"]],
      ["POST", "/api/project/parts/data.letters", { changes: [] }, ["ann"]],
      ["POST", "/api/project/run", { path: "models.none" }, ["ann"]],
      ["POST", "/api/project/run/stop", {}, ["ann"]],
      ["POST", "/gateway/keys", { name: "k", subject: "bob" }, ["ann", "kim"]],
      ["POST", "/gateway/keys/none/rotate", {}, ["ann", "kim"]],
      ["DELETE", "/gateway/keys/none", undefined, ["ann", "kim"]],
    ];
    for (const [method, path, body, may] of changes)
      for (const who of ["vera", "kim", "rev", "bob", "ann"]) {
        const [status] = await ask(method, path, body, keys[who]);
        expect([method, path, who, status === 403]).toEqual([method, path, who, !may.includes(who)]);
      }
    expect(await ask("GET", "/api/actions", undefined, keys.vera)).toMatchObject([200, { who: "vera", unavailable: null }]);
    const [, { missing }] = await ask("GET", "/gateway/permissions", undefined, keys.vera);
    expect(missing.change).toBe("this needs the role admin, and vera has viewer");

    // a hold refuses the account with its reason, until it is released
    const files = (who: string) => ask("GET", "/v1/files", undefined, keys[who]);
    expect((await files("bob"))[0]).toBe(200);
    const hold = { effect: "deny", who: { subjects: ["bob"] }, reason: "on hold: odd requests" };
    await ask("PUT", "/gateway/policies/hold-users-bob", hold, keys.ann);
    const [status, { error }] = await files("bob");
    expect([status, error.message]).toEqual([403, expect.stringContaining("on hold: odd requests")]);
    await ask("DELETE", "/gateway/policies/hold-users-bob", undefined, keys.ann);
    expect((await files("bob"))[0]).toBe(200);

    // limits of the state hold at once
    await ask("PUT", "/gateway/limits/bob-requests", { ...rule, limit: 1, for: { users: ["bob"] } }, keys.ann);
    expect([(await files("bob"))[0], (await files("bob"))[0]]).toEqual([200, 429]);
    const [, { data }] = await ask("GET", "/gateway/changes?most=1000", undefined, keys.vera);
    const said = data.map((c: { what: string; by: string }) => [c.what, c.by.split(" ")[0]]);
    for (const what of ["limit.create", "limit.delete", "policy.create", "policy.delete"]) expect(said).toContainEqual([what, "ann"]);
  } finally {
    await stop();
  }
  const acts = (await last(cwd, "log", "--most", "200")).acts as { kind: string; what: string; who: string }[];
  const deeds = acts.map(a => `${a.kind} ${a.what} ${a.who.split(" ")[0]}`);
  for (const deed of ["release promote ann", "approval approval.give ann", "policy limit.create ann", "policy policy.create ann"])
    expect(deeds).toContain(deed);
  // the command that the console shows does the same to the state
  const put = ["gateway", "limits", "put", "cli", "--value", '{"measure":"cost","limit":3,"period":"month","for":{"users":["ann"]}}'];
  expect(await last(cwd, ...put)).toMatchObject({ created: true, limit: { name: "cli", limit: 3, period: "month", origin: "store" } });
  expect(await last(cwd, "gateway", "limits", "show", "cli")).toMatchObject({ limit: { for: { users: ["ann"] } } });
  expect(await last(cwd, "gateway", "limits", "delete", "cli")).toMatchObject({ deleted: true });
  expect(await last(cwd, "gateway", "limits", "x")).toMatchObject({ limits: [] });
});

test("a run is started from a form with its comments kept, is one at a time, is stopped, and is in the log of acts", async () => {
  const cwd = writeToy(temporaryFolder("console-run"), { tokens: 4_000_000 });
  const { ask, stop } = await served(cwd);
  try {
    const [, parts] = await ask("GET", "/api/project/parts");
    expect(parts.parts.map((p: { path: string }) => p.path)).toEqual(["models.toy", "data.letters"]);
    expect(await ask("GET", "/api/project/parts", undefined, {})).toMatchObject([401, {}]);
    expect(await ask("POST", "/api/project/run", { path: "models.toy" }, {})).toMatchObject([401, {}]);
    const [, form] = await ask("GET", "/api/project/parts/models.toy");
    expect(form.fields.find((f: { path: string }) => f.path === "train.rate")).toMatchObject({ kind: "number", value: "0.02" });
    const change = (value: string, more: object = {}) =>
      ask("POST", "/api/project/parts/models.toy", { changes: [{ path: "train.rate", value }], digest: form.digest, ...more });
    expect(await change("-1")).toMatchObject([
      200,
      { isWritten: false, problem: { message: expect.stringContaining("models.toy.train.rate") } },
    ]);
    expect(await change("0.01", { write: true })).toMatchObject([200, { isWritten: true, problem: null }]);
    expect(await readFile(join(cwd, "loam.yaml"), "utf8")).toContain("rate: 0.01");
    expect(await change("0.03", { write: true })).toMatchObject([409, { error: { code: "project/changed" } }]);

    expect(await ask("POST", "/api/project/run/stop", {})).toMatchObject([404, { error: { code: "project/nothing" } }]);
    expect(await ask("POST", "/api/project/run", { path: "models.none" })).toMatchObject([400, { error: { code: "project/argument" } }]);
    const [, started] = await ask("POST", "/api/project/run", { path: "models.toy" });
    expect(started).toMatchObject({ state: "running", command: ["train", "--model", "toy"] });
    expect(await ask("POST", "/api/project/run", { path: "data.letters" })).toMatchObject([409, { error: { code: "project/running" } }]);
    const state = async () => (await ask("GET", "/api/project/run"))[1].run as { state: string; output: string; code: number | null };
    await expect.poll(async () => (await state()).output, { timeout: 120_000, interval: 500 }).not.toBe("");
    expect(await ask("POST", "/api/project/run/stop", {})).toMatchObject([200, { state: "stopping" }]);
    await expect.poll(async () => (await state()).state, { timeout: 120_000, interval: 500 }).toBe("stopped");
    const [, { run }] = await ask("GET", "/api/project/run");
    expect(await readFile(join(cwd, ".loam", "console-run.log"), "utf8")).toContain(run.output.slice(-200));

    // a run to its end, of what is quick
    await ask("POST", "/api/project/run", { path: "data.letters" });
    await expect.poll(async () => (await state()).state, { timeout: 120_000, interval: 500 }).toBe("done");
    const [, { acts }] = await ask("GET", "/api/governance/acts?kind=run");
    expect(acts.map((a: { what: string; on: string; who: string }) => [a.what, a.on, a.who]).toReversed()).toEqual([
      ["run.start", "models.toy", run.by],
      ["run.stop", "models.toy", run.by],
      ["run.start", "data.letters", run.by],
    ]);
  } finally {
    await stop();
  }
});
