/**
 * Examples as tokens and the mask of what is trained: the answers and the token that ends each turn, nothing else. Conversations go through the
 * template that serves (`encodeAnswers`), so a trained prompt has the ids of a served one. What could not be learnt is refused here: nothing
 * trained, a turn that never ends, a beginning written twice, more tokens than the context.
 */
import { defined, formatCount, isLoamError, type LoamError } from "../../base/index.ts";
import { type ChatMessage, type ChatTemplate, encodeAnswers, type Tokenizer } from "../../text/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Example } from "./example.ts";
import type { PlacedExample } from "./read.ts";

/** What a model's files say of its text. */
export interface TuneText {
  readonly tokenizer: Pick<Tokenizer, "encode" | "decode" | "specials" | "tokenOf">;
  readonly chatTemplate?: Pick<ChatTemplate, "render"> | undefined;
  /** Stands before every prompt that no template writes. */
  readonly startToken?: number | undefined;
  /** What its texts begin with, whoever writes it. */
  readonly beginToken?: number | undefined;
  /** Tokens that end a turn or a text. */
  readonly stopTokens: readonly number[];
}

/** Tokens, and which of them are trained. */
export interface Masked {
  readonly ids: Uint32Array;
  /** 1 where a token is a target. */
  readonly trained: Uint8Array;
}
export interface Encoded extends Masked {
  readonly place: string;
  /** Tokens that were cut off at its end. */
  readonly cut: number;
}

export interface EncodeExampleOptions {
  /** Most tokens of an example. */
  readonly length: number;
  /** What is done with one that is longer: refuse it, leave it out, or cut its end (which is not learnt then). */
  readonly long?: "refuse" | "skip" | "cut";
  /** Which answers of a conversation are trained. */
  readonly answers?: "all" | "last";
}

const fail = (place: string, expected: string, received: string, hint?: string): LoamError =>
  tuneErrors.fail("example", { place, expected, received, ...defined({ hint }) });

/** Ids of messages with one mask for all trained answers. Errors: tune/example, text/template. */
export function maskedChat(
  text: TuneText,
  messages: readonly ChatMessage[],
  trained: readonly number[],
  tools: readonly unknown[] | undefined,
  place: string,
): Masked {
  if (!text.chatTemplate)
    throw fail(place, "a model with a chat template", "one without", "Tune it on prompts and completions, or give it a template first.");
  const { ids, answers } = encodeAnswers(text.tokenizer, text.chatTemplate, messages, { answers: trained, ...defined({ tools }) });
  const mask = new Uint8Array(ids.length);
  for (const { message, from, to } of answers) {
    let end = to;
    while (end > from && !text.stopTokens.includes(ids[end - 1]!)) end--;
    if (end === from)
      throw fail(
        `${place}: messages[${message}]`,
        `a turn that the template ends with ${stopsOf(text)}`,
        JSON.stringify(text.tokenizer.decode(ids.slice(Math.max(from, to - 8), to))),
        "A model that never learns to stop answers without end.",
      );
    mask.fill(1, from, end);
  }
  return { ids, trained: mask };
}

const stopsOf = ({ tokenizer, stopTokens }: TuneText): string =>
  stopTokens.map(id => tokenizer.tokenOf(id) ?? String(id)).join(" or ") || "a token that ends it (the model names none)";

/** The prompt as the completions API encodes it, then what is trained and the end of the text. */
function maskedCompletion(text: TuneText, prompt: string, completion: string, place: string): Masked {
  const end = text.stopTokens[0];
  if (end === undefined) throw fail(place, "a model with a token that ends a text", "none");
  const first = Array.from(text.tokenizer.encode(prompt));
  const before = text.startToken === undefined || first[0] === text.startToken ? first : [text.startToken, ...first];
  const after = Array.from(text.tokenizer.encode(completion, { addSpecialTokens: false, readSpecialTokens: false }));
  const ids = Uint32Array.from([...before, ...after, end]);
  return { ids, trained: Uint8Array.from(ids, (_, i) => (i < before.length ? 0 : 1)) };
}

