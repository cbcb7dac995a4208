/** Pairs of answers as tokens: the prompt is the same in both, answers are trained and counted over their own tokens only. */
import { isLoamError, type LoamError, random } from "../../base/index.ts";
import type { PackingState } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type EncodeExampleOptions, type Masked, maskedChat, type TuneText, withinContext } from "../instruct/encode.ts";
import type { PlacedExample } from "../instruct/read.ts";

export interface EncodedPair {
  readonly place: string;
  readonly chosen: Masked;
  readonly rejected: Masked;
}

/** One pair; undefined where it is too long and is to be left out. Errors: tune/example, text/template. */
export function encodePair(
  text: TuneText,
  { place, example }: PlacedExample,
  o: Omit<EncodeExampleOptions, "answers">,
): EncodedPair | undefined {
  if (example.kind !== "preference")
    throw tuneErrors.fail("example", { place, expected: "a prompt with a chosen and a rejected answer", received: "one answer" });
  const side = (answer: typeof example.chosen, name: string) => {
    const messages = [...example.messages, ...answer];
    const trained = answer.flatMap((m, i) => (m.role === "assistant" ? [example.messages.length + i] : []));
    return withinContext(text, maskedChat(text, messages, trained, example.tools, `${place}: ${name}`), `${place}: ${name}`, o);
  };
  const [chosen, rejected] = [side(example.chosen, "chosen"), side(example.rejected, "rejected")];
  if (!chosen || !rejected) return undefined;
  const first = chosen.trained.indexOf(1);
  // another template than one that writes a prompt the same way before both answers would compare two things at once
  if (first !== rejected.trained.indexOf(1) || chosen.ids.slice(0, first).some((id, i) => id !== rejected.ids[i]))
    throw tuneErrors.fail("example", {
      place,
      expected: "one prompt before both answers",
      received: "two that the template writes differently",
    });
  return { place, chosen, rejected };
}

export function encodePairs(text: TuneText, examples: readonly PlacedExample[], o: Omit<EncodeExampleOptions, "answers">) {
  const encoded: EncodedPair[] = [];
  const problems: LoamError[] = [];
  let tooLong = 0;
  for (const placed of examples)
    try {
      const pair = encodePair(text, placed, o);
      if (pair) encoded.push(pair);
      else tooLong++;
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(error);
    }
  return { encoded, problems, tooLong };
}

/** Pairs of a batch and tokens a row: the chosen answers are the first `pairs` rows, the rejected ones the others. */
export interface PairLayout {
  readonly pairs: number;
  readonly length: number;
}
export interface PairBatch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  readonly weights: Float32Array;
  /** Which pair each place holds; fewer than there are places where it is not full. */
  readonly members: readonly number[];
}

export function layPairs(pairs: readonly EncodedPair[], members: readonly number[], { pairs: count, length }: PairLayout): PairBatch {
  const n = 2 * count * length;
  const [tokens, targets, weights] = [new Int32Array(n), new Int32Array(n), new Float32Array(n)];
  for (const [row, member] of members.entries())
    for (const [side, name] of (["chosen", "rejected"] as const).entries()) {
      const { ids, trained } = pairs[member]![name];
      const at = (side * count + row) * length;
      for (let k = 0; k + 1 < ids.length; k++) {
        tokens[at + k] = ids[k]!;
        targets[at + k] = ids[k + 1]!;
        weights[at + k] = trained[k + 1]!;
      }
    }
  return { tokens, targets, weights, members };
}

/** Batches without end, each epoch in an order of its own; a batch may hold pairs of two. */
export function pairSource(count: number, layout: PairLayout, seed: number | string, start: PackingState = { epoch: 0, row: 0 }) {
  const orderOf = (e: number) => random(`${seed}/epoch ${e}`).permutation(count);
  let { epoch, row } = start;
  let order = orderOf(epoch);
  return {
    state: (): PackingState => ({ epoch, row }),
    next(): number[] {
      const members: number[] = [];
      while (members.length < layout.pairs) {
        members.push(order[row]!);
        if (++row < count) continue;
        row = 0;
        epoch++;
        order = orderOf(epoch);
      }
      return members;
    },
  };
}
