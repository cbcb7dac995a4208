import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createProject } from "../open-project.ts";

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
