import { expect, test } from "vitest";
import { signBits, vectorBytes, vectorTypes } from "./vector-bytes.ts";

test.each(["big", "little"] as const)("every type has its width, and %s-endian bytes are the other order's reversed", order => {
  const other = order === "big" ? "little" : "big";
  for (const type of vectorTypes) {
    const width = { float32: 4, float16: 2, bfloat16: 2, fp8_e4m3: 1, fp8_e5m2: 1 }[type];
    const [bytes, reversed] = [vectorBytes([0.7], type, order), vectorBytes([0.7], type, other)];
    expect([type, bytes.length]).toEqual([type, width]);
    expect([...bytes].reverse()).toEqual([...reversed]);
  }
});

test("float32 keeps every bit", () => {
  const vector = Float32Array.from([0.1, -3.25, 1e-30]);
  expect(vectorBytes(vector, "float32", "native")).toEqual(new Uint8Array(vector.buffer));
});

test("signs are packed from the highest bit, zero with the positive ones", () => {
  expect(signBits([1, -1, 0, -2, 5, 5, -1, -1, 1], false)).toEqual([0b10101100, 0b10000000]);
  expect(signBits([1, -1, 0, -2, 5, 5, -1, -1], true)).toEqual([0b10101100 - 128]);
});

/** Numbers with their bits as PyTorch's types have them, by ml_dtypes 0.5.4 and NumPy 2.4: zeros, ties, numbers too small and too large. */
const numbers = [
  0, -0, 1, -1, 0.1, -0.3333, 0.0625, 1e-3, -2.5e-3, 1.0625, 1.03125, 0.001953125, 0.0009765625, 3e-8, 6e-5, 0.9990234375, 447.9, 448,
  70_000, 1e-9,
];
test.each([
  ["float16", [0, 32768, 15360, 48128, 11878, 46421, 11264, 5145, 39199, 15424, 15392, 6144, 5120, 1, 1007, 15358, 24320, 24320, 31744, 0]],
  [
    "bfloat16",
    [
      0, 32768, 16256, 49024, 15821, 48811, 15744, 14979, 47908, 16264, 16260, 15104, 14976, 13057, 14460, 16256, 17376, 17376, 18313,
      12425,
    ],
  ],
  ["fp8_e4m3", [0, 128, 56, 184, 29, 171, 24, 1, 129, 56, 56, 1, 0, 0, 0, 56, 126, 126, 127, 0]],
  ["fp8_e5m2", [0, 128, 60, 188, 46, 181, 44, 20, 153, 60, 60, 24, 20, 0, 4, 60, 95, 95, 124, 0]],
] as const)("%s rounds to nearest, ties to even", (type, expected) => {
  const vector = Float32Array.from(numbers);
  const bytes = vectorBytes(vector, type, "little");
  const view = new DataView(bytes.buffer);
  const size = bytes.length / vector.length;
  expect(Array.from(vector, (_, i) => (size === 2 ? view.getUint16(2 * i, true) : view.getUint8(i)))).toEqual(expected);
});
