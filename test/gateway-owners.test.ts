/**
 * Stored objects behind a project's gateway: every route of the server's contracts that names one is asked with two real keys over HTTP. The routes are
 * read from the contracts' own tables, so that one that is added without a check of the owner fails here.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterAll, expect, test } from "vitest";
import { checkConfig } from "../src/gateway/config/read-config.ts";
import type { ControlGiven } from "../src/gateway/control-config.ts";
import { type TestGateway, testGateway } from "../src/gateway/fakes.ts";
import { gatewayFeedback, runFeedback } from "../src/project/watching/feedback/index.ts";
import { ownerHeader } from "../src/protocols/index.ts";
import { type App, createApp } from "../src/serve/http/app.ts";
import { withoutPrefix } from "../src/serve/http/contract.ts";
import { contracts } from "../src/serve/http/contracts.ts";
import { speaker } from "../src/serve/http/fakes.ts";
import { callerBehindGateway } from "../src/serve/http/owner.ts";
import { openStore } from "../src/store/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { chatTemplate } from "../src/text/index.ts";
import { TuneJobs } from "../src/tune/index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-owners-"));
const device = openDevice("cpu", { threads: 1 });
const template = chatTemplate("{%- for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor -%}<assistant>");
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: template });
said.text = "Hello.";
const failures: unknown[] = [];
const filesFolder = join(folder, "files");

/** What a server without owners left: a file, a batch, a fine-tuning job. */
const legacy = { file: `file-${"0".repeat(32)}`, batch: `batch-${"0".repeat(32)}`, job: `ftjob-${"0".repeat(24)}` };
function leaveLegacy(jobs: string): void {
  const put = (path: string, value: unknown) => writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  const file = { id: legacy.file, object: "file", bytes: 3, created_at: 1, filename: "old.jsonl", purpose: "batch", status: "processed" };
  put(join(filesFolder, `${legacy.file}.json`), file);
  put(join(filesFolder, `${legacy.file}.data`), "{}\n");
  put(join(filesFolder, `${legacy.batch}.json`), {
    id: legacy.batch,
    object: "batch",
    status: "completed",
    created_at: 1,
    input_file_id: legacy.file,
  });
  const job = { id: legacy.job, object: "fine_tuning.job", status: "succeeded", created_at: 1, metadata: null };
  put(join(jobs, legacy.job, "job.json"), { job, base: "speaker@1", name: "ft-old", tune: null, version: null, checkpoints: [] });
}

const jobsFolder = join(folder, "jobs");
for (const path of [filesFolder, join(jobsFolder, legacy.job)]) mkdirSync(path, { recursive: true });
leaveLegacy(jobsFolder);

const record = await openStore({ root: join(folder, "record") });
const feedback = runFeedback(record, undefined, text => failures.push(text))!;

const apps: App[] = [];
const openApp = (behind: boolean, files: string): App => {
  const app = createApp({
    engines: [said.engine],
    filesFolder: files,
    feedback: feedback.port,
    responses: feedback,
    onFailure: e => failures.push(e),
    ...(behind
      ? { callerOf: callerBehindGateway, batchLine: (request: Request, note: string | null) => gateway.gateway.askFor(note, request) }
      : {}),
    fineTuning: keepFile =>
      new TuneJobs({
        folder: jobsFolder,
        shown: "jobs",
        // nothing is trained: jobs stay where they were left
        launch: () => ({ ended: new Promise(() => {}), stop: () => {} }),
        baseOf: async model => `${model}@1`,
        keepFile,
        serve: async () => {},
        remove: async () => {},
        now: () => Date.now(),
        parallel: 1,
        checkpointSeconds: 30,
        checkpoints: 1,
        onFailure: e => failures.push(e),
      }),
  });
  apps.push(app);
  return app;
};
const app = openApp(true, filesFolder);

