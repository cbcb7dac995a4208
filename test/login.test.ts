/**
 * Who administers a server: `loam serve` alone, `loam serve` behind its gateway and `loam gateway` as processes of their own, behind a real nginx, beside
 * pages of other origins in a real browser, and with the token file. No address, Host, Origin or bind is a credential.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { chromiumArguments, findChromium } from "../console/dev/chromium.ts";
import { loam, type Running, start } from "./support/child.ts";
import { loginUrl, signedIn } from "./support/login.ts";
import { findNginx, type NginxForm, nginxForms, rawRequest, startNginx } from "./support/nginx.ts";
import { copyProject, temporaryFolder, trainedToy, writeToy } from "./support/project.ts";

const nginxTest = test.skipIf(!findNginx());
const whyNginx = findNginx() ? "" : " (skipped: no nginx in PATH or /usr/sbin, nor named by LOAM_NGINX)";
const browserTest = test.skipIf(!findChromium());
const whyBrowser = findChromium() ? "" : " (skipped: no Chromium in PATH, at /usr/bin/chromium or named by LOAM_CHROMIUM)";

const gatewayPart = `gateway:
  demoKey: demo
  access:
    principals: { serviceAccounts: { demo: {} } }
    policies: [{ id: demo, effect: allow, who: { subjects: [demo] } }]
`;
const labelsPart = `labels:
  mood:
    on: letters
    classes: [glad, sad]
`;

let trained: string;
beforeAll(async () => {
  trained = mkdtempSync(join(tmpdir(), "loam-login-"));
  await trainedToy({ tokens: 4_000 }, trained);
}, 600_000);
afterAll(() => rmSync(trained, { recursive: true, force: true }));

interface Served {
  readonly child: Running;
  readonly folder: string;
  readonly url: string;
  readonly port: number;
}

async function begin(child: Running, folder: string): Promise<Served> {
  const url = (await child.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  return { child, folder, url, port: Number(new URL(url).port) };
}
/** A copy of the trained project, served; `more` for its loam.yaml. */
async function served(more = "", args: readonly string[] = []): Promise<Served> {
  const folder = temporaryFolder("login");
  copyProject(trained, folder);
  writeToy(folder, { tokens: 4_000, more });
  return begin(start(["serve", "--json", ...args], { cwd: folder, env: { LOAM_HOME: folder } }), folder);
}
async function gatewayAlone(): Promise<Served> {
  const folder = temporaryFolder("login-gateway");
  const file = `listen: { port: 0 }
upstreams: { local: { url: "http://127.0.0.1:9/v1" } }
models: { chat: { targets: [{ upstream: local }] } }
access: { principals: { users: { ann: { roles: [admin] } } } }
`;
  await writeFile(join(folder, "gateway.yaml"), file);
  return begin(start(["gateway", "--json"], { cwd: folder, env: { LOAM_HOME: folder } }), folder);
}

