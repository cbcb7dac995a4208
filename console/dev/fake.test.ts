import { afterAll, beforeAll, expect, test } from "vitest";
import { adminDocument } from "../../src/gateway/admin/openapi.ts";
import { consoleDocument } from "../../src/serve/http/console-operations.ts";
import { answerChecker } from "../../test/support/openapi.ts";
import * as deployments from "../src/generated/deployments.ts";
import * as evaluations from "../src/generated/evaluations.ts";
import * as gateway from "../src/generated/gateway.ts";
import * as governance from "../src/generated/governance.ts";
import * as runs from "../src/generated/runs.ts";
import * as contract from "../src/generated/server.ts";
import * as watch from "../src/generated/watch.ts";
import { readAnswer } from "../src/playground/answer.ts";
import type { Shape } from "../src/shape.ts";
import { serveFake } from "./fake.ts";
import { replayed } from "./recording.ts";

const [ofServer, ofGateway] = [answerChecker(consoleDocument("0")), answerChecker(adminDocument())];
let server: Awaited<ReturnType<typeof serveFake>>;
beforeAll(async () => {
  server = await serveFake("/nowhere", { tokenMs: 0 });
});
afterAll(() => server.close());

const get = async (path: string) => (await fetch(new URL(path, server.url))).json();
const post = (path: string, body: object) => fetch(new URL(path, server.url), { method: "POST", body: JSON.stringify(body) });
async function textOf(path: string, body: object): Promise<{ text: string; finish: string }> {
  let [text, finish] = ["", ""];
  for await (const e of readAnswer((await post(path, body)).body!)) {
    if (e.type === "text") text += e.text;
    if (e.type === "finish") finish = e.reason;
  }
  return { text, finish };
}

test("the made-up answers are such as the server's OpenAPI documents describe, so a page that works with them works with any server that does", async () => {
  const listed = contract.answers["GET /api/runs"].parse(await get("/api/runs"));
  const { artifact } = listed[0]!;
  const tuned = listed.find(r => r.stage !== "train")!.artifact;
  const data = contract.answers["GET /api/data"].parse(await get("/api/data"))[0]!.artifact;
  const ids: Readonly<Record<string, string>> = {
    id: `ftjob-${"1".repeat(24)}`,
    name: "folder",
    version: "mail-small@2",
    position: "7",
    kind: "annex-iv",
    path: "models.mail-small",
  };
  const results = evaluations.answers["GET /api/evaluations/list"].parse(await get("/api/evaluations/list")).filter(e => e.hasItems);
  const queries: Readonly<Record<string, string>> = {
    "/api/evaluations/diff": `?first=${results[0]!.artifact}&second=${results.at(-1)!.artifact}`,
    "/api/graph": `?id=${artifact}`,
    "/api/labels/folder": "?by=ann",
    [`/api/data/${data}/document`]: "?id=mail:letters/0000001&against=mail:letters/0000007",
    "/api/reports/mail-small@2": "?against=mail-small@1",
    "/api/watch/history": "?metric=requests&model=mail-small@2&step=1m",
    "/gateway/usage": "?from=2000-01-01&to=2100-01-01",
    "/gateway/explain": "?key=key_1&path=/v1/chat/completions&model=mail-small&set=max_tokens=2000",
  };
  const all: Readonly<Record<string, Shape<unknown>>> = {
    ...contract.answers,
    ...evaluations.answers,
    ...watch.answers,
    ...runs.answers,
    ...deployments.answers,
    ...governance.answers,
    ...gateway.answers,
  };
  const operations = Object.keys(all).filter(o => o.startsWith("GET ") && o !== "GET /api/events");
  for (const operation of operations) {
    const own = operation.includes("/api/data/") ? data : operation.endsWith("/examples") ? tuned : artifact;
    const path = operation.slice("GET ".length).replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? own);
    const answer = await get(`${path}${queries[path] ?? ""}`);
    expect(all[operation]!.safeParse(answer).error, path).toBeUndefined();
    // and nothing more than the server says
    expect.soft((operation in gateway.answers ? ofGateway : ofServer)(operation, answer), path).toEqual([]);
  }
  expect(operations.length).toBeGreaterThan(25);
});

test("a recording is given again as it was, with its times moved to now", () => {
  const recording = { atMs: 1_700_000_000_000, answers: { "/api/runs": [{ startedAt: 1_699_999_999_000, tokens: 12 }] }, operations: {} };
  expect(replayed(recording, "/api/runs?limit=1", 1_800_000_000_000)).toEqual([{ startedAt: 1_799_999_999_000, tokens: 12 }]);
  expect(replayed(recording, "/api/data", 0)).toBeUndefined();
});

test("a graph holds its root, and every edge is between its nodes", async () => {
  const graph = contract.graph.parse(await get("/api/graph?id=mail-small@2"));
  const ids = graph.nodes.map(n => n.id);
  expect(graph.nodes.filter(n => n.relation === "self").map(n => n.id)).toEqual([graph.root]);
  for (const e of graph.edges) expect(ids).toEqual(expect.arrayContaining([e.from, e.to]));
  expect(graph.nodes.map(n => n.kind)).toEqual(expect.arrayContaining(["source", "documents", "tokenizer", "evaluation"]));
});

test("the same seed gives the same text, temperature 0 needs none, and a stop string stops", async () => {
  const ask = (more: object) => textOf("/v1/completions", { model: "mail-small@2", prompt: "Hi ", max_tokens: 40, ...more });
  expect(await ask({ seed: 3 })).toEqual(await ask({ seed: 3 }));
  expect((await ask({ seed: 3 })).text).not.toBe((await ask({ seed: 4 })).text);
  expect(await ask({ temperature: 0, seed: 1 })).toEqual(await ask({ temperature: 0, seed: 2 }));
  expect((await ask({ seed: 3 })).finish).toBe("length");
  const stopped = await ask({ seed: 3, stop: ["\n"] });
  expect(stopped.finish).toBe("stop");
  expect(stopped.text).not.toContain("\n");
});

test("an unknown model and a prompt that is too long are refused by name", async () => {
  const unknown = await post("/v1/completions", { model: "nobody", prompt: "x" });
  expect([unknown.status, await unknown.json()]).toMatchObject([
    404,
    { error: { code: "model_not_found", message: expect.stringContaining("nobody") } },
  ]);
  const long = await post("/v1/chat/completions", { model: "mail-small@2", messages: [{ role: "user", content: "word ".repeat(300) }] });
  expect([long.status, await long.json()]).toMatchObject([400, { error: { code: "context_length_exceeded" } }]);
});
