/**
 * A project behind its gateway as its user has it: `loam serve` with the part `gateway` of loam.yaml, the demo's key, other contracts, what the
 * console shows in a browser; and the page of a gateway that stands alone.
 */
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import OpenAI from "openai";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { loam, root, start } from "./support/child.ts";
import { loginUrl, tokenOf } from "./support/login.ts";
import { answerChecker } from "./support/openapi.ts";
import { temporaryFolder, toyProject, trainedToy } from "./support/project.ts";

const browser = openedBrowser("console", "library");

const part = `gateway:
  demoKey: demo
  access:
    principals: { serviceAccounts: { demo: {}, mailer: {} } }
    policies:
      - { id: demo, effect: allow, who: { subjects: [demo, mailer] }, endpoints: [chat, completions, models] }
    limits:
      - { name: requests, per: [key], measure: requests, limit: 60, window: 24h, burst: 12 }
      - { name: tokens, per: [key], measure: tokens, limit: 100000, window: 1h }
`;

async function served(cwd: string, more: readonly string[] = []) {
  const server = start(["serve", "--port", "0", "--json", ...more], { cwd });
  const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  const key = (await readFile(join(cwd, ".loam", "gateway-demo.key"), "utf8")).trim();
  return { server, url, key };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** Opens a page, and holds against it what the browser complains of. */
async function opened(url: string, use: (page: Page) => Promise<void>, allowed: RegExp = /(?!)/): Promise<void> {
  const context = await browser().newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && !allowed.test(m.text()) && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  page.on("request", r => !r.url().startsWith(new URL(url).origin) && !/^(data|blob):/.test(r.url()) && errors.push(r.url()));
  try {
    await page.goto(url);
    await use(page);
    expect(errors).toEqual([]);
  } finally {
    await context.close();
  }
}

test("a project behind its gateway: the demo's key opens, nothing else does, and everything is counted once", async () => {
  const cwd = await trainedToy({ more: part });
  const { server, url, key } = await served(cwd);
  expect(((await stat(join(cwd, ".loam", "gateway-demo.key"))).mode & 0o777).toString(8)).toBe("600");

  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const whole = await client.completions.create({ model: "toy", prompt: "Dear ", max_tokens: 5 });
  // sampled texts may end early: the gateway has to count what was generated
  const generated = [whole.usage!.completion_tokens];
  let numPieces = 0;
  for await (const piece of await client.chat.completions.create({
    model: "toy",
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: 6,
    stream: true,
    stream_options: { include_usage: true },
  })) {
    numPieces++;
    if (piece.usage) generated.push(piece.usage.completion_tokens);
  }
  expect(numPieces).toBeGreaterThan(1);

  // another contract of the server behind the same door
  const ollama = (secret: string | null) =>
    fetch(`${url}/api/generate`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(secret === null ? {} : bearer(secret)) },
      body: JSON.stringify({ model: "toy", prompt: "Dear ", stream: false, options: { num_predict: 4 } }),
    });
  expect((await ollama(null)).status).toBe(401);
  const answer = (await (await ollama(key)).json()) as { done: boolean; eval_count: number };
  expect(answer.done).toBe(true);
  generated.push(answer.eval_count);
  expect(generated).toHaveLength(3);
  for (const [i, most] of [5, 6, 4].entries()) {
    expect(generated[i]).toBeGreaterThan(0);
    expect(generated[i]).toBeLessThanOrEqual(most);
  }

  const status = async (path: string, headers: Record<string, string> = {}) => (await fetch(url + path, { headers })).status;
  for (const path of ["/v1/models", "/v1/files", "/api/tags", "/gateway/state", "/metrics", "/v1/admin/models", "/v2"])
    expect([path, await status(path)]).toEqual([path, 401]);
  for (const path of ["/v1/files", "/gateway/state", "/v1/admin/models"])
    expect([path, await status(path, bearer(key))]).toEqual([path, 403]);
  for (const path of ["/health", "/healthz", "/readyz", "/", "/api/session"]) expect([path, await status(path)]).toEqual([path, 200]);
  expect(await status("/api/overview")).toBe(401);

  // the demo key is told to a session alone
  const token = await tokenOf(cwd, url);
  const asked = async (headers = {}) => (await (await fetch(`${url}/api/session`, { headers })).json()) as { demo: { key: string } | null };
  expect((await asked()).demo).toBeNull();
  const entered = await fetch(await loginUrl(cwd, url), { redirect: "manual" });
  const { demo } = await asked({ cookie: entered.headers.get("set-cookie")!.split(";")[0]! });
  expect(demo).toEqual({ key, path: "/v1/completions", body: { model: expect.any(String), prompt: "Dear ", max_tokens: 40 } });
  const asConsole = async (path: string) => (await fetch(url + path, { headers: bearer(token) })).json() as Promise<never>;
  const usage = (await asConsole("/gateway/usage")) as { data: { subject: string; requests: number; outputTokens: number }[] };
  expect(usage.data).toMatchObject([{ subject: "demo", requests: 3, outputTokens: generated.reduce((a, b) => a + b) }]);
  const metrics = await (await fetch(`${url}/metrics`, { headers: bearer(token) })).text();
  expect(metrics).toMatch(/^loam_gateway_requests_total/m);
  expect(metrics).toMatch(/^loam_running/m);
  const helps = metrics.match(/^# HELP \S+/gm)!;
  expect(helps.length).toBe(new Set(helps).size);
  const ids = ((await asConsole("/v1/models")) as { data: { id: string }[] }).data.map(m => m.id);
  expect(ids).toEqual(expect.arrayContaining(["toy"]));
  expect((await client.models.list()).data.map(m => m.id)).toEqual(["toy"]);

  // a real gateway answers as its document says, and so does the server behind it
  for (const [description, paths] of [
    [
      "/gateway/openapi.json",
      ["state", "limits", "keys", "usage", "requests", "principals", "policies", "changes"].map(p => `/gateway/${p}`),
    ],
    ["/api/openapi.json", ["overview", "models", "runs", "evaluations", "releases", "serving", "engine"].map(p => `/api/${p}`)],
  ] as const) {
    const check = answerChecker(await asConsole(description));
    for (const path of paths) expect(check(`GET ${path}`, await asConsole(path)), path).toEqual([]);
  }
  // changes are told to whoever may read the console; the stream is left open, and the shutdown below does not wait for it
  expect([await status("/api/events"), await status("/api/events", bearer(key))]).toEqual([401, 403]);
  const events = (await fetch(`${url}/api/events`, { headers: bearer(token) })).body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await events.read()).value).toMatch(/^event: changes\ndata: /);

  // a change of the file is taken up while it runs
  const file = join(cwd, "loam.yaml");
  await writeFile(file, (await readFile(file, "utf8")).replace("endpoints: [chat, completions, models]", "endpoints: [models]"));
  await expect
    .poll(() => client.completions.create({ model: "toy", prompt: "x", max_tokens: 1 }).catch(e => e.status), { timeout: 20_000 })
    .toBe(403);

  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
  // verbs read the project's part, the state outlives the server, and so does the key
  const listed = JSON.parse((await loam(["gateway", "keys", "list", "--json"], { cwd })).stdout.trim().split("\n").at(-1)!);
  expect(JSON.stringify(listed)).toContain(key.split("-").slice(0, 3).join("-"));
  expect((await loam(["gateway", "--check"], { cwd })).code).toBe(0);
  const refused = await loam(["gateway"], { cwd });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("`loam serve` starts both")]);
  const again = await served(cwd);
  expect(again.key).toBe(key);
  again.server.kill("SIGTERM");
  expect((await again.server.ended).code).toBe(0);
});

