/**
 * Loam as a library: the example of docs/library.md on toy projects, in one process and without a command line. The built package is used, for the threads
 * and child programs that it starts lie beside it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import type * as Loam from "../src/index.ts";
import { letters } from "../src/project/init/letters.ts";
import { readTokenFiles } from "../src/session/index.ts";
import { modelContent, type Toy, toyProject, trainedToy } from "./support/project.ts";

const { openProject, eventVersion } = (await import(new URL("../dist/src/index.js", import.meta.url).href)) as typeof Loam;

const toy: Toy = {
  more: `searches:
  rate:
    model: toy
    pruner: none
    sampler: grid
    space: { train.rate: [0.005, 0.02] }
    trials: 2
`,
};

async function opened(folder: string): Promise<Loam.Project> {
  const project = await openProject(folder);
  onTestFinished(() => project.close());
  return project;
}

/** What gRPC's health check answers, as bytes: 08 01 is SERVING. */
async function healthOver(address: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest("/grpc.health.v1.Health/Check", same, same, Buffer.alloc(0), (error, answer) =>
        error ? reject(error) : resolve(answer!.toString("hex").replace(/(..)(?=.)/g, "$1 ")),
      );
    });
  } finally {
    client.close();
  }
}

/** A task of the toy: which of two letters goes on. */
function writeTask(folder: string): void {
  const items = letters(30, "task").map((text, n) => ({
    n: String(n),
    start: text.slice(0, 24),
    endings: [text.slice(24, 32), "zqzqzqzq"],
    right: 0,
  }));
  mkdirSync(join(folder, "tasks"), { recursive: true });
  writeFileSync(join(folder, "tasks", "next.jsonl"), items.map(i => JSON.stringify(i)).join("\n"));
  writeFileSync(
    join(folder, "tasks", "next.yaml"),
    "task: next\ndata: { test: next.jsonl }\nid: n\nprompt: start\noutput: multiple_choice\nchoices: endings\ntarget: right\n",
  );
}

/** Reads a call until an event is the one, and leaves it then. */
async function breakAt(call: Loam.Call<unknown>, isWanted: (event: Loam.ProjectEvent) => boolean): Promise<Loam.ProjectEvent> {
  for await (const event of call) if (isWanted(event)) return event;
  throw new Error("the event never came");
}

const complete = async (url: string, model: string) => {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "Dear ", max_tokens: 4, temperature: 0 }),
  });
  return { status: response.status, body: (await response.json()) as { choices?: { text: string }[] } };
};

test("a project is run, searched, evaluated and served from TypeScript, beside another project in the same process", async () => {
  const [folder, other] = [toyProject(toy), toyProject({ texts: letters(50, "other") })];
  writeTask(folder);
  const [project, second] = [await opened(folder), await opened(other)];

  const events: Loam.ProjectEvent[] = [];
  const run = project.run("toy");
  const [, report] = await Promise.all([
    (async () => {
      for await (const event of run) events.push(event);
    })(),
    second.run(),
  ]);
  expect(await run).toMatchObject({ model: "toy", version: "toy@1", ran: 9 });
  expect(report).toMatchObject({ model: "toy", version: "toy@1", ran: 9 });
  expect((await run).artifacts.toy).not.toBe(report.artifacts.toy);
  const stages = events.filter(e => e.event === "stage");
  expect(stages.map(e => e.label)).toEqual([
    "source/letters",
    "data/letters",
    "tokenizer",
    "shards/letters",
    "toy",
    "data-sketch/letters",
    "sketch/toy",
    "baselines/letters",
    "evaluate/toy",
  ]);
  expect(stages.find(e => e.stage === "train")!.losses!.length).toBeGreaterThan(1);
  expect(events.some(e => e.event === "progress" && e.stage === "train")).toBe(true);
  expect(events.at(-1)).toMatchObject({ event: "model", version: "toy@1", v: eventVersion });
  expect(await project.run()).toMatchObject({ version: "toy@1", ran: 0 });
  expect((await project.plan()).links.map(l => l.action)).toEqual(stages.map(() => "reuse"));

  const study = await project.search("rate", { trials: 2, workers: 0 });
  expect(study.trials.map(t => t.state)).toEqual(["done", "done"]);
  expect(await project.studies()).toMatchObject([{ id: study.study, trials: study.trials }]);

  const evaluation = await project.evaluate("next", { model: "toy@1", failIf: "acc < 2" });
  expect(evaluation).toMatchObject({ model: "toy@1", tasks: [{ task: "next", items: 30, isKnown: false }], failed: 1 });
  expect((await project.evaluate("next")).tasks[0]).toMatchObject({ isKnown: true });

  const served: Loam.ProjectEvent[] = [];
  const servers = [await project.serve({ port: 0, onEvent: e => served.push(e) }), await second.serve({ port: 0, grpc: 0 })] as const;
  const answers = await Promise.all(servers.map(s => complete(s.url, "toy")));
  expect(answers.map(a => a.status)).toEqual([200, 200]);
  expect((await readTokenFiles(folder)).map(s => s.token)).toEqual([servers[0].token]);
  const { text } = await project.generate("Dear ", { maxTokens: 4, temperature: 0 });
  expect(text).toBe(answers[0]!.body.choices![0]!.text);
  expect(await servers[0].close()).toEqual({ cutOff: 0 });
  await expect(complete(servers[0].url, "toy")).rejects.toThrow();
  expect(await readTokenFiles(folder)).toEqual([]);
  expect(served.at(-1)).toEqual({ event: "stopped", cutOff: 0, v: eventVersion });
  expect((await complete(servers[1].url, "toy")).status).toBe(200);
  expect([servers[0].grpc, servers[1].serving.grpc]).toEqual([undefined, servers[1].grpc]);
  expect(await healthOver(servers[1].grpc!)).toBe("08 01");
  await servers[1].close();
  await expect(healthOver(servers[1].grpc!)).rejects.toMatchObject({ code: status.UNAVAILABLE });
}, 240_000);

