/** Feedback from end to end: docs/feedback.md runs as it stands, and whose responses a key may label: with keys, behind a gateway, on two servers. */
import { execFile } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openProject, type ProjectServer } from "../src/project/index.ts";
import { loam, root } from "./support/child.ts";
import { copyProject, temporaryFolder, writeToy } from "./support/project.ts";

const run = promisify(execFile);
const page = readFileSync(join(root, "docs/feedback.md"), "utf8");

interface Answered {
  readonly status: number;
  readonly id: string;
  readonly body: Record<string, unknown>;
}

const as =
  (server: Pick<ProjectServer, "url">, key?: string) =>
  async (method: string, path: string, body?: object): Promise<Answered> => {
    const response = await fetch(server.url + path, {
      method,
      headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, id: response.headers.get("x-request-id")!, body: (await response.json()) as Answered["body"] };
  };
type Call = ReturnType<typeof as>;
const ask = (call: Call) => call("POST", "/v1/completions", { model: "toy", prompt: "Dear ", max_tokens: 3 });
const say = (call: Call, request_id: string, score: boolean) => call("POST", "/v1/feedback", { request_id, source: "end-user", score });

/** Trained once; each test has a copy. */
let first: string;
beforeAll(async () => {
  first = mkdtempSync(join(tmpdir(), "loam-feedback-"));
  writeToy(first, { tokens: 4_000 });
  await using project = await openProject(first);
  await project.run("toy");
});
afterAll(() => rmSync(first, { recursive: true, force: true }));

function copied(): string {
  const folder = temporaryFolder("feedback");
  copyProject(first, folder);
  return folder;
}

test("the page's example prints what the page says, and the quality stands afterwards, also after a restart", async () => {
  const folder = copied();
  const [code, printed] = [/^```js\n([\s\S]*?)^```$/m.exec(page)![1]!, /prints\n\n```\n([\s\S]*?)^```$/m.exec(page)![1]!];
  const place = temporaryFolder("feedback-page");
  {
    await using project = await openProject(folder);
    const server = await project.serve({ port: 0 });
    writeFileSync(join(place, "feedback.mjs"), code.replace("http://127.0.0.1:8080", server.url));
    expect((await run(process.execPath, [join(place, "feedback.mjs")])).stdout).toBe(printed);
    await server.close();
  }
  await using again = await openProject(folder);
  const [quality] = await again.watch.quality("toy");
  expect(quality!.versions[0]).toMatchObject({ version: 1, responses: 1, true: { requests: 1, score: { value: 0, low: 0 } } });
  expect(quality!.versions[0]!.true.score!.high.toFixed(3)).toBe(/mean score 0\.000 \[0\.000, ([\d.]+)\]/.exec(page)![1]);
  const told = await loam(["watch", "quality", "toy"], { cwd: folder });
  expect(told.stdout.replace(/ +/g, " ")).toContain(/`loam watch quality toy` then says `([^`]+)`/.exec(page)![1]);
  expect(await again.watch.labelled("toy")).toMatchObject([{ version: 1, truth: { score: 0, isTrusted: false } }]);
});

test("a label that comes before its request is refused as unknown, and belongs to the request once it has come", async () => {
  const folder = copied();
  await using project = await openProject(folder);
  const server = await project.serve({ port: 0, apiKeys: ["key-of-ann", "key-of-bob"] });
  const [ann, bob] = [as(server, "key-of-ann"), as(server, "key-of-bob")];
  const early = await say(ann, "chosen-1", true);
  expect(early.status).toBe(404);
  // another owner's label of the same id is not ann's
  expect((await say(bob, "chosen-1", false)).status).toBe(404);
  const response = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer key-of-ann", "x-request-id": "chosen-1" },
    body: JSON.stringify({ model: "toy", prompt: "Dear ", max_tokens: 3 }),
  });
  expect([response.status, response.headers.get("x-request-id")]).toEqual([200, "chosen-1"]);
  await response.json();
  const listed = await ann("GET", "/v1/feedback/chosen-1");
  expect(listed.status).toBe(200);
  expect(listed.body.data).toMatchObject([{ request_id: "chosen-1", source: "end-user", score: 1 }]);
  expect((await bob("GET", "/v1/feedback/chosen-1")).status).toBe(404);
  await server.close();
});

test("with API keys a key labels its own responses, by either id; another key and a page's login do not", async () => {
  const folder = copied();
  await using project = await openProject(folder);
  const server = await project.serve({ port: 0, apiKeys: ["key-of-ann", "key-of-bob"] });
  const [ann, bob, login] = [as(server, "key-of-ann"), as(server, "key-of-bob"), as(server, server.token)];
  const said = await ask(ann);
  expect((await say(ann, said.id, true)).status).toBe(201);
  expect((await say(ann, said.body.id as string, false)).status).toBe(200);
  for (const call of [bob, login]) {
    const [refused, none] = [await say(call, said.id, true), await say(call, "req-none", true)];
    expect(refused.status).toBe(404);
    expect(refused.body).toEqual(none.body);
    expect((await call("GET", `/v1/feedback/${said.id}`)).status).toBe(404);
    expect((await call("DELETE", `/v1/feedback/${said.id}`)).status).toBe(404);
  }
  expect((await as(server)("POST", "/v1/feedback", { request_id: said.id, source: "x", score: 1 })).status).toBe(401);
  expect((await ann("DELETE", `/v1/feedback/${said.id}`)).body).toMatchObject({ deleted: true, labels: 1 });
  await server.close();
});

test("two servers of one record are one population: a label given to the other one is joined", async () => {
  const folder = copied();
  await using one = await openProject(folder);
  await using two = await openProject(folder);
  const [asked, other] = [await one.serve({ port: 0 }), await two.serve({ port: 0 })];
  const said = await ask(as(asked));
  // not yet written by the server that answered: kept, and joined then
  await say(as(other), said.id, true);
  await asked.close();
  const found = await as(other)("GET", `/v1/feedback/${said.id}`);
  expect(found).toMatchObject({ status: 200, body: { data: [{ model: "toy@1", score: 1 }] } });
  await other.close();
});

test("behind the project's gateway a user's keys label the user's responses, an administrator's do not", async () => {
  const own = copied();
  appendFileSync(
    join(own, "loam.yaml"),
    "gateway:\n  access:\n    principals: { users: { ann: {}, bob: { roles: [admin] } } }\n    policies: [{ id: all, effect: allow }]\n",
  );
  await using project = await openProject(own);
  const keyOf = async (subject: string) => (await project.gateway.keys.create({ name: subject, subject })).secret;
  const [annKey, alsoAnn, bobKey] = [await keyOf("ann"), await keyOf("ann"), await keyOf("bob")];
  const server = await project.serve({ port: 0 });
  const said = await ask(as(server, annKey));
  expect(said.status).toBe(200);
  expect((await say(as(server, annKey), said.id, true)).status).toBe(201);
  expect((await say(as(server, alsoAnn), said.body.id as string, false)).status).toBe(200);
  const refused = await say(as(server, bobKey), said.id, true);
  expect(refused.status).toBe(404);
  expect(refused.body).toEqual((await say(as(server, bobKey), "req-none", true)).body);
  const forgotten = await loam(["watch", "forget", "user:ann", "--json"], { cwd: own });
  expect(JSON.parse(forgotten.stdout)).toMatchObject({ owner: "user:ann", labelled: 1 });
  expect((await as(server, annKey)("GET", `/v1/feedback/${said.id}`)).status).toBe(404);
  await server.close();
});
