/**
 * The part of a file's examples that selects, in two: one half chooses among a study's trials, the other one is looked at once, when the choice is made; where
 * the file has a test part of the user's own, that one is looked at, and all that selects chooses.
 * Near-duplicates and examples of one prompt stay together. What trains never sees the second half, and selects its values by the first one.
 */
import { z } from "zod";
import { type ArtifactReader, stage } from "../../store/index.ts";
import { exampleText } from "../instruct/example.ts";
import { placedExamples } from "../instruct/examples-stage.ts";
import type { PlacedExample } from "../instruct/read.ts";
import { groupsOf, leakedInto } from "./apart.ts";
import { type Half, halves, halvesOf } from "./halves.ts";

/** An example that judges, and what it belongs to. */
export interface JudgedExample extends PlacedExample {
  readonly group: string;
}

/** Groups in halves; where there is one group alone, all of it selects and nobody judges. */
export function halved<T extends { readonly group: string }>(all: readonly T[], place: string): Readonly<Record<Half, readonly T[]>> {
  if (new Set(all.map(e => e.group)).size < 2) return { validation: all, test: [] };
  const sides = halvesOf(
    all.map(e => ({ id: e.group, attributes: {} })),
    place,
  );
  const of = (half: Half) => all.filter(e => sides.get(e.group) === half);
  return { validation: of("validation"), test: of("test") };
}

/** Whether examples or pairs of a file have a test part of the user's own. */
export const hasOwnTest = (artifact: Pick<ArtifactReader, "files">): boolean => artifact.files.some(f => f.name === "held-out.jsonl");

export const toJsonLines = (records: readonly unknown[]): string[] => records.map(r => `${JSON.stringify(r)}\n`);
export const recordsIn = async <T>(artifact: Pick<ArtifactReader, "read">, name: string): Promise<T[]> =>
  (await artifact.read(name))
    .toString("utf8")
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line) as T);

/** What stands before the answer, where something does. */
export function promptsOf({ example }: PlacedExample): string[] {
  if (example.kind === "completion") return example.prompt.trim() === "" ? [] : [example.prompt];
  const before = example.kind === "chat" ? example.messages.slice(0, example.trained[0]) : example.messages;
  return before.length === 0 ? [] : [JSON.stringify(before)];
}

export const exampleHalvesStage = stage({
  name: "example-halves",
  version: 1,
  inputs: { examples: "examples" },
  options: z.strictObject({}),
  output: "example-halves",
  async run({ inputs: { examples }, output }) {
    const selecting = await placedExamples(examples, "validation");
    const tests = hasOwnTest(examples) ? await placedExamples(examples, "held-out") : undefined;
    const all = [...selecting, ...(tests ?? [])];
    const groups = groupsOf(all.map(e => ({ id: e.place, text: exampleText(e.example), keys: promptsOf(e) })));
    const judged = all.map((e, i): JudgedExample => ({ ...e, group: groups[i]! }));
    const sides = tests
      ? { validation: judged.slice(0, selecting.length), test: judged.slice(selecting.length) }
      : halved(judged, `${examples.id}/validation`);
    for (const half of halves) await output.writeStream(`${half}.jsonl`, toJsonLines(sides[half]));
    return { validation: sides.validation.length, test: sides.test.length };
  },
});

export const judgedExamples = (artifact: Pick<ArtifactReader, "read">, half: Half): Promise<JudgedExample[]> =>
  recordsIn(artifact, `${half}.jsonl`);

/** Examples for a trial: its own to train on, without what judges and what is like it; the study's half to select by. */
export const searchExamplesStage = stage({
  name: "search-examples",
  version: 1,
  inputs: { examples: "examples", judged: "example-halves" },
  options: z.strictObject({}),
  output: "examples",
  async run({ inputs, output }) {
    const train = await placedExamples(inputs.examples, "train");
    const [validation, test] = [await judgedExamples(inputs.judged, "validation"), await judgedExamples(inputs.judged, "test")];
    const plain = (e: PlacedExample) => ({ id: e.place, text: exampleText(e.example), group: e.place });
    const out = leakedInto([...validation, ...test].map(plain), train.map(plain));
    const kept = train.filter((_, i) => !out.has(i));
    await output.writeStream("train.jsonl", toJsonLines(kept));
    await output.writeStream("validation.jsonl", toJsonLines(validation.map(({ place, example }) => ({ place, example }))));
    const { file, format } = inputs.examples.summary;
    return { file: file ?? null, format: format ?? null, train: kept.length, validation: validation.length, leftOut: out.size };
  },
});
