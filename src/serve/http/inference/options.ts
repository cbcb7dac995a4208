/** What the parameters of a request ask for, once the register of fields has taken them, and the time that a request sets itself. */
import { z } from "zod";
import { serveErrors } from "../../errors.ts";
import { followAccount } from "../../response-account.ts";
import type { Exchange } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { rowOptions } from "../tensorflow/signatures.ts";

const generationOptions = z.object({ parameters: z.object(rowOptions.shape) });
type GenerationOptions = z.output<typeof rowOptions>;

/** Of a decoder's text. Errors: serve/type, serve/parameter with the parameter's place. */
export const optionsOf = (parameters: Readonly<Record<string, unknown>> | null | undefined): GenerationOptions =>
  parseBody(generationOptions, { parameters: parameters ?? {} }).parameters;

/** Of a model that generates no text: what is only about text is taken, and named among what changes nothing. */
export function ignoreOptions(exchange: Exchange, parameters: Readonly<Record<string, unknown>> | null | undefined): void {
  const names = Object.keys(parameters ?? {}).filter(name => Object.hasOwn(rowOptions.shape, name));
  if (names.length > 0) exchange.ignored = [...(exchange.ignored ?? []), ...names.map(name => `parameters.${name}`)];
}

/** Beyond it a timer would come at once. */
const mostMicroseconds = 24 * 3_600_000_000;

/** The signal of a request that sets itself a time, in microseconds; `isLate` once that is over. */
export function timedSignal(timeout: number | null | undefined, signal: AbortSignal): { readonly signal: AbortSignal; isLate(): boolean } {
  if (!timeout) return { signal, isLate: () => false };
  const timer = AbortSignal.timeout(Math.ceil(Math.min(timeout, mostMicroseconds) / 1000));
  const either = AbortSignal.any([signal, timer]);
  followAccount(either, signal);
  return { signal: either, isLate: () => timer.aborted && !signal.aborted };
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
