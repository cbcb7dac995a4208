/**
 * A child process of tensor-fuzz.test.ts: random programs and random misuse of the tensor module's public API. Each round is a function of its
 * seed alone. It prints the seed before the round (so that a crash names it) and one line of JSON for a round that was not sound: a value that
 * differs from the reference evaluator's, or an error that is no LoamError.
 */
import { writeSync } from "node:fs";
import { LoamError, random } from "../../src/base/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { arrayRound } from "./tensor-fuzz-arrays.ts";
import { junkRound, storedRound } from "./tensor-fuzz-junk.ts";
import { programRound } from "./tensor-fuzz-programs.ts";

const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

/** What a round ended with. */
export type Outcome = "value" | "refused" | "uncompared";

const rounds = { program: programRound, arrays: arrayRound, junk: junkRound, stored: storedRound };
const kinds = Object.keys(rounds) as (keyof typeof rounds)[];

const [first = 1, count = 1, seconds = 60] = process.argv.slice(2).map(Number);
const device = openDevice("cpu", { threads: 2, keptBytes: 1 << 26 });
const stopAt = performance.now() + 1000 * seconds;
const outcomes: Record<string, number> = {};
for (let seed = first; seed < first + count && performance.now() < stopAt; seed++) {
  const kind = kinds[seed % kinds.length]!;
  say({ seed, kind });
  try {
    const outcome = await rounds[kind](random(`tensor-fuzz/${seed}`), device);
    const key = `${kind} ${outcome}`;
    outcomes[key] = (outcomes[key] ?? 0) + 1;
  } catch (error) {
    const text =
      error instanceof Error ? `${error.name}: ${error.message}\n${error.stack?.split("\n").slice(1, 7).join("\n")}` : String(error);
    say({ failed: seed, kind, error: text, isLoamError: error instanceof LoamError });
  }
}
say({ outcomes });
