import fc from "fast-check";
import { expect, test } from "vitest";
import { splitTensorBody, tensorBody, tensorOutputs } from "./inference-binary.ts";
import {
  brainFloat,
  brainFloatBits,
  halfFloat,
  halfFloatBits,
  isTensorDatatype,
  readTensor,
  type TensorDatatype,
  tensorDatatypes,
  writeTensor,
} from "./inference-tensors.ts";
import { ProtocolFault } from "./protocol-fault.ts";
import type { Row } from "./values.ts";

const at = { place: "inputs[0].data", name: "text" };
const faultOf = (make: () => unknown): ProtocolFault => {
  try {
    make();
  } catch (error) {
    if (error instanceof ProtocolFault) return error;
    throw error;
  }
  throw new Error("no fault");
};

const integers = (bits: number, signed: boolean) =>
  fc.bigInt(signed ? { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n } : { min: 0n, max: 2n ** BigInt(bits) - 1n });
const small = (bits: number, signed: boolean) => integers(bits, signed).map(Number);
const elements: Readonly<Record<TensorDatatype, fc.Arbitrary<boolean | number | bigint | Uint8Array>>> = {
  BOOL: fc.boolean(),
  UINT8: small(8, false),
  UINT16: small(16, false),
  UINT32: small(32, false),
  UINT64: integers(64, false),
  INT8: small(8, true),
  INT16: small(16, true),
  INT32: small(32, true),
  INT64: integers(64, true),
  FP16: fc.integer({ min: 0, max: 0xffff }).map(halfFloat),
  BF16: fc.integer({ min: 0, max: 0xffff }).map(brainFloat),
  FP32: fc.float(),
  FP64: fc.double(),
  BYTES: fc.uint8Array({ maxLength: 40 }),
};

test("elements of every datatype come back from their bytes", () => {
  expect(Object.keys(elements).sort()).toEqual([...tensorDatatypes].sort());
  for (const datatype of tensorDatatypes.filter(isTensorDatatype))
    fc.assert(
      fc.property(fc.array<boolean | number | bigint | Uint8Array>(elements[datatype], { maxLength: 20 }), values => {
        const back = readTensor(datatype, writeTensor(datatype, values), values.length, at);
        expect(back.map(v => (v instanceof Uint8Array ? [...v] : v))).toEqual(values.map(v => (v instanceof Uint8Array ? [...v] : v)));
      }),
      { numRuns: 40 },
    );
});

test("bytes are little-endian, and an element of BYTES stands behind its length", () => {
  const hex = (datatype: TensorDatatype, values: (string | number | bigint | boolean)[]) =>
    Buffer.from(writeTensor(datatype, values)).toString("hex");
  expect(hex("INT32", [1, -2])).toBe("01000000feffffff");
  expect(hex("FP32", [1])).toBe("0000803f");
  expect(hex("FP16", [1, -2, 65504, 65520, 6e-8])).toBe("003c00c0ff7b007c0100");
  expect(hex("BF16", [1, 3.14])).toBe("803f4940");
  expect(hex("INT64", [-1n])).toBe("ffffffffffffffff");
  expect(hex("BYTES", ["a", "żó"])).toBe("010000006104000000c5bcc3b3");
});

test("all 16-bit numbers are fixed points of the roundings to them", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const [half, brain] = [halfFloat(bits), brainFloat(bits)];
    if (!Number.isNaN(half)) expect(halfFloatBits(half)).toBe(bits);
    if (!Number.isNaN(brain)) expect(brainFloatBits(brain)).toBe(bits);
  }
});

test("halves between two neighbours go to the even one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7bfe }), bits => {
      const middle = (halfFloat(bits) + halfFloat(bits + 1)) / 2;
      expect(halfFloatBits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    }),
  );
});

test("lengths that lie name the tensor", () => {
  const cases: [TensorDatatype, number[], number, RegExp][] = [
    ["INT32", [1, 2, 3], 1, /4 bytes \(1 elements of INT32\) for the tensor "text"/],
    ["FP64", [0, 0, 0, 0, 0, 0, 0, 0], 2, /16 bytes/],
    ["BYTES", [1, 0, 0], 1, /a length of 4 bytes before each element/],
    ["BYTES", [5, 0, 0, 0, 65], 1, /at most 1 bytes, as many as are left/],
    ["BYTES", [255, 255, 255, 255, 65], 1, /at most 1 bytes/],
    ["BYTES", [1, 0, 0, 0, 65, 0, 0, 0, 0], 1, /1 elements, as the shape says/],
    ["BYTES", [1, 0, 0, 0, 65], 2, /2 elements, as the shape says/],
    ["BOOL", [1], 2 ** 40, /bytes/],
  ];
  for (const [datatype, bytes, count, sentence] of cases) {
    const fault = faultOf(() => readTensor(datatype, Uint8Array.from(bytes), count, at));
    expect(fault.place).toBe("inputs[0].data");
    expect(fault.what).toMatch(sentence);
    expect(fault.what).toMatch(/for the tensor "text"/);
  }
});

