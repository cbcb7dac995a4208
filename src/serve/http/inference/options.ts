/**
 * What the parameters of a request ask for. Each is done, or has no effect that a caller could rely on (named in the header `x-loam-ignored`), or is refused by
 * name: one that is not done, and one that is misspelt.
 */
import { nearest } from "../../../base/index.ts";
import { serveErrors } from "../../errors.ts";
import { type Refusals, refuse } from "../parse.ts";
import { generationOptionNames } from "../tensorflow/signatures.ts";

/** Read where the answer is written. */
const ofAnswer = ["binary_data_output", "stream", "timeout", "details", "triton_enable_empty_final_response"];
/** Of Triton's schedulers and backends, and without an effect here. */
const harmless = [
  "priority",
  "sequence_id",
  "sequence_start",
  "sequence_end",
  "exclude_input_in_output",
  "end_id",
  "pad_id",
  "bad_words",
  "n",
  "best_of",
  "return_log_probs",
  "return_context_logits",
  "return_generation_logits",
];
const isFilled = (value: unknown) => (Array.isArray(value) ? value.some(v => v !== "") : value !== "");
const isOn = (value: unknown) => value !== false && value !== 0;
const logprobs = "Ask /generate with details, or /v1/completions with logprobs.";
const refusals: Refusals = {
  exclude_input_in_output: {
    asks: value => value === false,
    instead: "The answer is the text after the prompt: put the prompt before it.",
  },
  bad_words: { asks: isFilled, instead: "Use logit_bias with the tokens of the words." },
  n: { asks: value => value !== 1, instead: "Send the text several times in one tensor, or ask /v1/completions." },
  best_of: { asks: value => value !== 1, instead: "Ask /v1/completions." },
  return_log_probs: { asks: isOn, instead: logprobs },
  return_context_logits: { asks: isOn, instead: "Ask /v1/score." },
  return_generation_logits: { asks: isOn, instead: logprobs },
};

/** Names of Triton's backends for ours. */
const otherNames: Readonly<Record<string, string>> = { stop_words: "stop" };

interface InferenceOptions {
  /** Of the generation. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What was taken and has no effect. */
  readonly ignored: readonly string[];
}

/** Errors: serve/unsupported, serve/parameter with the parameter's name. */
export function inferenceOptions(parameters: Readonly<Record<string, unknown>> | null | undefined, isDecoder: boolean): InferenceOptions {
  const options: Record<string, unknown> = {};
  const ignored: string[] = [];
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (isDecoder) refuse(refusals, Object.fromEntries(given));
  for (const [written, value] of given) {
    const name = otherNames[written] ?? written;
    if (ofAnswer.includes(name)) continue;
    if (isDecoder && generationOptionNames.includes(name)) {
      if (name !== "stop" || isFilled(value)) options[name] = value;
      continue;
    }
    if (!harmless.includes(name) && !generationOptionNames.includes(name)) checkSpelling(name);
    ignored.push(name);
  }
  return { options, ignored };
}

function checkSpelling(name: string): void {
  const near = nearest(name.slice(0, 60), [...generationOptionNames, ...ofAnswer, ...harmless]);
  if (near === undefined) return;
  throw serveErrors.fail("parameter", {
    place: `parameters.${name.slice(0, 60)}`,
    expected: "a parameter that the server knows",
    received: JSON.stringify(name.slice(0, 60)),
    hint: `Try "${near}".`,
  });
}

/** Names what was ignored: letters, digits and the like alone, since a client wrote them. */
export function nameIgnored({ headers }: Response, ignored: readonly string[]): void {
  const shown = ignored.map(name => name.replace(/[^\w.-]/g, "?").slice(0, 60));
  if (shown.length > 0) headers.set("x-loam-ignored", shown.slice(0, 32).join(", "));
}

/** Beyond it a timer would come at once. */
const mostMicroseconds = 24 * 3_600_000_000;

/** The signal of a request that sets itself a time, in microseconds; `isLate` once that is over. */
export function timedSignal(timeout: number | null | undefined, signal: AbortSignal): { readonly signal: AbortSignal; isLate(): boolean } {
  if (!timeout) return { signal, isLate: () => false };
  const timer = AbortSignal.timeout(Math.ceil(Math.min(timeout, mostMicroseconds) / 1000));
  return { signal: AbortSignal.any([signal, timer]), isLate: () => timer.aborted && !signal.aborted };
}

export const tooLate = (cause: unknown) =>
  serveErrors.fail(
    "deadline",
    {
      place: "parameters.timeout",
      message: "the answer was not there in the time that the request set itself",
      hint: "Allow it more time.",
    },
    cause,
  );
