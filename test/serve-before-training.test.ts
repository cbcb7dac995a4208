/** A server that is started before the first training: reachable, not ready and saying why; the first version is served as soon as it is registered. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, start } from "./support/child.ts";
import { signedIn } from "./support/login.ts";
import { temporaryFolder } from "./support/project.ts";

const smaller = {
  "vocab: 512": "vocab: 300",
  "layers: 2": "layers: 1",
  "width: 96": "width: 32",
  "heads: 3": "heads: 2",
  "tokens: 240k": "tokens: 8k",
};

/** A new project with a model that is trained within seconds. */
async function newProject(more = ""): Promise<string> {
  const parent = temporaryFolder();
  expect((await loam(["init", "little"], { cwd: parent })).code).toBe(0);
  const cwd = join(parent, "little");
  const file = join(cwd, "loam.yaml");
  const yaml = Object.entries(smaller).reduce((text, [from, to]) => text.replace(from, to), await readFile(file, "utf8"));
  await writeFile(file, `${yaml}\ndevice: { threads: 1 }\n${more}`);
  return cwd;
}

const answer = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return [response.status, await response.json()];
};

test("without a trained model the server is not ready and says what to run; the first version is served once it is registered", async () => {
  const cwd = await newProject();
  const server = start(["serve", "--port", "0", "--json"], { cwd });
  try {
    const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
    const reason = "little: no version is registered yet. Run `loam run`; the first version is served as soon as it is registered.";
    expect(await answer(`${url}/readyz`)).toEqual([503, { status: "not ready", reason, models: {} }]);
    expect(await answer(`${url}/v1/models`)).toEqual([200, { object: "list", data: [] }]);
    const asked = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "little", prompt: "Dear " }),
    };
    expect(await answer(`${url}/v1/completions`, asked)).toMatchObject([404, { error: { code: "model_not_found" } }]);
    const headers = await signedIn(cwd, url);
    expect(await answer(`${url}/api/overview`, { headers })).toMatchObject([200, { project: "little", model: null, noModels: reason }]);

    const ran = await loam(["run"], { cwd });
    expect(ran.code, ran.stderr).toBe(0);
    await server.says(/"event":"loaded","model":"little@1"/);
    expect(await answer(`${url}/readyz`)).toEqual([200, { status: "ready", models: { "little@1": "ready" } }]);
    expect(await answer(`${url}/v1/completions`, asked)).toMatchObject([200, { model: "little" }]);
    expect(await answer(`${url}/api/overview`, { headers })).toMatchObject([200, { model: { id: "little@1" }, noModels: null }]);
  } finally {
    server.kill("SIGTERM");
    await server.ended;
  }
});

test("of two models of loam.yaml the trained one is served, and the other as soon as its first version is registered", async () => {
  const cwd = await newProject();
  const file = join(cwd, "loam.yaml");
  const yaml = await readFile(file, "utf8");
  const second = yaml.match(/^ {2}little:\n(?: {4}.*\n)+/m)![0].replace("little:", "other:");
  await writeFile(
    file,
    `${yaml.replace(/^models:.*\n/m, `$&${second}`).replace(/^serve:.*\n(?: .*\n)*/m, "")}serve: { models: { little: {}, other: {} } }\n`,
  );
  expect((await loam(["run", "--model", "little"], { cwd })).code).toBe(0);
  const server = start(["serve", "--port", "0", "--json"], { cwd });
  try {
    const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
    expect(await answer(`${url}/readyz`)).toEqual([200, { status: "ready", models: { "little@1": "ready" } }]);
    expect((await loam(["run", "--model", "other"], { cwd })).code).toBe(0);
    await server.says(/"event":"loaded","model":"other@1"/);
    expect(await answer(`${url}/readyz`)).toEqual([200, { status: "ready", models: { "little@1": "ready", "other@1": "ready" } }]);
  } finally {
    server.kill("SIGTERM");
    await server.ended;
  }
});

test("a model that is named, or an option that needs one, is an error where no version is there", async () => {
  const cwd = await newProject();
  for (const args of [["little"], ["--any-name"], ["--served-model-name", "other"]]) {
    const { code, stderr } = await loam(["serve", ...args, "--port", "0"], { cwd });
    expect([code, stderr], args.join(" ")).toEqual([expect.not.stringMatching("^0$"), expect.stringContaining("little")]);
    expect(code, args.join(" ")).not.toBe(0);
  }
});

test("loam console serves no model with --no-models, behind a gateway too, and stops in order", async () => {
  const cwd = await newProject("gateway: { demoKey: demo, access: { principals: { serviceAccounts: { demo: {} } } } }\n");
  const server = start(["console", "--no-models", "--no-open", "--port", "0", "--json"], { cwd });
  const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
  expect((await fetch(`${url}/`, { headers: { accept: "text/html" } })).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("a project that serves an imported model says how to import it", async () => {
  const parent = temporaryFolder();
  expect((await loam(["init", "helper", "--template", "serve"], { cwd: parent })).code).toBe(0);
  const server = start(["serve", "--port", "0", "--json"], { cwd: join(parent, "helper") });
  try {
    const url = (await server.says(/"event":"serving","url":"([^"]+)"/))[1]!;
    const reason =
      "helper: no version is registered yet. Run `loam models import PATH --name helper`; it is served as soon as it is registered.";
    expect(await answer(`${url}/readyz`)).toMatchObject([503, { reason }]);
  } finally {
    server.kill("SIGTERM");
    await server.ended;
  }
});
