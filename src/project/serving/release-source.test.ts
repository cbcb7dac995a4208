/** What the console's pages of releases ask, answered from a record, held against the page's own contract. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import * as contract from "../../../console/src/generated/server.ts";
import { approve, makeKeys, promote, releaseRules, signerOf } from "../../registry/index.ts";
import {
  aliasGuardOf,
  type GuardRules,
  type ModelVersion,
  openArtifact,
  openStore,
  registerVersion,
  runStage,
  type Store,
  setGuards,
  stage,
} from "../../store/index.ts";
import { loggedColumns, releaseSource } from "./release-source.ts";

const root = mkdtempSync(join(tmpdir(), "loam-release-source-"));
const ann = makeKeys();
let store: Store;
let versions: ModelVersion[];

const made = stage({
  name: "train",
  version: 1,
  inputs: {},
  options: z.strictObject({ seed: z.number() }),
  output: "model",
  async run({ options, output }) {
    await output.write("weights.bin", Buffer.alloc(30_000, options.seed));
    await output.write("metrics.jsonl", `{"step":1,"loss":${options.seed},"mine":3}\n{"step":2,"loss":1}\n`);
    return { parameters: 30_000, seed: options.seed };
  },
});
const asked = stage({
  name: "eval",
  version: 1,
  inputs: { model: "model" },
  options: z.strictObject({ right: z.number() }),
  output: "task-result",
  async run({ options, output }) {
    const items = Array.from({ length: 20 }, (_, i) => ({
      id: `i${i}`,
      place: `t:${i}`,
      prompt: "p",
      right: "yes",
      came: i < options.right ? "yes" : "no",
      ms: 1,
      attributes: { length: i % 2 === 0 ? "long" : "short" },
      choices: ["no", "yes"],
      gold: [1],
      logLikelihoods: i < options.right ? [-2, -0.1] : [-0.1, -2],
    }));
    await output.write("items.jsonl", items.map(i => `${JSON.stringify(i)}\n`).join(""));
    await output.write("result.json", JSON.stringify({ format: 1, task: "letters", output: "classify", items: 20, kept: 0, ms: 1 }));
    return {};
  },
});

beforeAll(async () => {
  store = await openStore({ root });
  const rules = { requires: ["acc >= current.acc"], approvals: [{ role: "reviewer", keys: { ann: ann.publicKey } }] };
  await setGuards(store, { prod: releaseRules.parse(rules) as GuardRules });
  versions = [];
  for (const [seed, right] of [
    [1, 12],
    [2, 17],
    [3, 9],
  ] as const) {
    const { artifact } = await runStage(store, made, { inputs: {}, options: { seed } });
    versions.push(await registerVersion(store, "mail", artifact.id, {}));
    await runStage(store, asked, { inputs: { model: await openArtifact(store, artifact.id) }, options: { right } });
  }
  const signer = signerOf(ann.privateKey, "key");
  const guard = await aliasGuardOf(store.records.read, "mail", "prod");
  for (const v of versions.slice(0, 2)) {
    await approve(store, v, guard, { alias: "prod", role: "reviewer", by: "", signer });
    await promote(store, { model: "mail", version: String(v.number), alias: "prod", by: "carol" });
  }
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** As the page gets it: through JSON. */
const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("aliases with their holders, where a rollback goes, and every move with the verdict of then", async () => {
  const [mail] = contract.answers["GET /api/releases"].parse(through(await releaseSource(store).releases()));
  expect(mail!.aliases).toEqual([{ alias: "prod", isGuarded: true, holder: 2, goesBackTo: 1 }]);
  expect(mail!.versions.map(v => [v.id, v.aliases])).toEqual([
    ["mail@3", ["latest"]],
    ["mail@2", ["prod"]],
    ["mail@1", []],
  ]);
  expect(mail!.history.map(m => [m.previous, m.number, m.by, m.verdict?.gates?.every(g => g.passed)])).toEqual([
    [1, 2, "carol", true],
    [null, 1, "carol", true],
  ]);
});

test("a version's verdicts are those of a promotion; who approved has signed", async () => {
  const source = releaseSource(store);
  const third = contract.verdicts.parse(through(await source.verdicts("mail@3")));
  expect(third.gates.map(g => [g.alias, g.holder, g.passed, g.gates.map(x => x.passed)])).toEqual([
    ["prod", 2, false, [false, false, true]],
  ]);
  await expect(promote(store, { model: "mail", version: "3", alias: "prod" })).rejects.toThrow(third.gates[0]!.gates[0]!.told);
  const second = contract.verdicts.parse(through(await source.verdicts("mail@prod")));
  expect([second.id, second.approvals.map(a => [a.by, a.signedBy !== null])]).toEqual(["mail@2", [["ann", true]]]);
  expect(await source.verdicts("mail@9")).toBeUndefined();
});

test("a report beside another version has its wins and slices, and is made anew when more was evaluated", async () => {
  const source = releaseSource(store);
  const report = contract.versionReport.parse(through(await source.report("mail@2", "mail@1")));
  const [task] = report.tasks;
  expect([report.id, report.against, task!.task, task!.slices.map(s => s.group)]).toEqual([
    "mail@2",
    "mail@1",
    "letters",
    ["long", "short"],
  ]);
  expect(task!.comparison!.differences[0]).toMatchObject({ metric: "acc", wins: 5, losses: 0, first: 0.85, second: 0.6 });
  expect(task!.comparison!.wins.map(w => [w.id, w.before, w.came])[0]).toEqual(["i12", "no", "yes"]);
  expect(contract.versionReport.parse(through(await source.report("mail@2", undefined))).tasks[0]!.comparison).toBeUndefined();
  await runStage(store, asked, { inputs: { model: await openArtifact(store, versions[1]!.artifact) }, options: { right: 20 } });
  const later = contract.versionReport.parse(through(await source.report("mail@2", "mail@1")));
  expect(later.tasks[0]!.comparison!.differences[0]).toMatchObject({ wins: 8 });
});

test("every number that a run logged is a column, whatever its name; half a line is none", async () => {
  const logged = contract.logged.parse(through(await releaseSource(store).logged(versions[0]!.artifact)));
  expect(logged).toMatchObject({ stage: "train@1", options: { seed: 1 }, steps: [1, 2], columns: { loss: [1, 1], mine: [3, null] } });
  // a tuning's loss is in the unit that its kind says
  expect(loggedColumns('{"step":1,"loss":2,"bytes":3,"a":1}', "tune-classify-merged@2").units).toEqual({
    loss: "nats per text",
    bytes: "bytes",
  });
  expect(loggedColumns('{"step":1,"a":2}\n{"step":2,"b":1,"note":"x"}\n[1]\n{"step":3,"a"', "train")).toEqual({
    steps: [1, 2],
    columns: { a: [2, null], b: [null, 1] },
    units: {},
  });
});
