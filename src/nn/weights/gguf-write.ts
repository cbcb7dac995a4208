/**
 * Writes GGUF files (version 3): typed metadata, then tensors as float32, float16 or blocks of eight or four bits, one in memory at a time. Which keys
 * a model has is its row's business, what its tokenizer says the caller's.
 */
import { isFloat, sizeOf, toF16 } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import type { Model, ModelConfig } from "../families.ts";
import { rotaryFactorsTensor, tensorFactors } from "./gguf-architectures/rope.ts";
import type { GgufRow } from "./gguf-architectures/shared.ts";
import { ggufArchitectures, ggufNames } from "./gguf-rows.ts";
import { layoutTensors, tensorShapes } from "./layout.ts";
import type { TensorSource } from "./safetensors.ts";

/** A key, its type and its value. */
export type GgufEntry =
  | readonly [key: string, type: "u32" | "i32" | "f32", value: number]
  | readonly [key: string, type: "bool", value: boolean]
  | readonly [key: string, type: "text", value: string]
  | readonly [key: string, type: "texts", value: readonly string[]]
  | readonly [key: string, type: "i32s" | "f32s", value: ArrayLike<number>];

export const ggufWritable = ["F32", "F16", "Q8_0", "Q4_1"] as const;
export type GgufWritable = (typeof ggufWritable)[number];

const alignment = 32;

const u32 = (x: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(x);
  return b;
};
const u64 = (x: number): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(x));
  return b;
};
const text = (x: string): Buffer => {
  const bytes = Buffer.from(x, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
};
const bytesOf = (a: Float32Array | Int32Array): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength);
const list = (kind: number, length: number, bytes: Buffer): Buffer => Buffer.concat([u32(9), u32(kind), u64(length), bytes]);

/** Type and value as bytes. */
function valueBytes(entry: GgufEntry): Buffer {
  switch (entry[1]) {
    case "u32":
      return Buffer.concat([u32(4), u32(entry[2])]);
    case "i32":
      return Buffer.concat([u32(5), bytesOf(Int32Array.of(entry[2]))]);
    case "f32":
      return Buffer.concat([u32(6), bytesOf(Float32Array.of(entry[2]))]);
    case "bool":
      return Buffer.concat([u32(7), Buffer.of(entry[2] ? 1 : 0)]);
    case "text":
      return Buffer.concat([u32(8), text(entry[2])]);
    case "texts":
      return list(8, entry[2].length, Buffer.concat(entry[2].map(text)));
    case "i32s":
      return list(5, entry[2].length, bytesOf(Int32Array.from(entry[2])));
    case "f32s":
      return list(6, entry[2].length, bytesOf(Float32Array.from(entry[2])));
  }
}

interface Encoding {
  /** The number of the type in the file. */
  readonly number: number;
  readonly length: number;
  readonly sizeBytes: number;
  encode(data: Float32Array): Uint8Array;
}
/** Blocks of 32 numbers: a half d, and each number as a whole multiple of d; d is the largest magnitude / 127 (`quantize_row_q8_0_ref`). */
function q8_0(data: Float32Array): Uint8Array {
  const out = Buffer.alloc((data.length / 32) * 34);
  for (let block = 0, at = 0; block < data.length; block += 32, at += 34) {
    let most = 0;
    for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(data[block + i]!));
    const d = Math.fround(most / 127);
    const inverse = d ? Math.fround(1 / d) : 0;
    out.writeUInt16LE(toF16(d), at);
    for (let i = 0; i < 32; i++) {
      const x = Math.fround(data[block + i]! * inverse);
      // halves away from zero, as C's roundf
      out.writeInt8(Math.sign(x) * Math.floor(Math.abs(x) + 0.5), at + 2 + i);
    }
  }
  return out;
}
/** Blocks of 32 numbers: halves d and m, and for each number a whole multiple of d above m; m is the least number, m + 15 d the greatest (`quantize_row_q4_1_ref`). */
function q4_1(data: Float32Array): Uint8Array {
  const out = Buffer.alloc((data.length / 32) * 20);
  for (let block = 0, at = 0; block < data.length; block += 32, at += 20) {
    let [least, most] = [data[block]!, data[block]!];
    for (let i = 1; i < 32; i++) {
      least = Math.min(least, data[block + i]!);
      most = Math.max(most, data[block + i]!);
    }
    const d = Math.fround(Math.fround(most - least) / 15);
    const inverse = d ? Math.fround(1 / d) : 0;
    out.writeUInt16LE(toF16(d), at);
    out.writeUInt16LE(toF16(least), at + 2);
    const code = (i: number) => Math.min(15, Math.floor(Math.fround(Math.fround(Math.fround(data[block + i]! - least) * inverse) + 0.5)));
    for (let i = 0; i < 16; i++) out[at + 4 + i] = code(i) | (code(i + 16) << 4);
  }
  return out;
}
const encodings: { readonly [T in GgufWritable]: Encoding } = {
  F32: { number: 0, length: 1, sizeBytes: 4, encode: d => new Uint8Array(d.buffer, d.byteOffset, d.byteLength) },
  F16: { number: 1, length: 1, sizeBytes: 2, encode: d => new Uint8Array(Uint16Array.from(d, toF16).buffer) },
  Q8_0: { number: 8, length: 32, sizeBytes: 34, encode: q8_0 },
  Q4_1: { number: 3, length: 32, sizeBytes: 20, encode: q4_1 },
};

