/** Pairs of answers as tokens: the prompt is the same in both, answers are trained and counted over their own tokens only. */
import { isLoamError, type LoamError } from "../../base/index.ts";
import { tuneErrors } from "../errors.ts";
import { type EncodeExampleOptions, type Masked, maskedChat, type TuneText, withinContext } from "../instruct/encode.ts";
import type { PlacedExample } from "../instruct/read.ts";
import { type AnswerRows, layAnswers } from "./rows.ts";

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

export function layPairs(pairs: readonly EncodedPair[], members: readonly number[], { pairs: count, length }: PairLayout): AnswerRows {
  const sides = (["chosen", "rejected"] as const).flatMap(side => Array.from({ length: count }, (_, i) => pairs[members[i]!]?.[side]));
  return layAnswers(sides, length);
}