type Try = readonly [method: string, path: string, body?: object];
/** Of the server itself. */
const ofServer: readonly Try[] = [
  ["GET", "/api/overview"],
  ["GET", "/api/models"],
  ["GET", "/api/runs"],
  ["GET", "/api/data"],
  ["GET", "/api/engine"],
  ["GET", "/api/serving"],
  ["GET", "/api/evaluations"],
  ["GET", "/api/labels"],
  ["GET", "/api/releases"],
  ["GET", "/%61pi/overview"],
  ["GET", "/v1/admin/models"],
  ["GET", "/v1/admin/adapters"],
  ["GET", "/v1/fine_tuning/jobs"],
  ["POST", "/v1/admin/load", { model: "toy@1" }],
  ["POST", "/v1/admin/unload", { model: "toy@1", force: true }],
  ["POST", "/v1/admin/label", { name: "toy", label: "x", version: 1 }],
  ["POST", "/v1/admin/split", { name: "toy" }],
  ["POST", "/v1/admin/policy", { name: "toy", policy: { latest: 1 } }],
  ["POST", "/v1/load_lora_adapter", { lora_name: "a", lora_path: "a" }],
  ["POST", "/v1/unload_lora_adapter", { lora_name: "a" }],
  ["POST", "/v1/fine_tuning/jobs", { model: "toy", training_file: "file-1" }],
  ["POST", "/v1/fine_tuning/jobs/ftjob-1/cancel", {}],
  ["POST", "/models", { model_name: "a", url: "toy@1" }],
  ["POST", "/api/labels/mood", { id: "letters:letter-1", label: "glad", by: "eve" }],
  ["POST", "/login/codes", {}],
  ["DELETE", "/models/a"],
  ["DELETE", "/v1/models/toy"],
];
const ofGateway: readonly Try[] = [
  ["GET", "/gateway/state"],
  ["GET", "/gateway/keys"],
  ["GET", "/metrics"],
  ["POST", "/gateway/keys", { name: "mine", subject: "demo" }],
  ["POST", "/gateway/reload", {}],
  ["POST", "/login/codes", {}],
];
/** What a client may write of itself. */
const claims: readonly Readonly<Record<string, string>>[] = [
  {},
  { host: "evil.example" },
  { host: "localhost" },
  { host: "127.0.0.1", origin: "http://127.0.0.1", "sec-fetch-site": "same-origin" },
  { host: "localhost", "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", forwarded: "for=127.0.0.1;host=localhost" },
  { host: "localhost", authorization: "Bearer console", cookie: "loam-session-8080=x; loam-console=y" },
];