test("a run that is left in the middle of training goes on when it is run again, and comes to the very same model", async () => {
  const [broken, whole] = [toyProject(), toyProject()];
  const project = await opened(broken);
  const event = await breakAt(project.run(), e => e.event === "progress" && e.label === "toy" && (e.values?.step ?? 0) > 0);
  expect((event as Extract<Loam.ProjectEvent, { event: "progress" }>).done).toBeLessThan(1);
  expect(await (await project.store()).records.read.selectFrom("runs").select("state").where("state", "=", "running").execute()).toEqual(
    [],
  );
  expect(await project.run()).toMatchObject({ version: "toy@1" });
  await (await opened(whole)).run();
  expect(await modelContent(broken)).toEqual(await modelContent(whole));
}, 240_000);

test("a search that is left between trials goes on when it is searched again", async () => {
  const project = await opened(await trainedToy(toy));
  const first = await breakAt(project.search("rate", { workers: 0 }), e => e.event === "trial");
  expect(first).toMatchObject({ trial: 0, state: "done" });
  const [left] = await project.studies();
  expect(left!.trials.filter(t => t.state === "running")).toEqual([]);
  const study = await project.search("rate", { workers: 0 });
  expect(study.study).toBe(left!.id);
  expect(study.trials.map(t => t.state)).toEqual(["done", "done"]);
}, 240_000);

test("an evaluation that is left records no result of the task, and is whole when it is asked again", async () => {
  const folder = await trainedToy();
  writeTask(folder);
  const project = await opened(folder);
  await breakAt(project.evaluate("next"), e => e.event === "progress");
  const { read } = (await project.store()).records;
  expect(await read.selectFrom("artifacts").select("id").where("kind", "=", "task-result").execute()).toEqual([]);
  expect(await project.evaluate("next")).toMatchObject({ tasks: [{ items: 30, isKnown: false }] });
}, 240_000);

/** Sockets that listen; one that has closed goes with the next turn. */
async function listeners(): Promise<number> {
  await new Promise(setImmediate);
  return process.getActiveResourcesInfo().filter(name => name === "TCPServerWrap").length;
}

test("a server that is stopped anywhere on its way to serving leaves nothing open: no port, no token file", async () => {
  const folder = await trainedToy();
  const project = await opened(folder);
  const before = await listeners();
  let stopped = 0;
  for (let turns = 0; ; turns = 2 * turns + 1) {
    const stop = new AbortController();
    const call = project.serve({ port: 0, signal: stop.signal });
    const started = call.then(
      server => server,
      (error: unknown) => error,
    );
    for (let i = 0; i < turns; i++) await new Promise(setImmediate);
    stop.abort();
    const result = await started;
    if (result !== null && typeof result === "object" && "close" in result) {
      expect((await complete((result as Loam.ProjectServer).url, "toy")).status).toBe(200);
      await (result as Loam.ProjectServer).close();
      expect(await listeners()).toBe(before);
      break;
    }
    expect(result).toMatchObject({ code: "base/interrupted" });
    expect(await listeners()).toBe(before);
    expect(await readTokenFiles(folder)).toEqual([]);
    stopped++;
  }
  expect(stopped).toBeGreaterThan(2);
}, 240_000);

test("an aborted signal begins nothing, and a mistake is an error of Loam", async () => {
  const project = await opened(await trainedToy());
  for (const call of [
    project.run("toy", { signal: AbortSignal.abort() }),
    project.evaluate("none", { signal: AbortSignal.abort() }),
    project.serve({ signal: AbortSignal.abort() }),
  ])
    await expect(call).rejects.toMatchObject({ code: "base/interrupted" });
  await expect(project.run("toys")).rejects.toThrow(/one of toy, got "toys". Did you mean "toy"/);
  await expect(openProject("/")).rejects.toThrow(/loam\.yaml/);
});
