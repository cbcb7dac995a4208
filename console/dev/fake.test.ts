import { afterAll, beforeAll, expect, test } from "vitest";
import * as contract from "../src/contract.ts";
import * as ofGateway from "../src/contract-gateway.ts";
import * as ofJobs from "../src/contract-jobs.ts";
import * as ofLabels from "../src/contract-labels.ts";
import * as ofReleases from "../src/contract-releases.ts";
import type { Shape } from "../src/shape.ts";
import { readAnswer } from "../src/talk/answer.ts";
import { serveFake } from "./fake.ts";

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

test("the fake says what the contract says, so a page that works with it works with any server that does", async () => {
  const paths: [string, Shape<unknown>][] = [
    ["/api/overview", contract.overview],
    ["/api/models", contract.models],
    ["/api/runs", contract.runs],
    ["/api/evaluations", contract.evaluations],
    ["/api/data", contract.dataSets],
    ["/api/engine", contract.engine],
    ["/api/serving", contract.serving],
    ["/v1/models", contract.served],
    ["/v1/fine_tuning/jobs?limit=100", ofJobs.jobs],
    [`/v1/fine_tuning/jobs/ftjob-${"1".repeat(24)}/events?order=asc`, ofJobs.events],
    [`/v1/fine_tuning/jobs/ftjob-${"1".repeat(24)}/checkpoints`, ofJobs.checkpoints],
    ["/api/labels", ofLabels.labelSets],
    ["/api/labels/folder?by=ann", ofLabels.labelBatch],
    ["/gateway/state", ofGateway.state],
    ["/gateway/limits", ofGateway.limits],
    ["/gateway/keys", ofGateway.keys],
    ["/gateway/requests?most=25&status=4xx", ofGateway.requests],
    ["/gateway/principals", ofGateway.principals],
    ["/gateway/policies", ofGateway.policies],
    ["/gateway/explain?key=key_1&path=/v1/chat/completions&model=mail-small&set=max_tokens=2000", ofGateway.explanation],
    ["/gateway/usage?from=2000-01-01&to=2100-01-01", ofGateway.usage],
    ["/api/releases", ofReleases.releases],
    ["/api/releases/mail-small@2", ofReleases.verdicts],
    ["/api/reports/mail-small@2?against=mail-small@1", ofReleases.report],
  ];
  const runs = contract.runs.parse(await get("/api/runs"));
  const { artifact } = runs[0]!;
  const tuned = runs.find(r => r.stage !== "train");
  for (const [path, schema] of [
    ...paths,
    [`/api/runs/${artifact}/metrics`, contract.metrics],
    [`/api/runs/${tuned!.artifact}/examples`, contract.maskedExamples],
    [`/api/logged/${artifact}`, ofReleases.logged],
    [`/api/graph?id=${artifact}`, contract.graph],
    [`/api/data/${contract.dataSets.parse(await get("/api/data"))[0]!.artifact}`, contract.dataReport],
  ] as typeof paths)
    expect(schema.safeParse(await get(path)).error, path).toBeUndefined();
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