const subjects = ["ann", "bob", "root", "bot", "bot2"] as const;
type Subject = (typeof subjects)[number];
const access: ControlGiven = {
  principals: {
    teams: { mail: {} },
    users: { ann: {}, bob: {}, root: { roles: ["admin"] } },
    serviceAccounts: { bot: { teams: ["mail"] }, bot2: { teams: ["mail"] } },
  },
  policies: [{ id: "all", effect: "allow" }],
};
const here = (request: Request) => app.fetch(request);
const file = {
  state: "memory:",
  log: { to: "none" },
  access,
  upstreams: { loam: { url: "http://127.0.0.1/v1" } },
  models: { speaker: { targets: [{ upstream: "loam", model: "speaker" }] } },
};
const config = await checkConfig(file, "gateway.yaml", ".");
const upstreams = new Map([["loam", { ...config.upstreams.get("loam")!, here }]]);
const gateway: TestGateway = await testGateway(file, {
  access,
  config: { ...config, upstreams },
  server: (request, authorize) => app.fetch(request, undefined, authorize),
  later: { own: [] },
  feedback: gatewayFeedback(feedback),
});
const keys = {} as Record<Subject, string>;
const clients = {} as Record<Subject, OpenAI>;
for (const subject of subjects) {
  const { secret } = await gateway.gateway.control.keys.create({ name: subject, subject }, "test");
  keys[subject] = secret;
  clients[subject] = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
}
afterAll(async () => {
  for (const one of apps) one.close();
  await gateway.close();
  await feedback.close();
  await record.close();
  rmSync(folder, { recursive: true, force: true });
  expect([...failures, ...gateway.failures]).toEqual([]);
});