test("no demo key is given on an address that other machines reach, which is said, and the server serves", async () => {
  const cwd = await trainedToy({ more: part });
  const server = start(["serve", "--port", "0", "--host", "0.0.0.0", "--json"], { cwd });
  await server.says(/"event":"serving"/);
  server.kill("SIGTERM");
  const ended = await server.ended;
  expect(ended.code).toBe(0);
  expect(ended.stderr).toMatch(/gateway\.demoKey: no demo key is given/);
  expect(existsSync(join(cwd, ".loam", "gateway-demo.key"))).toBe(false);
});

test("a mistake in the part is told before the training", async () => {
  const cwd = toyProject({ more: part.replace("limits:", "limts:") });
  const ended = await loam(["run"], { cwd });
  expect(ended.code).not.toBe(0);
  expect(ended.stderr).toMatch(/gateway.*limts/s);
  expect(existsSync(join(cwd, ".loam", "record.db"))).toBe(false);
});

browserTest("the page shows what the demo used and has left, makes a key that opens and revokes it, and talks", async () => {
  const cwd = await trainedToy({ more: part });
  const { server, url, key } = await served(cwd);
  const ask = (secret: string) =>
    fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(secret) },
      body: JSON.stringify({ model: "toy", prompt: "Dear ", max_tokens: 3 }),
    }).then(r => r.status);
  expect([await ask(key), await ask(key)]).toEqual([200, 200]);
  await opened(await loginUrl(cwd, url), async page => {
    await page.goto(`${url}/#/gateway`);
    await page.getByRole("region", { name: "Demo key" }).getByText(key).waitFor();
    const limits = page.getByRole("region", { name: "Limits" });
    await limits.getByText(/10 of 12 left/).waitFor();
    await page.getByRole("img", { name: /^Requests a day: 2 in all/ }).waitFor();
    await page.getByRole("region", { name: "Requests", exact: true }).getByRole("rowheader", { name: "demo" }).nth(1).waitFor();
    // live: the next one is seen without a hand
    expect(await ask(key)).toBe(200);
    await limits.getByText(/9 of 12 left/).waitFor();

    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("What it is for").fill("ci");
    await page.getByLabel(/^Whose it is/).fill("mailer");
    await page.keyboard.press("Enter");
    const secret = (await page.locator(".action-result .code").textContent())!;
    expect(await ask(secret)).toBe(200);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Revoke ci" }).click();
    await page.getByRole("button", { name: "Revoke", exact: true }).click();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Revoke ci" }).waitFor({ state: "detached" });
    expect(await ask(secret)).toBe(401);

    const form = page.getByRole("form", { name: "Explain" });
    await form.getByLabel("be let in at").selectOption("/v1/embeddings");
    await form.getByRole("button", { name: "Explain" }).click();
    await page.getByText(/no policy allows embeddings/).waitFor();

    await page.getByRole("link", { name: "Playground", exact: true }).click();
    await page.getByLabel("Max tokens").fill("8");
    await page.getByLabel("Beginning of a text").fill("Dear ");
    await page.keyboard.press("Control+Enter");
    await page.locator('.exchange[aria-busy="false"]').waitFor();
    // what is drawn may be the end at once
    await expect.poll(() => page.locator(".exchange .written").textContent()).toMatch(/^Dear /);
    await page.getByRole("link", { name: "Gateway", exact: true }).click();
    await page.getByRole("region", { name: "Requests", exact: true }).getByRole("rowheader", { name: "loam-console" }).first().waitFor();
  });
  server.kill("SIGTERM");
  await server.ended;
});

