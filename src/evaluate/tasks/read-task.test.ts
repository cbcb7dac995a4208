import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readTask } from "./read-task.ts";

const root = mkdtempSync(join(tmpdir(), "loam-read-task-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a file of items is found from the task's own folder, and one that is not there is named with its split and that folder", async () => {
  const folder = join(root, "tasks");
  mkdirSync(folder);
  const path = join(folder, "qa.yaml");
  const task = (file: string) =>
    writeFileSync(path, `task: qa\ndata: { test: ${file} }\nprompt: q\ntarget: a\noutput: generate_until\nmetrics: [exact_match]\n`);
  writeFileSync(join(root, "items.jsonl"), '{"q":"1 + 1","a":"2"}\n');
  task("items.jsonl");
  await expect(readTask(path)).rejects.toThrow(
    `qa: data.test: expected a file of items, got "items.jsonl", which is not there. Check the path; it is taken from the task's own folder, ${folder}.`,
  );
  task("../items.jsonl");
  expect((await readTask(path)).items).toHaveLength(1);
});
