/**
 * Rated answers as tokens, each beside an answer to another prompt behind its own prompt: what tells how far the model has moved at all. The other
 * answer is that of the next example with another prompt, and stays the same in every epoch, as in TRL. Pairs become two rated answers.
 */
import { defined, isLoamError, type LoamError } from "../../base/index.ts";
import type { ChatMessage } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import { type EncodeExampleOptions, type Masked, maskedChat, type TuneText, withinContext } from "../instruct/encode.ts";
import type { RatedExample } from "../instruct/example.ts";
import type { PlacedExample } from "../instruct/read.ts";

export interface EncodedRating {
  readonly place: string;
  readonly isGood: boolean;
  readonly answer: Masked;
  /** Its prompt with another one's answer. */
  readonly other: Masked;
}
type Placed = { readonly place: string; readonly example: RatedExample };
type Options = Omit<EncodeExampleOptions, "answers">;

/** Rated answers of an example. Errors: tune/example for one that says nothing of good and bad. */
function ratedOf({ place, example }: PlacedExample): Placed[] {
  if (example.kind === "rated") return [{ place, example }];
  if (example.kind !== "preference")
    throw tuneErrors.fail("example", {
      place,
      expected: "an answer with a label, true or false",
      received: "an answer without one",
      hint: 'A record is {"prompt": ..., "completion": ..., "label": true}.',
    });
  const { messages, tools, chosen, rejected } = example;
  const one = (answer: readonly ChatMessage[], isGood: boolean): Placed => ({
    place: `${place}: ${isGood ? "chosen" : "rejected"}`,
    example: { kind: "rated", messages, answer, isGood, ...defined({ tools }) },
  });
  return [one(chosen, true), one(rejected, false)];
}

function encode(text: TuneText, { place, example }: Placed, answer: readonly ChatMessage[], o: Options): Masked | undefined {
  const { messages, tools } = example;
  const trained = answer.flatMap((m, i) => (m.role === "assistant" ? [messages.length + i] : []));
  return withinContext(text, maskedChat(text, [...messages, ...answer], trained, tools, place), place, o);
}

/** All of them. Errors are told one by one, but tune/example is thrown where no two prompts differ. */
export function encodeRatings(text: TuneText, examples: readonly PlacedExample[], o: Options) {
  const problems: LoamError[] = [];
  const found: { readonly placed: Placed; readonly answer: Masked }[] = [];
  let tooLong = 0;
  const hear = (error: unknown) => {
    if (!isLoamError(error)) throw error;
    problems.push(error);
  };
  for (const example of examples)
    try {
      for (const placed of ratedOf(example)) {
        const answer = encode(text, placed, placed.example.answer, o);
        if (answer) found.push({ placed, answer });
        else tooLong++;
      }
    } catch (error) {
      hear(error);
    }
  const prompts = found.map(({ placed }) => JSON.stringify(placed.example.messages));
  const encoded: EncodedRating[] = [];
  for (const [i, { placed, answer }] of found.entries()) {
    let next = (i + 1) % found.length;
    while (next !== i && prompts[next] === prompts[i]) next = (next + 1) % found.length;
    if (next === i)
      throw tuneErrors.fail("example", {
        place: placed.place,
        expected: "two prompts or more",
        received: "the same one throughout",
        hint: "Responses to other prompts measure how far the model has moved.",
      });
    try {
      // only its beginning counts where it is long
      const other = encode(
        text,
        { ...placed, place: `${placed.place}, answered as ${found[next]!.placed.place}` },
        found[next]!.placed.example.answer,
        {
          ...o,
          long: "cut",
        },
      )!;
      encoded.push({ place: placed.place, isGood: placed.example.isGood, answer, other });
    } catch (error) {
      hear(error);
    }
  }
  return { encoded, problems, tooLong };
}