/** Every route with every claim through every form of proxy: none is answered. */
async function nobodyGetsIn({ url }: Served, tries: readonly Try[]): Promise<void> {
  const through = await startNginx(url);
  for (const form of Object.keys(nginxForms) as NginxForm[])
    for (const headers of claims) {
      for (const [method, path, body] of tries) {
        const { status } = await through(form, path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
        // 403: a server on loopback answers to no foreign Host, whoever asks
        const wanted = headers.host === "evil.example" && form === "host" ? [401, 403] : [401];
        expect(wanted, `${form} ${JSON.stringify(headers)} ${method} ${path}: ${status}`).toContain(status);
      }
      const said = await through(form, "/api/session", { headers });
      if (said.status === 200) expect(JSON.parse(said.body)).toMatchObject({ access: "none", csrf: null, demo: null });
      else expect(said.status).toBe(403);
      expect(said.body).not.toMatch(/local-|console-|sk-loam/);
    }
}

const completion = JSON.stringify({ model: "toy", prompt: "Dear ", max_tokens: 3 });

nginxTest(`a reverse proxy does not make its clients administrators of loam serve${whyNginx}`, async () => {
  const server = await served(labelsPart);
  await nobodyGetsIn(server, ofServer);
  const through = await startNginx(server.url);
  // the symptom: nginx's default proxy_pass, a foreign Host, and a model taken out of service
  const unload = { method: "POST", headers: { host: "evil.example" }, body: JSON.stringify({ model: "toy@1", force: true }) };
  const refused = await through("plain", "/v1/admin/unload", unload);
  expect([refused.status, JSON.parse(refused.body).error.code, refused.headers["www-authenticate"]]).toEqual([
    401,
    "invalid_api_key",
    'Bearer realm="loam"',
  ]);
  // what is open stays open, through the proxy too
  for (const path of ["/healthz", "/readyz", "/ping", "/v2/health/live", "/v1/models", "/metrics", "/"])
    expect([path, (await through("plain", path)).status]).toEqual([path, 200]);
  expect((await through("plain", "/v1/completions", { method: "POST", body: completion })).status).toBe(200);
});

nginxTest(
  `a reverse proxy does not make its clients administrators of a project's gateway, nor hands out its demo key${whyNginx}`,
  async () => {
    const server = await served(gatewayPart + labelsPart);
    await nobodyGetsIn(server, [...ofServer, ...ofGateway, ["POST", "/v1/completions", JSON.parse(completion)]]);
  },
);

nginxTest(`a reverse proxy does not make its clients administrators of loam gateway${whyNginx}`, async () => {
  await nobodyGetsIn(await gatewayAlone(), ofGateway);
});

nginxTest(`through a reverse proxy a login code signs in once, and the session administers${whyNginx}`, async () => {
  for (const more of ["", gatewayPart]) {
    const server = await served(more);
    const through = await startNginx(server.url);
    const address = new URL(await loginUrl(server.folder, server.url, "https://loam.example.org/"));
    const path = `${address.pathname}${address.search}`;
    const first = await through("plain", path);
    expect([first.status, first.headers.location, first.headers["referrer-policy"], first.headers["cache-control"]]).toEqual([
      303,
      "./",
      "no-referrer",
      "no-store",
    ]);
    const cookie = String(first.headers["set-cookie"]).split(";")[0]!;
    expect(cookie).toMatch(new RegExp(`^loam-session-${server.port}=`));
    expect((await through("plain", path)).status).toBe(401);
    // how to send a token is no secret that is taken out of the sentence
    const refused = await through("plain", "/api/overview");
    expect([refused.status, refused.body]).toEqual([
      401,
      expect.stringMatching(/token in the header Authorization \(Bearer\)|Authorization: Bearer KEY/),
    ]);
    const { csrf } = JSON.parse((await through("plain", "/api/session", { headers: { cookie } })).body) as { csrf: string };
    expect((await through("plain", "/api/overview", { headers: { cookie } })).status).toBe(200);
    const write = (headers: Record<string, string>) =>
      through("plain", "/v1/admin/label", {
        method: "POST",
        headers: { cookie, ...headers },
        body: JSON.stringify({ name: "toy", label: "blue", version: 1 }),
      });
    const own = { origin: "https://loam.example.org", "sec-fetch-site": "same-origin", "x-loam-csrf": csrf };
    expect((await write(own)).status).toBe(200);
    const { "x-loam-csrf": _, ...noToken } = own;
    expect((await write(noToken)).status).toBe(403);
    expect((await write({ ...own, "sec-fetch-site": "same-site" })).status).toBe(403);
    expect((await write({ ...own, "sec-fetch-site": "cross-site", origin: "https://evil.example" })).status).toBe(403);
    expect((await through("plain", "/logout", { method: "POST", headers: { cookie, ...own } })).status).toBe(204);
    expect((await through("plain", "/api/overview", { headers: { cookie } })).status).toBe(401);
  }
});

test("the token file is its owner's alone, opens what a session opens, and goes with the server; --admin needs none", async () => {
  for (const more of ["", gatewayPart]) {
    const { child, folder, url, port } = await served(more);
    const file = join(folder, ".loam", "servers", `${port}.json`);
    if (process.platform !== "win32") expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    const headers = await signedIn(folder, url);
    for (const path of ["/api/overview", "/v1/admin/models", "/v1/fine_tuning/jobs"])
      expect([path, (await fetch(url + path, { headers })).status]).toEqual([path, 200]);
    child.kill("SIGTERM");
    expect((await child.ended).code).toBe(0);
    expect(() => statSync(file)).toThrow();
  }
  const open = await served("", ["--admin"]);
  expect((await fetch(`${open.url}/v1/admin/models`)).status).toBe(200);
  expect(await (await fetch(`${open.url}/api/session`)).json()).toMatchObject({ access: "open" });
});

test("loam login prints a fresh URL of the running server, which works once; a code is in no log of the server", async () => {
  for (const server of [await served(), await served(gatewayPart), await gatewayAlone()]) {
    const { child, folder, url } = server;
    const options = { cwd: folder, env: { LOAM_HOME: folder } };
    const made = await loam(["login", "--json"], options);
    expect(made).toMatchObject({ code: 0 });
    const { loginUrl: first } = JSON.parse(made.stdout.trim().split("\n").at(-1)!) as { loginUrl: string };
    const plain = await loam(["login", "--url", "https://loam.example.org/loam"], options);
    expect(plain.stdout).toMatch(/^https:\/\/loam\.example\.org\/loam\/login\?code=login-[\w-]{43}\n/);
    const codes = [first, plain.stdout.trim()].map(u => new URL(u).searchParams.get("code")!);
    const enter = async (code: string) => (await fetch(`${url}/login?code=${code}`, { redirect: "manual" })).status;
    expect([await enter(codes[0]!), await enter(codes[0]!), await enter(codes[1]!), await enter("login-wrong")]).toEqual([
      303, 401, 303, 401,
    ]);
    expect((await loam(["login", "--port", "1"], options)).code).toBe(2);
    child.kill("SIGTERM");
    const ended = await child.ended;
    const written = ended.stdout + ended.stderr;
    for (const secret of codes) expect(written).not.toContain(secret);
    expect(written).not.toMatch(/"token"|local-/);
    // the one that it printed itself
    expect(new Set(written.match(/login-[\w-]{43}/g))).toHaveProperty("size", 1);
    expect((await loam(["login"], options)).stderr).toMatch(/expected a running server/);
  }
});

test("verbs that talk to a running gateway use its token file", async () => {
  const { folder, url } = await gatewayAlone();
  const options = { cwd: folder, env: { LOAM_HOME: folder, LOAM_GATEWAY_KEY: "" } };
  expect(await loam(["gateway", "keys", "create", "ci", "--subject", "ann", "--url", url], options)).toMatchObject({ code: 0 });
  expect(await loam(["gateway", "reload", "--url", url], options)).toMatchObject({ code: 0 });
  // never to another address
  const other = createServer((request, response) => response.end(JSON.stringify({ seen: request.headers.authorization ?? null })));
  await new Promise<void>(resolve => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const refused = await loam(["gateway", "reload", "--url", `http://127.0.0.1:${(other.address() as AddressInfo).port}`], options);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("LOAM_GATEWAY_KEY")]);
});

