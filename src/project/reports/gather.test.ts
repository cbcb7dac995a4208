import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { openStore, registerVersion, runStage, stage } from "../../store/index.ts";
import { createProject, openProject } from "../open-project.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a report of a new project names its gaps; an act stands in it by its leaf, and without the person", async () => {
  await using project = await createProject(join(folder, "mail"));
  const empty = await project.report("gdpr-records");
  expect(empty.sections.flatMap(s => s.statements)).toEqual([]);
  const { leaf } = await project.log.record({ kind: "access", who: "ann", what: "export", on: "subject planted", purpose: "Article 15" });
  const report = await project.report("gdpr-records");
  expect(report.missing).toBe(empty.missing - 1);
  expect(report.sections.find(s => s.number === "(d)")?.statements).toMatchObject([{ evidence: [{ digest: leaf }] }]);
  expect(JSON.stringify(report)).not.toMatch(/planted|ann"/);
});

test("a search of the data for personal data is missing from the report of a project that has the step private", async () => {
  await (await createProject(join(folder, "searched"))).close();
  const steps = z.strictObject({ steps: z.array(z.strictObject({ step: z.string(), version: z.number() })) });
  const data = stage({
    name: "data",
    version: 3,
    inputs: {},
    options: steps,
    output: "documents",
    async run({ output }) {
      await output.write("train.jsonl", "");
      return {};
    },
  });
  const train = stage({
    name: "train",
    version: 3,
    inputs: { documents: "documents" },
    options: z.strictObject({}),
    output: "model",
    async run({ output }) {
      await output.write("weights.bin", "w");
      return {};
    },
  });
  const store = await openStore({ root: join(folder, "searched") });
  const documents = await runStage(store, data, { inputs: {}, options: { steps: [{ step: "private", version: 2 }] } });
  const model = await runStage(store, train, { inputs: { documents: documents.artifact }, options: {} });
  await registerVersion(store, "small", model.artifact.id, {});
  await store.close();
  await using project = await openProject(join(folder, "searched"));
  const report = await project.report("annex-iv");
  const told = report.sections.flatMap(s => s.statements.map(f => f.text));
  expect(told).toContainEqual(expect.stringContaining("personal data was searched for by step private@2"));
  expect(JSON.stringify(report)).not.toContain("a search of the data for personal data");
});
