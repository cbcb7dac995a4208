import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { listActs, runStage, stage, z } from "../../store/index.ts";
import { findProject } from "../project-file.ts";
import { Workspace } from "../workspace.ts";
import { enforceRetention } from "./retention.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-retention-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const watch = { signal: new AbortController().signal, emit: () => {} };

function project(name: string): Workspace {
  const cwd = join(folder, name);
  mkdirSync(join(cwd, ".loam", "served-files"), { recursive: true });
  writeFileSync(
    join(cwd, "loam.yaml"),
    `name: toy
data: { letters: { source: { folder: texts, reader: text } } }
tokenizer: { vocab: 300, from: letters }
models: { toy: { layers: 1, width: 32, heads: 2, context: 32, train: { on: letters, tokens: 4000, rate: 0.02 } } }
retention: { uploads: { state: files, keep: 30d, except: ["user:held"] } }
`,
  );
  for (const [id, owner, status] of [
    ["old", "user:ann", "processed"],
    ["held", "user:held", "processed"],
    ["working", "user:ann", "in_progress"],
  ])
    writeFileSync(join(cwd, ".loam", "served-files", `${id}.json`), JSON.stringify({ id, owner, status, created_at: 1_700_000_000 }));
  return new Workspace(findProject(cwd));
}

const noting = (name: string, run: () => Promise<void>) =>
  stage({
    name,
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output: "note",
    async run({ output }) {
      await run();
      await output.write("note", name);
      return {};
    },
  });

test("objects on legal hold and those that are still worked on stay", async () => {
  await using at = project("files");
  const first = await enforceRetention(at, { apply: true }, watch);
  expect(first).toMatchObject({ isComplete: true, rules: [{ due: 1, erased: 1 }] });
  expect(await enforceRetention(at, { apply: true }, watch)).toMatchObject({ rules: [{ due: 0, erased: 0 }] });
  const acts = await listActs((await at.store()).records.read, { kind: "erasure" });
  expect(acts).toMatchObject([{ what: "retention", on: "uploads", purpose: "kept 30d", note: "1 of files" }]);
});

test("an erasure while something is made is refused and names it; a plan is not; afterwards it goes on", async () => {
  await using at = project("busy");
  let end = () => {};
  let began = () => {};
  const isOver = new Promise<void>(resolve => {
    end = resolve;
  });
  const hasBegun = new Promise<void>(resolve => {
    began = resolve;
  });
  const store = await at.store();
  const running = runStage(
    store,
    noting("training", () => {
      began();
      return isOver;
    }),
    { inputs: {}, options: {} },
  );
  await hasBegun;
  await expect(enforceRetention(at, { apply: true }, watch)).rejects.toMatchObject({
    code: "project/retention",
    problem: { received: expect.stringContaining("training") },
  });
  expect(await enforceRetention(at, {}, watch)).toMatchObject({ rules: [{ due: 1, erased: 0 }] });
  end();
  await running;
  expect(await enforceRetention(at, { apply: true }, watch)).toMatchObject({ rules: [{ erased: 1 }] });
});

test("a clock that stands before what the record holds is refused, for a plan too", async () => {
  await using at = project("clock");
  const store = await at.store();
  await runStage(
    store,
    noting("made", async () => {}),
    { inputs: {}, options: {} },
  );
  const ahead = store.clock.now() + 3_600_000;
  await store.records.write(t => t.updateTable("artifacts").set({ created_ms: ahead }).execute());
  await expect(enforceRetention(at, {}, watch)).rejects.toMatchObject({ code: "project/retention", problem: { place: "clock" } });
});