test("a path that does not decode reaches no administration, with or without the demo key", async () => {
  for (const more of ["", gatewayPart]) {
    const { port, folder } = await served(more + labelsPart);
    const key = more === "" ? undefined : readFileSync(join(folder, ".loam", "gateway-demo.key"), "utf8").trim();
    const paths = ["/%61pi/labels/%ff?by=eve", "/%61pi/labels/mood?by=eve", "/%61pi/overview%ff", "/%61pi/overview", "/v1/%61dmin/models"];
    for (const path of [...paths, "/v1/%61dmin/models%ff", "/v1/fine%5ftuning/jobs/%ff", "/%2561pi/overview", "/api%2foverview"])
      for (const authorization of key === undefined ? [undefined] : [undefined, `Bearer ${key}`]) {
        const { status, headers } = await rawRequest({ port }, path, authorization === undefined ? {} : { headers: { authorization } });
        // what is no address is the page's own
        const isPage = status === 200 && String(headers["content-type"]).startsWith("text/html");
        expect(isPage || status >= 400, `${path} ${authorization}: ${status}`).toBe(true);
      }
  }
});

browserTest(`the login URL opens the console once, its code leaves the address, and logging out closes it${whyBrowser}`, async () => {
  for (const more of ["", gatewayPart]) {
    const { url, folder } = await served(more);
    const browser = await chromium.launch({ executablePath: findChromium()!, args: chromiumArguments });
    try {
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${url}/#/models`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      const link = await loginUrl(folder, url);
      await page.goto(link);
      await page.getByRole("button", { name: "Log out" }).waitFor();
      expect(page.url()).toBe(`${url}/`);
      expect(await page.evaluate("document.cookie")).toBe("");
      await page.goto(`${url}/#/models`);
      await page.getByText("toy@1").first().waitFor();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      expect(await page.evaluate(`fetch("/api/overview").then(r => r.status)`)).toBe(401);
      // a code that is pasted, as the whole URL
      await page.getByLabel(/^Login URL/).fill("login-wrong");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      await page.getByLabel(/^Login URL/).fill(await loginUrl(folder, url));
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Log out" }).waitFor();
      const other = await (await browser.newContext()).newPage();
      expect((await other.goto(link))!.status()).toBe(401);
    } finally {
      await browser.close();
    }
  }
});

