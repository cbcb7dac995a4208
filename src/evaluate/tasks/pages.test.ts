/** Task files in the guides: whole ones are read as tasks, parts are read as parts of the first whole one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { codeBlocks } from "../../../test/support/shell-lines.ts";
import { parseYaml } from "../../base/index.ts";
import { parseTask } from "./read-task.ts";

const docs = join(import.meta.dirname, "..", "..", "..", "docs");
type Row = Readonly<Record<string, unknown>>;

const blocks = ["evaluation.md", "evaluation-tasks.md"].flatMap(page =>
  codeBlocks(readFileSync(join(docs, page), "utf8"))
    .filter(({ language }) => language === "yaml")
    .map(({ text, line }) => ({ place: `docs/${page}:${line}`, text, value: parseYaml(text, page) as Row })),
);
const tasks = blocks.filter(({ value }) => "task" in value && !("group" in value));
const parts = blocks.filter(({ value }) => !("task" in value));

test("every task file of the guides on evaluation is a task", () => {
  expect(tasks.length).toBeGreaterThan(3);
  for (const { place, text } of tasks) expect(() => parseTask(text, place), place).not.toThrow();
});

/** Tasks that a part may belong to: those of the pages, and one of generated text. */
const wholes: readonly Row[] = [
  ...tasks.map(t => t.value),
  { task: "writing", data: { test: "writing.jsonl" }, prompt: "text", target: "right", output: "generate_until" },
];

/** What is wrong with a part in each of the whole tasks; undefined: nothing in one of them. */
function wrongPart(part: Row, place: string): string | undefined {
  const problems: string[] = [];
  for (const whole of wholes) {
    // splits that the part names beside those of the whole one
    const data = { ...(whole.data as Row), train: "train.jsonl", ...(part.data as Row | undefined) };
    try {
      parseTask(stringify({ ...whole, ...part, data }), place);
      return undefined;
    } catch (error) {
      problems.push(String(error));
    }
  }
  return problems.join("\n");
}

test("every part of a task file fits a whole one, and a key that is misspelt does not", () => {
  expect(parts.length).toBeGreaterThan(3);
  for (const { place, value } of parts) {
    expect(wrongPart(value, place)).toBeUndefined();
    const [key, inner] = Object.entries(value)[0]!;
    expect(wrongPart({ [`${key}x`]: inner }, place), place).toContain(`${key}x`);
  }
});
