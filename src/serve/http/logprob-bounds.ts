/** How many of the most likely tokens requests may ask for beside each token: the server's own bound (vLLM's `--max-logprobs`), and one of all together. */
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Services } from "./exchange.ts";

/** The number that a request asks for, where -1 is the whole vocabulary. Errors: serve/parameter above the server's bound. */
export function askedLogprobs(
  place: string,
  given: number | null | undefined,
  engine: Engine,
  { maxLogprobs = limits.topLogprobs }: Pick<Services, "maxLogprobs">,
): number | undefined {
  if (given == null) return undefined;
  const { vocabSize } = engine.model.tokenizer;
  const asked = given < 0 ? vocabSize : given;
  if (maxLogprobs < 0 || asked <= maxLogprobs) return asked;
  throw serveErrors.fail("parameter", {
    place,
    expected: `a number at most ${maxLogprobs}`,
    received: given < 0 ? `${given}, the ${vocabSize} tokens of the vocabulary` : String(given),
    hint: `Ask for fewer, or start the server with --max-logprobs ${asked}.`,
  });
}

/** Of one request: `top` tokens beside each of `tokens`. Errors: serve/parameter where they are more than a response can hold. */
export function checkOutcomes(place: string, top: number, tokens: number): void {
  if (top <= limits.topLogprobs || top * tokens <= limits.toldOutcomes) return;
  throw serveErrors.fail("parameter", {
    place,
    expected: `at most ${Math.max(limits.topLogprobs, Math.floor(limits.toldOutcomes / tokens))} for ${tokens} tokens`,
    received: String(top),
    hint: place === "prompt_logprobs" ? "Send a shorter prompt." : "Lower max_tokens.",
  });
}
