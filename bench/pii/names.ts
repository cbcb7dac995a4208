/**
 * Names and places apart: Loam's recogniser beside Presidio with spaCy's, both trained on the same made-up sentences and asked on four kinds
 * of others. A finding counts when it is the whole span with the right type.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NameExample } from "../../src/data/index.ts";
import type { Contest } from "../contender.ts";
import { digits, interleaved, median, medianRatio } from "../harness.ts";
import { sentences } from "./name-sentences.ts";

const numExamples = 1500;
const numTexts = 1000;
const cells = {
  "sentences and words of the examples": sentences(numTexts, 2, "known"),
  "words that no example shows": sentences(numTexts, 3, "unseen"),
  "sentences that no example shows": sentences(numTexts, 4, "known", "other"),
  "neither shown": sentences(numTexts, 5, "unseen", "other"),
};
const types = ["name", "place"] as const;

type Found = readonly (readonly [type: string, start: number, end: number])[];
type Scores = Record<string, { readonly precision: number; readonly recall: number; readonly f1: number }>;

/** Offset of each code unit in code points, as Python counts. */
function inCodePoints({ text, spans }: NameExample) {
  const at = (unit: number) => [...text.slice(0, unit)].length;
  return { text, spans: spans.map(s => [s.type, at(s.start), at(s.end)] as const) };
}

const scoresOf = (truths: readonly Found[], found: readonly Found[]): Scores =>
  Object.fromEntries(
    types.map(type => {
      const [there, taken] = [truths, found].map(
        side => new Set(side.flatMap((spans, i) => spans.filter(s => s[0] === type).map(s => `${i} ${s[1]} ${s[2]}`))),
      );
      const right = [...taken!].filter(s => there!.has(s)).length;
      const [precision, recall] = [right / (taken!.size || 1), right / (there!.size || 1)];
      return [
        type,
        { precision: digits(precision, 3), recall: digits(recall, 3), f1: digits((2 * precision * recall) / (precision + recall || 1), 3) },
      ];
    }),
  );

interface Side {
  readonly secondsToTrain: number;
  readonly mbPerSecond: number;
  readonly scores: Record<string, Scores>;
}

/** Trains and asks both sides; `presidio` is absent where there is no Python. */
export async function names(
  { folder, start }: Contest,
  python: { readonly program: string; readonly script: string } | undefined,
  rounds: number,
): Promise<{ ours: Side; presidio?: Side; speed?: number }> {
  const examples = sentences(numExamples, 1, "known");
  const tests = Object.values(cells).flat();
  const megabytes = tests.reduce((n, t) => n + Buffer.byteLength(t.text), 0) / 1e6;
  const files = {
    ours: join(folder, "names.json"),
    theirs: join(folder, "names-code-points.json"),
    texts: join(folder, "names-texts.json"),
  };
  writeFileSync(files.ours, JSON.stringify(examples));
  writeFileSync(files.theirs, JSON.stringify(examples.map(inCodePoints)));
  writeFileSync(files.texts, JSON.stringify(tests.map(t => t.text)));
  const worker = fileURLToPath(new URL(`./names-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
  const sides = {
    ours: start("loam's names", [process.execPath, worker, files.ours, files.texts]),
    ...(python ? { presidio: start("presidio's names", [python.program, python.script, files.theirs, files.texts]) } : {}),
  };
  const truths = {
    ours: tests.map(t => t.spans.map(s => [s.type, s.start, s.end] as const)),
    presidio: tests.map(t => inCodePoints(t).spans),
  };
  const results: Partial<Record<keyof typeof sides, Omit<Side, "mbPerSecond">>> = {};
  for (const [name, side] of Object.entries(sides) as [keyof typeof sides, (typeof sides)["ours"]][]) {
    const { ms } = await side.ask("train");
    const file = join(folder, `${name}-names-found.json`);
    await side.ask(`find ${file}`);
    const found = JSON.parse(readFileSync(file, "utf8")) as Found[];
    const scores = Object.fromEntries(
      Object.keys(cells).map((cell, i) => {
        const [from, to] = [i * numTexts, (i + 1) * numTexts];
        return [cell, scoresOf(truths[name].slice(from, to), found.slice(from, to))];
      }),
    );
    results[name] = { secondsToTrain: digits(ms / 1000), scores };
  }
  const rate = (side: (typeof sides)["ours"]) => async () => (megabytes * 1000) / (await side.ask("time")).ms;
  const speeds = await interleaved(rounds, Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, rate(side!)])));
  const sideOf = (name: keyof typeof sides): Side => ({ ...results[name]!, mbPerSecond: digits(median(speeds[name]!)) });
  return {
    ours: sideOf("ours"),
    ...(python ? { presidio: sideOf("presidio"), speed: digits(medianRatio(speeds.ours!, speeds.presidio!)) } : {}),
  };
}