const input = (more: Row): Row => ({ name: "text", datatype: "BYTES", shape: [1], ...more });

test("a body with binary data is the body that JSON alone would have been", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 8 }), fc.integer({ min: -9, max: 9 }), (texts, seed) => {
      const bytes = writeTensor("BYTES", texts);
      const number = writeTensor("INT64", [BigInt(seed)]);
      const json = Buffer.from(
        JSON.stringify({
          inputs: [
            input({ shape: [texts.length, 1], parameters: { binary_data_size: bytes.length } }),
            { name: "seed", datatype: "INT64", shape: [1], parameters: { binary_data_size: number.length } },
          ],
        }),
      );
      const parts = splitTensorBody(Buffer.concat([json, bytes, number]), String(json.length));
      const body = tensorBody(JSON.parse(Buffer.from(parts.json).toString()) as Row, parts.binary);
      expect(body).toMatchObject({ inputs: [{ data: texts }], parameters: { seed } });
    }),
  );
});

test("what does not add up in a binary body is a fault with its place", () => {
  const body = (inputs: Row[], bytes: number, header?: string) => () => {
    const json = Buffer.from(JSON.stringify({ inputs }));
    const parts = splitTensorBody(Buffer.concat([json, Buffer.alloc(bytes)]), header ?? String(json.length));
    return tensorBody(JSON.parse(Buffer.from(parts.json).toString()) as Row, parts.binary);
  };
  const sized = (binary_data_size: unknown, more: Row = {}) => [input({ parameters: { binary_data_size }, ...more })];
  const cases: [() => unknown, string, RegExp][] = [
    [body([], 0, "-1"), "inference-header-content-length", /whole number/],
    [body([], 0, "99999"), "inference-header-content-length", /at most the body's/],
    [body([], 0, "1e1"), "inference-header-content-length", /whole number/],
    [body(sized(-1), 4), "inputs[0].parameters.binary_data_size", /whole number/],
    [body(sized(1.5), 4), "inputs[0].parameters.binary_data_size", /whole number/],
    [body(sized("4"), 4), "inputs[0].parameters.binary_data_size", /whole number/],
    [body(sized(5), 4), "inputs[0].parameters.binary_data_size", /at most 4 bytes for the tensor "text"/],
    [body(sized(4), 6), "body", /4 bytes of tensors/],
    [body(sized(4, { data: ["a"] }), 4), "inputs[0].data", /either data or binary_data_size/],
    [body(sized(4, { shape: [-1] }), 4), "inputs[0].shape", /whole numbers/],
    [body(sized(4, { shape: Array(9).fill(1) }), 4), "inputs[0].shape", /at most 8/],
    [body(sized(4, { datatype: "TEXT" }), 4), "inputs[0].datatype", /datatype/],
    [body(sized(4, { name: 1 }), 4), "inputs[0].name", /a text/],
  ];
  for (const [make, place, sentence] of cases) {
    const fault = faultOf(make);
    expect(fault.place).toBe(place);
    expect(fault.what).toMatch(sentence);
  }
  expect(
    faultOf(() => tensorBody({ inputs: [input({ parameters: { binary_data_size: 5 } })] }, Uint8Array.from([1, 0, 0, 0, 255]))).what,
  ).toMatch(/texts in UTF-8/);
});

test("any bytes are a body or a fault, whatever the header says", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.option(fc.oneof(fc.integer({ min: -5, max: 80 }).map(String), fc.string())),
      (bytes, header) => {
        try {
          const { json, binary } = splitTensorBody(bytes, header);
          expect(json.length + binary.length).toBe(bytes.length);
          tensorBody({ inputs: [input({ shape: [2], parameters: { binary_data_size: binary.length } })] }, binary);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolFault);
        }
      },
    ),
  );
});

test("outputs are bytes or data, as each is asked for, and say how long they are", () => {
  const outputs = [
    { name: "label", datatype: "BYTES", shape: [2], data: ["a", "bc"] },
    { name: "scores", datatype: "FP32", shape: [2, 1], data: [0.5, 0.25] },
  ] as const;
  const { rows, parts } = tensorOutputs(outputs, name => name === "scores");
  expect(rows).toEqual([outputs[0], { name: "scores", datatype: "FP32", shape: [2, 1], parameters: { binary_data_size: 8 } }]);
  expect(parts.map(p => [...p])).toEqual([[0, 0, 0, 63, 0, 0, 128, 62]]);
});
