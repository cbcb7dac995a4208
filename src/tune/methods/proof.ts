/**
 * What merging and quantising change, measured on texts: the greatest difference between logits of the model as it was tuned (its adapter in the
 * form in which it is served, where it has one), with every change multiplied into its weights, and of that in a quantised form.
 */
import {
  type Adapter,
  AdapterBank,
  adapted,
  type Bank,
  type Decoder,
  type DecoderConfig,
  type DecoderParameters,
  type DecoderSpec,
  decoderLogits,
} from "../../nn/index.ts";
import type { Device, DeviceArray, Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { treeOf } from "./paths.ts";
import type { FrozenArrays, FrozenTensors, TrainableArrays, TrainableTensors, Tuning } from "./tuning.ts";

export interface MergeProof {
  /** Tokens whose logits were compared. */
  readonly tokens: number;
  /** Greatest magnitude of a tuned logit: what the differences are of. */
  readonly greatest: number;
  /** Greatest difference of a logit, tuned and merged. */
  readonly merged: number;
  /** The adapter beside the full base, where what was tuned was the base in 4 bits; absent otherwise. */
  readonly besideBase?: number;
  /** Merged and quantised; absent where nothing is quantised. */
  readonly quantised?: number;
  /** Tokens at which the quantised model finds another one likeliest. */
  readonly otherChoices?: number;
}

export interface ProofOptions {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly tuning: Tuning<DecoderSpec>;
  readonly trainable: TrainableArrays;
  readonly frozen: FrozenArrays;
  readonly merged: DecoderParameters;
  readonly adapter?: Adapter | undefined;
  readonly quantised?: DecoderParameters | undefined;
  /** The full base, where what was tuned is another form of it (`qlora`) and there is an adapter. */
  readonly base?: DecoderParameters | undefined;
  /** Sequences of tokens; read one at a time. */
  readonly texts: readonly ArrayLike<number>[];
  readonly signal?: AbortSignal | undefined;
}

type Logits = (tokens: ArrayLike<number>) => Promise<Float32Array>;

/** Logits of one sequence by a program over trees of parameters. */
function logitsBy(o: ProofOptions, trees: readonly unknown[], effective: (...trees: never[]) => Decoder): { of: Logits; dispose(): void } {
  const program = treeProgram<DeviceArray>((tokens: Tensor, ...given: never[]) => decoderLogits(o.config, effective(...given), tokens), {
    device: o.device,
    name: "proof",
  });
  return {
    dispose: () => program.dispose(),
    async of(tokens) {
      const given = await o.device.array(Int32Array.from(tokens), "i32", [1, tokens.length]);
      const out = await program.with(o.signal ? { signal: o.signal } : {}, given, ...trees);
      const logits = ((await out.read()) as Float32Array).slice();
      out.dispose();
      given.dispose();
      return logits;
    },
  };
}

function greatestIn(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/** Measures it. Longer texts than the context are read up to it. */
export async function mergeProof(o: ProofOptions): Promise<MergeProof> {
  const bank = o.adapter && (await AdapterBank.open(o.config, o.device, { count: 1, rank: o.adapter.rank }));
  if (bank) await bank.write(1, o.adapter);
  const rows = await o.device.array(Int32Array.of(1), "i32", [1]);
  const beside = (parameters: unknown, { arrays, rank }: AdapterBank) =>
    logitsBy(o, [parameters, arrays, rows], (p: Decoder, b: Bank, r: Tensor) => adapted(p, { bank: b, rows: r }, rank));
  const onBase = bank && o.base && beside(o.base, bank);
  const tuned = bank
    ? beside(treeOf(Object.entries(o.frozen)), bank)
    : logitsBy(o, [o.frozen, o.trainable], (f: FrozenTensors, t: TrainableTensors) => o.tuning.parameters(f, t));
  const merged = logitsBy(o, [o.merged], (p: Decoder) => p);
  const quantised = o.quantised && logitsBy(o, [o.quantised], (p: Decoder) => p);
  let [tokens, greatest, changed, rounded, others, moved] = [0, 0, 0, 0, 0, 0];
  try {
    for (const text of o.texts) {
      const ids = Array.from(text).slice(0, o.config.context);
      const [a, b, c, d] = [await tuned.of(ids), await merged.of(ids), await quantised?.of(ids), await onBase?.of(ids)];
      for (let i = 0; i < a.length; i++) {
        greatest = Math.max(greatest, Math.abs(a[i]!));
        changed = Math.max(changed, Math.abs(a[i]! - b[i]!));
        if (d) moved = Math.max(moved, Math.abs(a[i]! - d[i]!));
        if (c) rounded = Math.max(rounded, Math.abs(b[i]! - c[i]!));
      }
      const { vocab } = o.config;
      if (c)
        for (let t = 0; t < ids.length; t++) {
          const at = (all: Float32Array) => greatestIn(all.subarray(t * vocab, (t + 1) * vocab));
          if (at(b) !== at(c)) others++;
        }
      tokens += ids.length;
    }
  } finally {
    for (const x of [tuned, merged, quantised, onBase]) x?.dispose();
    rows.dispose();
    bank?.dispose();
  }
  return {
    tokens,
    greatest,
    merged: changed,
    ...(onBase ? { besideBase: moved } : {}),
    ...(quantised ? { quantised: rounded, otherChoices: others } : {}),
  };
}

/** `logits move by at most 2.1e-5 when merged (of 31.4), 0.84 in int8: another token likeliest at 3 of 512`. */
export function showProof(p: MergeProof, form?: string): string {
  const size = (x: number): string => (x === 0 ? "0" : x >= 0.01 ? x.toFixed(2) : x.toExponential(1));
  const rounded =
    p.quantised === undefined
      ? ""
      : `, by ${size(p.quantised)} in ${form ?? "a quantised form"} (another token likeliest at ${p.otherChoices} of ${p.tokens})`;
  const base = p.besideBase === undefined ? "" : `, by ${size(p.besideBase)} beside the full base`;
  return `logits move by at most ${size(p.merged)} when merged (the greatest is ${size(p.greatest)})${base}${rounded}`;
}
