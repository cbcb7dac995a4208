/**
 * Micro-batches: what a trainer is given on the host, checked by name before anything is written to the device. An array that is left out would
 * keep the values of the step before, and an id outside its table selects nothing that exists.
 */
import type { DeviceArray, TypedArray } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";

/** A micro-batch on the host: named arrays of fixed shapes, and how much each counts. */
export interface HostBatch {
  readonly arrays: Readonly<Record<string, TypedArray>>;
  /** Shapes of arrays that are not the trainer's: rows of another width. A program is built for each set of shapes. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Sum of the weights of its targets: what the loss is divided by. */
  readonly weight: number;
  /** Tokens of the micro-batch, padding and the shares of other ranks included; absent where the batch is whole. */
  readonly tokens?: number;
  /** What it was made of, for messages. */
  readonly documents?: readonly (string | number)[];
}

/** Shape and dtype of an array of a micro-batch. */
export interface BatchArraySpec {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32";
  /** Elements are ids of a table with so many rows: 0 to `below` - 1. Absent: any number. */
  readonly below?: number;
}

const typedArrays = { f32: Float32Array, i32: Int32Array } as const;

/** Position of the first id that is no row of a table; -1 where all are. */
function outside(ids: TypedArray, below: number): number {
  for (let i = 0; i < ids.length; i++) if (!(ids[i]! >= 0 && ids[i]! < below)) return i;
  return -1;
}

/** Throws `train/data` where arrays are missing, unknown, of another type or size, or hold ids outside their table. `place` names the batch. */
export function checkBatch(place: string, specs: Readonly<Record<string, BatchArraySpec>>, batch: HostBatch): void {
  const names = Object.keys(specs);
  const missing = names.filter(name => !Object.hasOwn(batch.arrays, name) || batch.arrays[name] === undefined);
  if (missing.length)
    throw trainErrors.fail("data", {
      place,
      expected: `arrays ${names.join(", ")}`,
      received: `none for ${missing.join(", ")}`,
      hint: "Each batch needs every array.",
    });
  const known = new Set(names);
  for (const [name, array] of Object.entries(batch.arrays)) {
    if (!known.has(name))
      throw trainErrors.fail("data", { place, expected: `arrays ${names.join(", ")}`, received: `also "${name}"`, hint: "Remove it." });
    const { shape, dtype, below } = specs[name]!;
    const size = (batch.shapes?.[name] ?? shape).reduce((n, d) => n * d, 1);
    const wanted = typedArrays[dtype];
    if (!(array instanceof wanted) || array.length !== size)
      throw trainErrors.fail("data", {
        place: `${place}: ${name}`,
        expected: `${size} elements in a ${wanted.name}`,
        received: ArrayBuffer.isView(array) ? `${array.length} in a ${array.constructor.name}` : typeof array,
      });
    const at = below === undefined ? -1 : outside(array, below);
    if (at >= 0)
      throw trainErrors.fail("data", {
        place: `${place}: ${name}`,
        expected: `ids from 0 to ${below! - 1}`,
        received: `${array[at]} at position ${at}`,
        hint: "To ignore a position give it weight 0 and any id in range; ids such as -100 are not special.",
      });
  }
}

/** Writes a checked micro-batch into its place on the device. */
export async function writeBatch(into: Readonly<Record<string, DeviceArray>>, batch: HostBatch): Promise<void> {
  for (const [name, array] of Object.entries(batch.arrays)) await into[name]!.write(array);
}
