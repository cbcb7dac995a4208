/**
 * Whether a decoder's programs give a token the same bits, whichever of them computes it: chunks of any width, single steps, verification.
 * Where they do, a prefix may be taken over at any position and guessed tokens may be verified in a chunk, and no answer changes by a bit.
 * Kernels are chosen by shapes and the processor, so it is asked once, on random tokens: another order of summation shows in hundreds of
 * logits at once.
 */
import { random } from "../../base/index.ts";
import { type Adapter, projectionSizes } from "../adapters/adapter.ts";
import { positionsOf } from "../cache-pages.ts";
import type { DecoderConfig } from "../decoder.ts";
import type { DecoderParameters, LogitRows, StepDecoder } from "./cached-decoder.ts";

/** Enough for a full narrow chunk and a part of another; few, because every program runs over them. */
const mostTokens = 24;
/** Tokens at the end that are decoded one by one. */
const steps = 2;

export interface Uniformity {
  /** Programs agree: without adapters, and, where there is room for them, with them. */
  readonly isUniform: boolean;
  /** A row without an adapter gets the same bits from the programs with adapters and from those without. */
  readonly isPlainSame: boolean;
  /** The pages of the cache make no difference: not how many are looked at, not that they are summed one by one. */
  readonly isPagedSame: boolean;
}

/**
 * Runs every program on the same tokens in the last slot and compares the logits. Needs a slot that nobody uses, and leaves it behind; the
 * adapters' places must be empty, and are again.
 */
export async function uniformity(decoder: StepDecoder, parameters: DecoderParameters): Promise<Uniformity> {
  const { bank } = decoder;
  const isPagedSame = await pagesAgree(decoder, parameters);
  const plain = await logitsOfAll(decoder, parameters, undefined);
  if (!bank) return { isUniform: isPagedSame && areSame(plain), isPlainSame: true, isPagedSame };
  const unadapted = await logitsOfAll(decoder, parameters, 0);
  // the same adapter in the first place and in the last: where it lies must not matter either
  const adapter = someAdapter(decoder.config, bank.rank);
  const results: Float32Array[] = [];
  for (const place of new Set([1, bank.count])) {
    await bank.write(place, adapter);
    results.push(...(await logitsOfAll(decoder, parameters, place)));
    await bank.write(place, undefined);
  }
  const isPlainSame = plain.every((logits, i) => areSame([logits, unadapted[i]!]));
  return { isUniform: isPagedSame && isPlainSame && areSame(plain) && areSame(results), isPlainSame, isPagedSame };
}

/** Whether all programs give a token the same bits; see `uniformity`. */
export const isUniform = async (decoder: StepDecoder, parameters: DecoderParameters): Promise<boolean> =>
  (await uniformity(decoder, parameters)).isUniform;

const areSame = ([first, ...others]: readonly Float32Array[]): boolean => others.every(o => o.every((x, i) => x === first![i]));

/** At the end of each view, over noise: the first pages and all, by a chunk, a step and a verification. */
async function pagesAgree(decoder: StepDecoder, parameters: DecoderParameters): Promise<boolean> {
  const { slots, pages, views, config, verifyWidth } = decoder;
  if (views.length === 1) return true;
  const width = decoder.widths[0]!;
  const slot = slots - 1;
  const r = random("views");
  await decoder.overwrite(
    slot,
    Float32Array.from({ length: 4099 }, () => r.normal()),
  );
  const length = Math.max(width, verifyWidth);
  const tokens = Array.from({ length }, () => r.below(config.vocab));
  try {
    for (const view of views) {
      const end = positionsOf(pages, view);
      if (end < length) continue;
      const sequence = [...Array.from({ length: end - length }, () => 0), ...tokens];
      const results: Float32Array[] = [];
      for (const seesAll of [false, true]) {
        decoder.seesAll = seesAll;
        results.push(keep(await decoder.prefill(parameters, slot, sequence, { start: end - width, count: width, width }), 0));
        const last = (x: number) => Int32Array.from({ length: slots }, (_, i) => (i === slot ? x : 0));
        results.push(keep(await decoder.decode(parameters, last(sequence.at(-1)!), last(end - 1)), slot));
        results.push(keep(await decoder.verify(parameters, slot, sequence, end - verifyWidth), verifyWidth - 1));
      }
      if (!areSame(results)) return false;
    }
    return true;
  } finally {
    decoder.seesAll = false;
    await decoder.clear(slot);
  }
}

const keep = (rows: LogitRows, row: number): Float32Array => {
  const copy = rows.row(row).slice();
  rows.release();
  return copy;
};

/** An adapter of full rank for every projection, of a few random numbers again and again. */
function someAdapter(config: DecoderConfig, rank: number): Adapter {
  const r = random("adapter");
  const some = Float32Array.from({ length: 4099 }, () => 0.05 * r.normal());
  const numbers = (n: number, from: number) => Float32Array.from({ length: n }, (_, i) => some[(from + i) % some.length]!);
  const sizes = [...projectionSizes(config)];
  const layers = Array.from({ length: config.layers }, (_, i) =>
    Object.fromEntries(
      sizes.map(([p, { input, output }], j) => [
        p,
        { rank, down: numbers(rank * input, 31 * i + j), up: numbers(rank * output, 17 * i + 7 * j) },
      ]),
    ),
  );
  return { layers, rank, digest: "" };
}

/** Logits after the last token from each program, with the adapter of one place (0 is none) or by the programs without any. */
async function logitsOfAll(decoder: StepDecoder, parameters: DecoderParameters, adapter: number | undefined): Promise<Float32Array[]> {
  const { room, slots, widths, verifyWidth, roundWidth, config } = decoder;
  const slot = slots - 1;
  const r = random("uniform");
  const tokens = Array.from({ length: Math.min(mostTokens, room) }, () => r.below(config.vocab));
  const at = (...values: number[]) =>
    Int32Array.from({ length: slots * values.length }, (_, i) => (i < slot * values.length ? 0 : values[i - slot * values.length]!));
  const adapters = adapter === undefined ? undefined : at(adapter);
  const step = async (position: number) => keep(await decoder.decode(parameters, at(tokens[position]!), at(position), adapters), slot);
  const results: Float32Array[] = [];
  for (const width of widths) {
    const end = Math.max(1, tokens.length - steps);
    let last: Float32Array | undefined;
    for (let start = 0; start < end; start += width) {
      const first = Math.min(start, room - width);
      last = keep(
        await decoder.prefill(parameters, slot, tokens, { start: first, count: Math.min(width, end - first), width }, adapter),
        0,
      );
    }
    for (let i = end; i < tokens.length; i++) last = await step(i);
    results.push(last!);
  }
  // the cache is full of tokens now; the last few once more, as guesses
  const from = Math.max(0, Math.min(tokens.length - verifyWidth, room - verifyWidth));
  const some = tokens.slice(0, from + verifyWidth);
  results.push(keep(await decoder.verify(parameters, slot, some, from, adapter), some.length - from - 1));
  // and as a round
  const first = tokens.length - roundWidth;
  const positions = Array.from({ length: roundWidth }, (_, i) => first + i);
  results.push(keep(await decoder.decode(parameters, at(...tokens.slice(first)), at(...positions), adapters), slots * roundWidth - 1));
  return results;
}
