/**
 * Loam's side of the filter comparison; the protocol is the tokenizer bench's contender. Argument: the texts (a JSON list). A line in, a
 * line of JSON out: `NAME STEP` runs a set, or all in a row (`chain`), over every STEP-th text with an empty vocabulary, `kept NAME STEP` with
 * what earlier passes left in it, `verdicts FILE` writes why each text goes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { z } from "zod";
import type { DocumentStep } from "../../src/data/index.ts";
import { firstRefusal, steps } from "../../src/data/index.ts";
import { forgetWords } from "../../src/data/steps/heuristics/words/text-view.ts";

const texts = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as string[];
/** FineWeb's order. */
const names = ["gopher-repetition", "gopher-quality", "c4", "fineweb"] as const;
const chosen = new Map<string, readonly [DocumentStep<z.ZodType, void>, unknown]>(
  names.map(name => [name, [steps[name] as DocumentStep<z.ZodType, void>, steps[name].options.parse({})] as const]),
);

/** Why a text goes, by set and rule, and the text as the sets leave it. */
function through(sets: readonly string[], text: string): { reason: string | null; text: string } {
  let now = text;
  for (const name of sets) {
    const [step, options] = chosen.get(name)!;
    const applied = step.apply({ id: "0", text: now, source: "", attributes: {} }, options);
    const no = firstRefusal(applied.verdicts);
    if (no) return { reason: `${name}/${no.rule}`, text };
    now = applied.text ?? now;
  }
  return { reason: null, text: now };
}

function run(name: string, every: number): object {
  const sets = name === "chain" ? names : [name];
  const some = texts.filter((_, i) => i % every === 0);
  const { user, system } = process.cpuUsage();
  let kept = 0;
  for (const text of some) if (through(sets, text).reason === null) kept++;
  const spent = process.cpuUsage({ user, system });
  return { ms: (spent.user + spent.system) / 1000, tokens: kept };
}

function verdicts(file: string): object {
  const rows = texts.map(text => {
    const { reason, text: edited } = through(names, text);
    return { ...Object.fromEntries(names.map(n => [n, through([n], text).reason])), chain: reason, text: reason === null ? edited : null };
  });
  writeFileSync(file, JSON.stringify(rows));
  return { ms: 0 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [first, second, third] = line.split(" ");
  let answer: object;
  if (first === "verdicts") answer = verdicts(second!);
  else if (first === "kept") answer = run(second!, Number(third));
  else {
    forgetWords();
    answer = run(first!, Number(second));
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