browserTest(`a page of another port, of another name, and of a rebound name uses nobody's session${whyBrowser}`, async () => {
  for (const more of ["", gatewayPart]) {
    const { url, port, folder } = await served(more);
    const stranger = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>x</title>"));
    await new Promise<void>(resolve => stranger.listen(0, "127.0.0.1", resolve));
    const strangerPort = (stranger.address() as AddressInfo).port;
    const browser = await chromium.launch({
      executablePath: findChromium()!,
      args: [...chromiumArguments, "--host-resolver-rules=MAP *.example 127.0.0.1"],
    });
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(await loginUrl(folder, url));
      await page.getByRole("button", { name: "Log out" }).waitFor();
      const csrf = (await page.evaluate(`fetch("/api/session").then(r => r.json()).then(s => s.csrf)`)) as string;
      // the page itself may
      const unload = (at: string, token: string) => `fetch("${at}/v1/admin/label", { method: "POST", credentials: "include", mode: "MODE",
        headers: { "content-type": "TYPE"${token} }, body: JSON.stringify({ name: "toy", label: "stolen", version: 1 }) }).then(r => r.status, () => "refused")`;
      const asOwn = unload("", `, "x-loam-csrf": "${csrf}"`).replace("MODE", "same-origin").replace("TYPE", "application/json");
      expect(await page.evaluate(asOwn.replace("stolen", "mine"))).toBe(200);
      const seen: string[] = [];
      // a tab of its own: what the console's own page asks meanwhile does not count
      const other = await context.newPage();
      other.on("response", r => r.url().startsWith(url) && seen.push(`${r.request().method()} ${r.status()}`));
      for (const origin of [`http://127.0.0.1:${strangerPort}`, `http://evil.example:${strangerPort}`]) {
        await other.goto(`${origin}/`);
        expect(await other.evaluate(`fetch("${url}/api/overview", { credentials: "include" }).then(r => r.status, () => "refused")`)).toBe(
          "refused",
        );
        for (const [mode, type, token] of [
          ["no-cors", "text/plain", ""],
          ["cors", "application/json", `, "x-loam-csrf": "${csrf}"`],
        ] as const)
          await other.evaluate(unload(url, token).replace("MODE", mode).replace("TYPE", type));
        await other.evaluate(`const f = document.createElement("form"); f.method = "POST"; f.action = "${url}/logout";
          document.body.append(f); f.submit()`);
        await other.waitForURL(`${url}/logout`);
      }
      expect(seen.filter(s => /^(GET|POST) 2/.test(s))).toEqual([]);
      // a name of elsewhere that points here has no cookie of ours
      await page.goto(`http://rebound.example:${port}/`);
      const status = await page.evaluate(`fetch("/api/overview").then(r => r.status)`);
      expect([401, 403]).toContain(status);
      await page.goto(`${url}/#/models`);
      await page.getByRole("button", { name: "Log out" }).waitFor();
      const listed = await (await fetch(`${url}/v1/admin/models`, { headers: await signedIn(folder, url) })).text();
      expect(listed).toContain("mine");
      expect(listed).not.toContain("stolen");
    } finally {
      await browser.close();
      stranger.close();
    }
  }
});
