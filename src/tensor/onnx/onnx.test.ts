import fc from "fast-check";
import { expect, test } from "vitest";
import { type DType, dtypes, dtypeTable, sizeOf } from "../dtype.ts";
import {
  float,
  floats,
  formatModel,
  int,
  ints,
  type OnnxAttribute,
  type OnnxModel,
  readModel,
  string,
  strings,
  tensor,
  writeModel,
} from "./index.ts";
import { maxMessageBytes } from "./protobuf.ts";

const x = { name: "x", dtype: "f32", shape: [2] } as const;
const small = (parts: Partial<OnnxModel> = {}): OnnxModel => ({
  name: "g",
  nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  inputs: [x],
  outputs: [{ ...x, name: "y" }],
  initializers: [],
  opsets: { "": 21 },
  irVersion: 10,
  ...parts,
});

const name = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter(s => !s.includes("\0"));
const anyTensor = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(5), { maxLength: 3 }), seed: fc.nat() })
  .map(({ dtype, shape, seed }: { dtype: DType; shape: number[]; seed: number }) => {
    const data = new dtypeTable[dtype].array(new ArrayBuffer(sizeOf(shape) * dtypeTable[dtype].sizeBytes));
    const bytes = new Uint8Array(data.buffer);
    // Any bytes but f32 NaN patterns, which do not compare equal.
    for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === "bool" ? (seed >> (i % 20)) & 1 : (seed * (i + 1)) & 63;
    return { dtype, shape, data };
  });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(v => (Number.isSafeInteger(Number(v)) ? Number(v) : v));
const float32 = fc.float({ noNaN: true });
const anyAttribute: fc.Arbitrary<OnnxAttribute> = fc.oneof(
  int64.map(int),
  fc.array(int64, { maxLength: 4 }).map(ints),
  float32.map(float),
  fc.array(float32, { maxLength: 4 }).map(floats),
  name.map(string),
  fc.array(name, { maxLength: 4 }).map(strings),
  anyTensor.map(tensor),
);
const anyModel = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 4, maxLength: 9 }),
    attributes: fc.array(fc.dictionary(name, anyAttribute, { maxKeys: 3, noNullPrototype: true }), { minLength: 6, maxLength: 6 }),
    initializers: fc.array(anyTensor, { maxLength: 2 }),
    symbol: name,
  })
  .map(({ names, attributes, initializers, symbol }): OnnxModel => {
    const values = names.slice(initializers.length + 1);
    const before = names.slice(0, initializers.length + 1);
    return small({
      inputs: [{ name: before[0]!, dtype: "bf16", shape: [3, symbol, 0] }],
      initializers: initializers.map((t, i) => ({ name: before[i + 1]!, ...t })),
      nodes: values.map((output, i) => ({
        op: "Op",
        ...(i % 2 ? { domain: "com.microsoft", name: `n${i}` } : {}),
        inputs: [before[0]!, "", ...values.slice(0, i)],
        outputs: [output],
        ...(Object.keys(attributes[i] ?? {}).length ? { attributes: attributes[i]! } : {}),
      })),
      outputs: [{ name: values.at(-1)!, dtype: "i64", shape: [] }],
      opsets: { "": 21, "com.microsoft": 1 },
    });
  });

test("a model read back from its bytes is the same model", () => {
  fc.assert(
    fc.property(anyModel, model => {
      expect(readModel(writeModel(model))).toEqual(model);
    }),
    { verbose: 1 },
  );
});

test("the same model gives the same bytes", () => {
  fc.assert(
    fc.property(anyModel, model => {
      expect(Buffer.compare(writeModel(model), writeModel(structuredClone(model)))).toBe(0);
    }),
  );
});

test("damaged bytes are an error of Loam, never a crash or a hang", () => {
  const bytes = writeModel(small({ initializers: [{ name: "w", dtype: "f32", shape: [3], data: new Float32Array([1, 2, 3]) }] }));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
      const damaged = Uint8Array.from(cut ? bytes.subarray(0, at) : bytes);
      if (!cut) damaged[at] = value;
      try {
        readModel(damaged);
      } catch (error) {
        expect(error).toMatchObject({ problem: { code: "onnx/syntax" } });
      }
    }),
  );
});

test("typed data fields of other exporters are read", () => {
  // Model { ir_version: 10, graph { initializer { dims: 2, data_type: bf16, int32_data: [0x3f80, 0x4000] packed, name: "w" } } }
  const constant = [0x08, 2, 0x10, 16, 0x2a, 5, 0x80, 0x7f, 0x80, 0x80, 0x01, 0x42, 1, 0x77];
  const graph = [0x2a, constant.length, ...constant];
  const model = readModel(Uint8Array.from([0x08, 10, 0x3a, graph.length, ...graph]));
  expect(model.initializers[0]).toEqual({ name: "w", dtype: "bf16", shape: [2], data: new Uint16Array([0x3f80, 0x4000]) });
});

test.each<[string, Partial<OnnxModel>, RegExp]>([
  ["a value used before it is defined", { nodes: [{ op: "Add", inputs: ["x", "z"], outputs: ["y"] }] }, /node 0 \(Add\).*"z"/],
  [
    "a value defined twice",
    {
      nodes: [
        { op: "Exp", inputs: ["x"], outputs: ["y"] },
        { op: "Log", inputs: ["x"], outputs: ["y"] },
      ],
    },
    /node 1 \(Log\).*"y"/,
  ],
  ["an output that nothing defines", { outputs: [{ ...x, name: "nothing" }] }, /"nothing"/],
  ["a domain without a version", { nodes: [{ op: "Gelu", domain: "com.microsoft", inputs: ["x"], outputs: ["y"] }] }, /com\.microsoft/],
  [
    "a wrong number of elements",
    { initializers: [{ name: "w", dtype: "f32", shape: [2, 2], data: new Float32Array(3) }] },
    /"w".*4 elements.*3/,
  ],
  [
    "a typed array of another type",
    { initializers: [{ name: "w", dtype: "f16", shape: [1], data: new Float32Array(1) }] },
    /Uint16Array.*Float32Array/,
  ],
  ["a negative dimension", { inputs: [{ ...x, shape: [-1] }] }, /-1/],
  ["an unknown data type", { inputs: [{ ...x, dtype: "f64" as "f32" }] }, /"f64"/],
  [
    "a fraction as an integer attribute",
    { nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"], attributes: { axis: int(1.5) } }] },
    /axis.*1\.5/,
  ],
  ["a name with a NUL", { inputs: [{ ...x, name: "x\0" }] }, /NUL/],
])("%s is refused by name", (_, parts, sentence) => {
  expect(() => writeModel(small(parts))).toThrowError(sentence);
});

test("a model past 2 GB is refused and its largest constant named", () => {
  // The same memory, often: the file would hold it once for each constant.
  const data = new Float32Array(2 ** 26);
  const initializers = Array.from({ length: 8 }, (_, i) => ({ name: `w${i}`, dtype: "f32" as const, shape: [data.length], data }));
  expect(8 * data.byteLength).toBeGreaterThan(maxMessageBytes);
  expect(() => writeModel(small({ initializers }))).toThrowError(/"w0".*2147483647 bytes.*inputs of the graph/);
});

test("printing names every value once where it is defined", () => {
  const text = formatModel(
    small({
      nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: int(-1), perm: ints([1, 0]), mode: string("a") } }],
    }),
  );
  expect(text).toBe('g {\n  input x: f32[2]\n  y = Softmax(x, axis=-1, perm=[1, 0], mode="a")\n  output y: f32[2]\n}\n');
});