browserTest("a gateway that stands alone asks its page for a key, once, and shows what that key may see", async () => {
  const cwd = temporaryFolder("gateway");
  await writeFile(
    join(cwd, "gateway.yaml"),
    `listen: { port: 0 }
upstreams: { local: { url: "http://127.0.0.1:9/v1" } }
models: { chat: { targets: [{ upstream: local }] } }
log: { to: none }
access:
  principals: { users: { ann: { roles: [admin] }, ben: {} } }
  policies: [{ id: all, effect: allow }]
`,
  );
  const keyOf = async (name: string) =>
    JSON.parse((await loam(["gateway", "keys", "create", `${name}-key`, "--subject", name, "--json"], { cwd })).stdout).secret as string;
  const [ann, ben] = [await keyOf("ann"), await keyOf("ben")];
  const gateway = start(["gateway", "--json"], { cwd });
  const url = (await gateway.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  // the browser itself notes each refusal
  await opened(
    `${url}/#/gateway`,
    async page => {
      await page.getByLabel("Login URL or API key").fill("sk-loam-wrong");
      await page.keyboard.press("Enter");
      await page.getByText("Not valid").waitFor();
      await page.getByLabel("Login URL or API key").fill(ben);
      await page.keyboard.press("Enter");
      await page
        .getByText(/needs the role admin or viewer/)
        .first()
        .waitFor();
      await page.getByRole("button", { name: "Forget the key" }).click();
      await page.getByLabel("Login URL or API key").fill(ann);
      await page.keyboard.press("Enter");
      await page.getByRole("region", { name: "Servers" }).getByRole("rowheader", { name: "local" }).waitFor();
      // kept for the tab, and nowhere else
      await page.reload();
      await page.getByRole("region", { name: "Servers" }).getByRole("rowheader", { name: "local" }).waitFor();
      expect(await page.evaluate("localStorage.length")).toBe(0);
      expect(await page.getByRole("navigation").getByRole("link").allInnerTexts()).toEqual(["Playground", "Gateway"]);
    },
    /status of (401|403)/,
  );
  gateway.kill("SIGTERM");
  await gateway.ended;
});

browserTest("review cases are taken, approved, refused and undone by keys alone", async () => {
  const cwd = temporaryFolder("review");
  await writeFile(
    join(cwd, "gateway.yaml"),
    `listen: { port: 0 }
upstreams: { local: { url: "http://127.0.0.1:9/v1" } }
models: { chat: { targets: [{ upstream: local }], guards: [reviewer] } }
guards: { reviewer: { kind: person, holds: all, timeout: 1ms } }
log: { to: none }
access:
  principals: { users: { ann: { roles: [admin] } } }
  policies: [{ id: all, effect: allow }]
`,
  );
  const made = await loam(["gateway", "keys", "create", "ann-key", "--subject", "ann", "--json"], { cwd });
  const ann = JSON.parse(made.stdout).secret as string;
  const gateway = start(["gateway", "--json"], { cwd });
  const url = (await gateway.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  const ids: string[] = [];
  for (const content of ["first text", "second text", "third text"]) {
    const refused = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(ann) },
      body: JSON.stringify({ model: "chat", messages: [{ role: "user", content }] }),
    });
    ids.push(refused.headers.get("x-loam-appeal")!.split(" ")[0]!);
  }
  const decided = async () => {
    const { data } = (await (await fetch(`${url}/gateway/review?state=decided`, { headers: bearer(ann) })).json()) as {
      data: { id: string; decision: string }[];
    };
    return Object.fromEntries(data.map(c => [c.id, c.decision]));
  };
  await opened(
    `${url}/#/gateway`,
    async page => {
      await page.getByLabel("Login URL or API key").fill(ann);
      await page.keyboard.press("Enter");
      const list = page.getByRole("listbox", { name: "Cases that wait" });
      await list.focus();
      expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
      await page.keyboard.press("Enter");
      await page.getByText("first text").waitFor();
      await page.keyboard.press("r");
      await page.getByText(/^Refused /).waitFor();
      await page.keyboard.press("u");
      await expect.poll(() => list.getByRole("option").count()).toBe(3);
      await page.keyboard.press("j");
      await page.keyboard.press("k");
      await page.keyboard.press("Enter");
      await page.getByText("first text").waitFor();
      await page.keyboard.press("a");
      await page.keyboard.press("Enter");
      await page.getByText("second text").waitFor();
      if (process.env.LOAM_SCREENSHOTS) await page.screenshot({ path: join(process.env.LOAM_SCREENSHOTS, "review.png") });
      // the next vote sends the one before
      await page.keyboard.press("r");
      await expect.poll(decided).toEqual({ [ids[0]!]: "approve", [ids[1]!]: "refuse" });
      await expect.poll(() => list.getByRole("option").count()).toBe(1);
    },
    /status of (401|403)/,
  );
  gateway.kill("SIGTERM");
  await gateway.ended;
});

browserTest("every part of the page is reached by keys, and days are walked by arrows", async () => {
  const fake = await serveFake(join(root, "console/dist"));
  try {
    await opened(`${fake.url}#/gateway`, async page => {
      const chart = page.getByRole("img", { name: /^Requests a day: .* in all, most on/ });
      await chart.focus();
      const legend = page.locator(".day-bars .chart-where");
      const before = await legend.textContent();
      await page.keyboard.press("ArrowLeft");
      await expect.poll(() => legend.textContent()).not.toBe(before);
      await page.keyboard.press("ArrowRight");
      await expect.poll(() => legend.textContent()).toBe(before);
      await page.getByRole("radio", { name: "Cost" }).check();
      await page.getByRole("radio", { name: "Model" }).check();
      await page.getByRole("img", { name: /^Cost a day: .* EUR in all/ }).waitFor();
      await page.getByRole("radio", { name: "Denied" }).check();
      const requests = page.getByRole("region", { name: "Requests", exact: true });
      await expect.poll(() => requests.locator("tbody tr").count()).toBe(2);
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save as CSV" }).click();
      expect((await download).suggestedFilename()).toMatch(/^usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
    });
  } finally {
    await fake.close();
  }
});
