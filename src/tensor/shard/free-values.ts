/**
 * Values that no rank has to be sent: constants, random numbers, and what is made of them element by element. Each rank makes the part that it needs
 * where it needs it: a dropout mask is drawn by the global place of its elements, so it is the same on any mesh.
 */
import * as f from "../functions.ts";
import { type OpKind, ops } from "../ops.ts";
import type { RandomWindow } from "../random-bits.ts";
import { constant, isKind, Tensor } from "../tensor.ts";
import {
  broadcastLayout,
  isWhole,
  layoutKey,
  localShape,
  reshapedShardLayout,
  type ShardLayout,
  shardOffsets,
  shardWindowOf,
  wholeLayout,
} from "./layout.ts";
import type { Mesh, MeshCoordinates } from "./mesh.ts";

/** Are a node's elements made of constants and random numbers at the same places alone? `isThere`: a value that is whole on every rank. */
export function isFreeKind(t: Tensor, isFree: (x: Tensor) => boolean, isThere: (x: Tensor) => boolean): boolean {
  if (isKind(t, "constant")) return true;
  if (isKind(t, "randomUniform")) return isThere(t.inputs[0]!);
  if (!(ops[t.kind].elementwise || isKind(t, "cast") || isKind(t, "broadcastTo") || isKind(t, "reshape"))) return false;
  return t.inputs.some(isFree) && t.inputs.every(x => isFree(x) || (x.size === 1 && isThere(x)));
}

/**
 * A part of a window that begins at a multiple of its own size in each dimension, as rows of a batch do. The first factor of a dimension is counted from
 * where the window begins; one without factors has size 1.
 */
function windowWithin(window: RandomWindow, { dimensions }: ShardLayout, part: RandomWindow): RandomWindow {
  const made: { of: number; start: number; size: number }[] = [];
  let at = 0;
  for (const [i, d] of dimensions.entries()) {
    const inner = d.slice(1).reduce((n, f) => n * f.size, 1);
    const factors = d.map((_, k) => ({ of: part.of[at + k]!, start: part.start[at + k]!, size: part.size[at + k]! }));
    const { start, size } = factors[0] ?? { start: 0, size: 1 };
    made.push({ of: window.of[i]! / inner, start: window.start[i]! / inner + start, size }, ...factors.slice(1));
    at += d.length;
  }
  return { of: made.map(f => f.of), start: made.map(f => f.start), size: made.map(f => f.size) };
}

type Get = (t: Tensor, layout: ShardLayout) => Tensor;

export class FreeValues {
  readonly #mesh: Mesh;
  readonly #at: MeshCoordinates;
  /** Of inputs, free or not. */
  readonly #get: Get;
  readonly #made = new Map<Tensor, Map<string, Tensor>>();

  constructor(mesh: Mesh, at: MeshCoordinates, get: Get) {
    this.#mesh = mesh;
    this.#at = at;
    this.#get = get;
  }

  add(t: Tensor): void {
    this.#made.set(t, new Map());
  }
  has(t: Tensor): boolean {
    return this.#made.has(t);
  }

  /** The rank's part in a layout. */
  get(t: Tensor, layout: ShardLayout): Tensor {
    const parts = this.#made.get(t)!;
    const key = layoutKey(layout);
    const part = parts.get(key) ?? this.#make(t, layout);
    parts.set(key, part);
    return part;
  }

  #make(t: Tensor, layout: ShardLayout): Tensor {
    const shape = localShape(layout, this.#mesh);
    if (isKind(t, "constant")) return isWhole(layout) ? t : this.#constantPart(t, layout, shape);
    if (isKind(t, "randomUniform")) {
      const seed = this.#get(t.inputs[0]!, wholeLayout([]));
      if (isWhole(layout)) return new Tensor("randomUniform", [seed], t.attributes);
      const own = shardWindowOf(layout, this.#mesh, this.#at);
      const { window } = t.attributes;
      return new Tensor("randomUniform", [seed], { ...t.attributes, shape, window: window ? windowWithin(window, layout, own) : own });
    }
    if (isKind(t, "reshape")) return this.#reshaped(t, layout, shape);
    const inputs = t.inputs.map(x => this.#get(x, broadcastLayout(layout, x.shape)));
    return isKind(t, "broadcastTo") ? f.broadcastTo(inputs[0]!, shape) : new Tensor(t.kind as OpKind, inputs, t.attributes);
  }

  #constantPart(t: Tensor<"constant">, layout: ShardLayout, shape: readonly number[]): Tensor {
    const { data } = t.attributes;
    const own = shardOffsets(layout, this.#mesh, this.#at);
    const part = data.slice(0, own.length);
    own.forEach((o, i) => {
      part[i] = data[o]!;
    });
    return constant(part, t.dtype, shape);
  }

  /** Of what lies in the other shape as this one is asked for; of the whole where no layout of it says that. */
  #reshaped(t: Tensor<"reshape">, layout: ShardLayout, shape: readonly number[]): Tensor {
    const [x] = t.inputs as [Tensor];
    const { layout: before, from } = reshapedShardLayout(layout, x.shape, this.#mesh);
    if (layoutKey(from) === layoutKey(layout)) return f.reshape(this.#get(x, before), shape);
    const whole = f.reshape(this.#get(x, wholeLayout(x.shape)), t.shape);
    const { of, start, size } = shardWindowOf(layout, this.#mesh, this.#at);
    const part = f.slice(f.reshape(whole, of), ...start.map((s, i): [number, number] => [s, s + size[i]!]));
    return f.reshape(part, shape);
  }
}