const maskedOf = (
  text: TuneText,
  example: Exclude<Example, { kind: "preference" | "rated" }>,
  place: string,
  answers: "all" | "last",
): Masked =>
  example.kind === "completion"
    ? maskedCompletion(text, example.prompt, example.completion, place)
    : maskedChat(text, example.messages, answers === "last" ? example.trained.slice(-1) : example.trained, example.tools, place);

/** An example as tokens; undefined where it is too long and is to be left out. Errors: tune/example, text/template. */
export function encodeExample(text: TuneText, { place, example }: PlacedExample, o: EncodeExampleOptions): Encoded | undefined {
  if (example.kind === "preference")
    throw fail(place, "an example with one answer", "a preference", "Preferences are for task: preference.");
  if (example.kind === "rated")
    throw fail(
      place,
      "an answer to learn",
      "one with a label that says whether it is good",
      "Ratings are for task: preference with loss: kto; name the shape (`format: completion`) where the label is of something else.",
    );
  let masked: Masked;
  try {
    masked = maskedOf(text, example, place, o.answers ?? "all");
  } catch (error) {
    // the template's complaint names the message, not the file
    if (!isLoamError(error) || error.problem.place?.startsWith(place)) throw error;
    throw fail(place, "a conversation that the model's template takes", error.message, undefined);
  }
  return withinContext(text, masked, place, o);
}

/** Checks what every sequence must obey. */
export function withinContext(text: TuneText, { ids, trained }: Masked, place: string, o: EncodeExampleOptions): Encoded | undefined {
  if (ids.length > 1 && ids[0] === ids[1] && (ids[0] === text.startToken || ids[0] === text.beginToken))
    throw fail(
      place,
      "one token at the beginning",
      `${text.tokenizer.tokenOf(ids[0]!)} twice`,
      "The template or the prompt writes it already.",
    );
  const over = ids.length - o.length;
  const long = o.long ?? "refuse";
  if (over > 0 && long === "skip") return undefined;
  const kept = over > 0 ? trained.subarray(0, o.length) : trained;
  // a first token is never a target
  if (!kept.subarray(1).includes(1))
    throw fail(
      place,
      "a trained token",
      over > 0 ? `a prompt of ${formatCount(trained.indexOf(1))} tokens, and room for ${formatCount(o.length)}` : "none",
      ...(over > 0 ? ["Leave it out with `long: skip`, or raise `length`."] : []),
    );
  if (over > 0 && long === "refuse")
    throw fail(
      place,
      `at most ${formatCount(o.length)} tokens`,
      formatCount(ids.length),
      "Raise `length`, leave such examples out with `long: skip`, or cut them with `long: cut` (then their end is not learnt).",
    );
  return { place, ids: over > 0 ? ids.slice(0, o.length) : ids, trained: kept, cut: Math.max(0, over) };
}

export interface EncodedExamples {
  readonly encoded: readonly Encoded[];
  readonly problems: readonly LoamError[];
  /** Examples left out for their length, and those whose end was cut. */
  readonly tooLong: number;
  readonly cut: number;
}

/** All of them, with what is wrong told one by one. */
export function encodeExamples(text: TuneText, examples: readonly PlacedExample[], o: EncodeExampleOptions): EncodedExamples {
  const encoded: Encoded[] = [];
  const problems: LoamError[] = [];
  let tooLong = 0;
  for (const placed of examples)
    try {
      const one = encodeExample(text, placed, o);
      if (one) encoded.push(one);
      else tooLong++;
    } catch (error) {
      if (!isLoamError(error)) throw error;
      problems.push(error);
    }
  return { encoded, problems, tooLong, cut: encoded.filter(e => e.cut > 0).length };
}
