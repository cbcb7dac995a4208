/**
 * How many tokens of prompt and answer a sequence has room for where nobody says: what the model was trained for, within the memory at hand. Keys and
 * values of all sequences at that length may take half of the memory that is free once the weights are there; programs, packed weights and the models
 * beside it have the other half.
 */
import { cacheBytes, cachePages, type DecoderConfig } from "../../nn/index.ts";

/** Every model has as much, whatever memory says: it is what its requests were always given. */
export const leastContext = 2048;
/** A longer one has to be asked for: programs are made for it, and a start takes longer by them. */
export const mostDefaultContext = 8192;
/** Share of the free memory. */
const allowedShare = 0.5;

/** What the tokens of a sequence were decided by. */
export type ContextReason = "given" | "trained" | "memory" | "default";

export interface ContextChoice {
  /** Tokens of prompt and answer together. */
  readonly context: number;
  /** What the model was trained for. */
  readonly longest: number;
  /** `trained`: it is all that the model reads; `memory`: more does not fit; `default`: more has to be asked for. */
  readonly reason: ContextReason;
  /** Bytes of keys and values of all sequences at this length, at most. */
  readonly cacheBytes: number;
  /** Free when it was chosen. */
  readonly availableBytes: number;
}

/** The same of any model: one that reads whole texts keeps no keys and values. */
export type ServedContext = Pick<ContextChoice, "context" | "longest"> & Partial<ContextChoice>;

interface ContextWish {
  readonly config: DecoderConfig;
  readonly slots: number;
  readonly availableBytes: number;
  /** What somebody asked for. */
  readonly given?: number | undefined;
}

export function chosenContext({ config, slots, availableBytes, given }: ContextWish): ContextChoice {
  const longest = config.context;
  const bytesOf = (context: number): number => cacheBytes(config, slots, cachePages(config, context));
  const choice = (context: number, reason: ContextReason): ContextChoice => ({
    context,
    longest,
    reason: context === longest ? "trained" : reason,
    cacheBytes: bytesOf(context),
    availableBytes,
  });
  if (given !== undefined) return choice(Math.min(given, longest), "given");
  const most = Math.min(longest, mostDefaultContext);
  const least = Math.min(longest, leastContext);
  if (bytesOf(most) <= allowedShare * availableBytes) return choice(most, "default");
  let context = 2 ** Math.floor(Math.log2(most - 1));
  while (context > least && bytesOf(context) > allowedShare * availableBytes) context /= 2;
  return choice(Math.max(context, least), "memory");
}