interface GgufTensorSource extends TensorSource {
  /** How it is stored; F32 when absent. */
  readonly as?: GgufWritable;
}

const padded = (n: number): number => Math.ceil(n / alignment) * alignment;

/** The bytes of a file in pieces. Tensors are f32; shapes are outermost first. Errors: nn/file where a tensor does not fit its type. */
export async function* ggufPieces(entries: readonly GgufEntry[], tensors: readonly GgufTensorSource[]): AsyncGenerator<Uint8Array> {
  const infos: Buffer[] = [];
  let offset = 0;
  for (const t of tensors) {
    const e = encodings[t.as ?? "F32"];
    if (!isFloat(t.dtype) || t.shape.length === 0 || (t.shape.at(-1) ?? 0) % e.length || sizeOf(t.shape) === 0)
      throw nnErrors.fail("file", {
        place: `gguf: ${t.name}`,
        expected: `floats in rows of whole blocks of ${e.length} (${t.as ?? "F32"})`,
        received: `${t.dtype} [${t.shape.join(", ")}]`,
      });
    const inFile = [...t.shape].reverse();
    infos.push(Buffer.concat([text(t.name), u32(inFile.length), ...inFile.map(u64), u32(e.number), u64(offset)]));
    offset = padded(offset + (sizeOf(t.shape) / e.length) * e.sizeBytes);
  }
  const keys = entries.map(entry => Buffer.concat([text(entry[0]), valueBytes(entry)]));
  const head = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(entries.length), ...keys, ...infos]);
  yield head;
  yield new Uint8Array(padded(head.length) - head.length);
  for (const t of tensors) {
    const bytes = encodings[t.as ?? "F32"].encode((await t.read()) as Float32Array);
    yield bytes;
    yield new Uint8Array(padded(bytes.length) - bytes.length);
  }
}

/** Token and output tables, which four bits cost most, in eight. */
const isTable = (name: string): boolean => name === "token_embd.weight" || name === "output.weight";

/** Vectors stay float32, and so does what is no row of whole blocks in a mixed file. */
const storedAs = (as: GgufWritable, { name, shape }: Pick<TensorSource, "name" | "shape">): GgufWritable => {
  if (shape.length < 2) return "F32";
  if (as !== "Q4_1") return as;
  if (shape.at(-1)! % encodings.Q4_1.length !== 0) return "F16";
  return isTable(name) ? "Q8_0" : "Q4_1";
};

/** Bytes of the weights of a model as `modelGguf` writes them, without the head; undefined where GGUF has no architecture for it. */
export function ggufWeightBytes(model: ModelConfig, as: GgufWritable): number | undefined {
  const row = rowFor(model)?.row;
  if (!row) return undefined;
  return tensorShapes(row, model)
    .map(t => (sizeOf(t.shape) / encodings[storedAs(as, t)].length) * encodings[storedAs(as, t)].sizeBytes)
    .reduce((sum, bytes) => sum + padded(bytes), 0);
}

/** The row that has this configuration, and its keys. */
const rowFor = (model: ModelConfig) =>
  ggufNames
    .map(name => ggufArchitectures[name] as GgufRow)
    .filter(row => row.family === model.family)
    .map(row => ({ row, keys: row.fromConfig(model.config) }))
    .find(r => r.keys);

/** `general.file_type`, what most tensors are. */
const fileTypes: { readonly [T in GgufWritable]: number } = { F32: 0, F16: 1, Q8_0: 7, Q4_1: 3 };

/**
 * A model as a GGUF file in pieces: matrices in the type that is asked for, norms and biases in float32. `text` has the keys of the
 * tokenizer, `about` those of `general`. Errors: nn/weights where no architecture there has this configuration.
 */
export function modelGguf(
  model: Model,
  as: GgufWritable,
  text: readonly GgufEntry[],
  about: readonly GgufEntry[] = [],
): AsyncGenerator<Uint8Array> {
  const found = rowFor(model);
  if (!found?.keys)
    throw nnErrors.fail("weights", {
      place: "export",
      expected: `a configuration that one of ${ggufNames.join(", ")} has`,
      received: `a ${model.family} without an equal there`,
      hint: "Its mixture of norm, positions, activation, biases and query-key norm is Loam's own.",
    });
  const { row, keys } = found;
  const rotaryFactors = model.family === "decoder" ? tensorFactors(model.config) : undefined;
  const factors: GgufTensorSource[] = rotaryFactors
    ? [{ name: rotaryFactorsTensor, dtype: "f32", shape: [rotaryFactors.length], read: () => Float32Array.from(rotaryFactors) }]
    : [];
  const tensors = layoutTensors(row, model, model.parameters).map((t): GgufTensorSource => ({ ...t, as: storedAs(as, t) }));
  const general: GgufEntry[] = [
    ["general.architecture", "text", row.architecture],
    ["general.file_type", "u32", fileTypes[as]],
    ...(as === "Q8_0" || as === "Q4_1" ? [["general.quantization_version", "u32", 2] as const] : []),
    ...about,
  ];
  return ggufPieces([...general, ...keys, ...text], [...factors, ...tensors]);
}