const send = async (who: Subject, method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${keys[who]}`, ...(body ? { "content-type": "application/json" } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, text: await response.text() };
};
const upload = async (who: Subject, purpose: "batch" | "fine-tune" = "batch") => {
  const line = { custom_id: "one", method: "POST", url: "/v1/responses", body: { model: "speaker", input: "hi", max_output_tokens: 8 } };
  return (await clients[who].files.create({ file: await toFile(Buffer.from(`${JSON.stringify(line)}\n`), "in.jsonl"), purpose })).id;
};
const begin = async (who: Subject) =>
  (await clients[who].batches.create({ input_file_id: await upload(who), endpoint: "/v1/responses", completion_window: "24h" })).id;
const respond = (who: Subject, more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {}) =>
  clients[who].responses.create({ model: "speaker", input: "hi", max_output_tokens: 8, ...more });
const train = async (who: Subject) =>
  (await clients[who].fineTuning.jobs.create({ model: "speaker", training_file: await upload(who, "fine-tune") })).id;
const label = async (who: Subject) => {
  const { id } = await respond(who);
  expect((await send(who, "POST", "/v1/feedback", { request_id: id, score: 1, source: "test" })).status).toBe(201);
  return id;
};

/** The collections of stored objects. One that is added has its row here, or its routes fail below. */
const collections: Readonly<Record<string, { make(who: Subject): Promise<string>; readonly isListed: boolean }>> = {
  "/v1/files": { make: who => upload(who), isListed: true },
  "/v1/batches": { make: begin, isListed: true },
  "/v1/fine_tuning/jobs": { make: train, isListed: true },
  "/v1/responses": { make: async who => (await respond(who)).id, isListed: false },
  "/v1/feedback": { make: label, isListed: false },
};
/** Parameters of paths that name what is served, not what is stored. */
const notStored = /:(model|target|version|label|name|slot|region|digest)\b/;
const routes = contracts.flatMap(contract => [...contract.routes, ...withoutPrefix(contract, contracts)]);
const naming = routes.filter(({ path }) => path.includes("/:") && !notStored.test(path));
const collectionOf = (path: string) =>
  Object.keys(collections).find(prefix => path.startsWith(`${prefix}/`) || path.startsWith(`${prefix.slice("/v1".length)}/`));
const other = (id: string): string => id.slice(0, -6) + (id.endsWith("000000") ? "111111" : "000000");

test("every route that names something stored is of a collection that is tested, and every collection has routes", () => {
  expect(naming.filter(({ path }) => collectionOf(path) === undefined)).toEqual([]);
  const lists = routes.filter(({ method, path }) => method === "GET" && path.startsWith("/v1/") && !path.includes(":"));
  const ofModels = ["/v1/models", "/v1/admin/models", "/v1/admin/adapters"];
  const known = Object.keys(collections).filter(prefix => collections[prefix]!.isListed);
  expect(lists.map(({ path }) => path).filter(path => !ofModels.includes(path))).toEqual(known);
  for (const prefix of Object.keys(collections)) expect(naming.some(({ path }) => collectionOf(path) === prefix)).toBe(true);
});

// what deletes comes last, so that the owner's turn finds the object
const order = { GET: 0, POST: 1, DELETE: 2 };
test.each(naming.toSorted((a, b) => order[a.method] - order[b.method]).map(r => [r.method, r.path] as const))(
  "tenant B cannot %s A's %s: it is told of as one that never was, also to an administrator, and A can",
  async (method, path) => {
    const id = await collections[collectionOf(path)!]!.make("ann");
    const at = (own: string) => path.replace(":id", own);
    const forged = Buffer.from(JSON.stringify({ owner: "user:ann", usesUnowned: true })).toString("base64url");
    for (const who of ["bob", "root", "bot"] as const) {
      const foreign = await send(who, method, at(id), undefined, { [ownerHeader]: forged });
      const unknown = await send(who, method, at(other(id)));
      expect([who, foreign.status]).toEqual([who, 404]);
      expect(foreign.text.replaceAll(id, "ID")).toBe(unknown.text.replaceAll(other(id), "ID"));
    }
    expect((await send("ann", method, at(id))).status).not.toBe(404);
  },
);

const fields: readonly (readonly [string, string, (id: string) => object, () => Promise<string>])[] = [
  [
    "previous_response_id",
    "/v1/responses",
    id => ({ model: "speaker", input: "x", previous_response_id: id }),
    async () => (await respond("ann")).id,
  ],
  [
    "item_reference",
    "/v1/responses",
    id => ({ model: "speaker", input: [{ type: "item_reference", id }] }),
    async () => (await respond("ann")).output[0]!.id!,
  ],
  ["input_file_id", "/v1/batches", id => ({ input_file_id: id, endpoint: "/v1/responses", completion_window: "24h" }), () => upload("ann")],
  ["training_file", "/v1/fine_tuning/jobs", id => ({ model: "speaker", training_file: id }), () => upload("ann", "fine-tune")],
];
test.each(fields)("tenant B cannot name A's object as %s, and A can", async (_, path, body, make) => {
  const id = await make();
  const [foreign, unknown] = [await send("bob", "POST", path, body(id)), await send("bob", "POST", path, body(other(id)))];
  expect(foreign.status).toBe(404);
  expect(foreign.text.replaceAll(id, "ID")).toBe(unknown.text.replaceAll(other(id), "ID"));
  expect((await send("ann", "POST", path, body(id))).status).toBe(200);
});
test("tenant B cannot validate a model on A's file", async () => {
  const [own, foreign] = [await upload("bob", "fine-tune"), await upload("ann", "fine-tune")];
  const body = { model: "speaker", training_file: own, validation_file: foreign };
  expect((await send("bob", "POST", "/v1/fine_tuning/jobs", body)).status).toBe(404);
});

const listed = async (who: Subject, path: string): Promise<string[]> =>
  (JSON.parse((await send(who, "GET", `${path}?limit=1000`)).text) as { data: { id: string }[] }).data.map(o => o.id);
test.each(Object.entries(collections).filter(([, c]) => c.isListed))(
  "a list of %s has one's own and nothing else",
  async (path, { make }) => {
    expect(routes.some(r => r.method === "GET" && r.path === path)).toBe(true);
    const [before, ofBob] = [await listed("ann", path), await make("bob")];
    const own = await make("ann");
    expect((await listed("ann", path)).filter(id => !before.includes(id)).length).toBeGreaterThanOrEqual(1);
    expect(await listed("ann", path)).toContain(own);
    expect(await listed("ann", path)).not.toContain(ofBob);
    expect(await listed("root", path)).not.toContain(own);
    // a page cannot be begun behind another's object
    const [foreign, unknown] = [
      await send("ann", "GET", `${path}?after=${ofBob}`),
      await send("ann", "GET", `${path}?after=${other(ofBob)}`),
    ];
    expect(foreign.status).toBe(400);
    expect(foreign.text.replaceAll(ofBob, "ID")).toBe(unknown.text.replaceAll(other(ofBob), "ID"));
    expect(JSON.stringify(await listed("ann", path)) + (await send("ann", "GET", path)).text).not.toMatch(/owner|user:ann|caller/);
  },
);

test("the lines of A's batch run as A, and its output is A's alone", async () => {
  const id = await begin("ann");
  let batch = await clients.ann.batches.retrieve(id);
  while (batch.status !== "completed") {
    await new Promise(resolve => setTimeout(resolve, 20));
    batch = await clients.ann.batches.retrieve(id);
  }
  const text = await (await clients.ann.files.content(batch.output_file_id!)).text();
  const { response } = JSON.parse(text) as { response: { body: { id: string } } };
  expect((await clients.ann.responses.retrieve(response.body.id)).id).toBe(response.body.id);
  expect((await send("bob", "GET", `/v1/responses/${response.body.id}`)).status).toBe(404);
  expect((await send("bob", "GET", `/v1/files/${batch.output_file_id}/content`)).status).toBe(404);
  expect(await listed("bob", "/v1/files")).not.toContain(batch.output_file_id);
});

test("a user's second key has what the first stored, and service accounts of one team have the team's", async () => {
  const { secret } = await gateway.gateway.control.keys.create({ name: "second", subject: "ann" }, "test");
  const second = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
  const { id } = await respond("ann");
  expect((await second.responses.retrieve(id)).id).toBe(id);
  const ofTeam = await respond("bot");
  expect((await respond("bot2", { previous_response_id: ofTeam.id })).previous_response_id).toBe(ofTeam.id);
  expect((await send("ann", "GET", `/v1/responses/${ofTeam.id}`)).status).toBe(404);
});

test("what was stored before objects had owners is an administrator's, and nobody else's", async () => {
  const paths = [
    `/v1/files/${legacy.file}`,
    `/v1/files/${legacy.file}/content`,
    `/v1/batches/${legacy.batch}`,
    `/v1/fine_tuning/jobs/${legacy.job}`,
  ];
  for (const path of paths) {
    expect([path, (await send("root", "GET", path)).status]).toEqual([path, 200]);
    for (const who of ["ann", "bot"] as const) expect([path, (await send(who, "GET", path)).status]).toEqual([path, 404]);
  }
  expect(await listed("root", "/v1/files")).toContain(legacy.file);
  expect(await listed("ann", "/v1/files")).not.toContain(legacy.file);
});

test("a plain server has one anonymous owner, whatever a client's headers say, and no tenant's objects", async () => {
  const mine = await upload("ann");
  const plain = openApp(false, filesFolder);
  const forged = Buffer.from(JSON.stringify({ owner: "user:ann", usesUnowned: true })).toString("base64url");
  const status = async (path: string, init: RequestInit = {}) => (await plain.fetch(new Request(`http://127.0.0.1${path}`, init))).status;
  expect(await status(`/v1/files/${legacy.file}`)).toBe(200);
  for (const headers of [{}, { [ownerHeader]: forged }]) expect(await status(`/v1/files/${mine}`, { headers })).toBe(404);
  const body = JSON.stringify({ model: "speaker", input: "hi", max_output_tokens: 8 });
  const headers = { "content-type": "application/json", [ownerHeader]: forged };
  const made = (await (await plain.fetch(new Request("http://127.0.0.1/v1/responses", { method: "POST", body, headers }))).json()) as {
    id: string;
  };
  expect(await status(`/v1/responses/${made.id}`)).toBe(200);
});
