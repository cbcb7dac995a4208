/** Laws of products in seven: near the product in float64, whatever stands in memory before; weights packed by machine code are those packed in words. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { allocatePages, loadCode, machineFunction, type Pages, processorFeatures } from "../machine/index.ts";
import { strassenOf } from "./product-of.ts";
import { type ItemCode, multiplyCode, packRowsCode, packWeightCode } from "./strassen-code.ts";
import { isStrassen, type StrassenShape, strassenLayout, terms } from "./strassen-shape.ts";
import { packPair, type Weight, wholePairs } from "./strassen-weights.ts";

const isHere = processorFeatures().wide512;
const why = isHere ? "" : " (skipped: the processor has no 512-bit vectors)";

/** Numbers in (-1, 1) from a seed. */
function draws(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Runs all items over a record of addresses, the last item first. */
function runs({ code, items }: ItemCode, ...places: readonly Pages[]): void {
  const record = allocatePages(64);
  new BigUint64Array(record.buffer).set(places.map(p => p.address));
  const f = machineFunction(loadCode(code));
  for (let i = items; i-- > 0; ) f(record.address, i);
  record.free();
}

const holding = (data: Float32Array): Pages => {
  const pages = allocatePages(4 * data.length);
  new Float32Array(pages.buffer).set(data);
  return pages;
};

/** A weight as machine code packs it, and in words what it leaves out; or all in words. */
function packed(b: Float32Array, w: Weight, byCode: boolean): Float32Array {
  const { weightFloats, pairs } = strassenLayout({ ...w, rows: 0 });
  const [from, to] = [holding(b), allocatePages(4 * weightFloats)];
  if (byCode && wholePairs(w) > 0) runs(packWeightCode(w), from, to);
  const out = new Float32Array(to.buffer.slice(0, 4 * weightFloats));
  for (let pair = byCode ? wholePairs(w) : 0; pair < pairs; pair++) packPair(b, w, pair, out);
  for (const p of [from, to]) p.free();
  return out;
}

const guard = 1024;

function product(s: StrassenShape, a: Float32Array, weight: Float32Array): Float32Array {
  const size = s.rows * s.columns;
  const strange = (length: number) => new Float32Array(length).fill(Number.NaN);
  const [from, rows, b, out] = [
    holding(a),
    holding(strange(strassenLayout(s).rowsFloats)),
    holding(weight),
    holding(strange(size + guard)),
  ];
  runs(packRowsCode(s), from!, rows!);
  runs(multiplyCode(s), rows!, b!, out!);
  const result = new Float32Array(out!.buffer.slice(0, 4 * (size + guard)));
  for (const p of [from, rows, b, out]) p!.free();
  expect(result.subarray(size).every(Number.isNaN)).toBe(true);
  return result.subarray(0, size);
}

function check({ transposed, ...s }: StrassenShape & Pick<Weight, "transposed">, seed: number): void {
  const { rows, columns, inner, alpha } = s;
  const [a, b] = [draws(rows * inner, seed), draws(inner * columns, seed + 1)];
  const got = product(s, a, packed(b, { columns, inner, transposed }, true));
  // both operands are below 1: an element is off by rounding of sums of four, of so many of them
  const bound = Math.abs(alpha) * inner * 2 ** -20;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j += 1 + ((i + j) % 5)) {
      let want = 0;
      for (let k = 0; k < inner; k++) want += a[i * inner + k]! * b[transposed ? j * inner + k : k * columns + j]!;
      const off = Math.abs(got[i * columns + j]! - alpha * want);
      if (!(off <= bound)) expect.fail(`row ${i}, column ${j} of ${JSON.stringify(s)}: off by ${off}, allowed ${bound}`);
    }
}

test("the seven products give each part of the result, and meet it first with a plus", () => {
  const name = (side: string, [i, j]: readonly [number, number]) => `${side}${i}${j}`;
  const sums = new Map<string, Map<string, number>>();
  for (const { a, b, to } of terms)
    for (const [part, sign] of to) {
      const key = name("c", part);
      if (!sums.has(key)) expect(sign).toBe(1);
      const sum = sums.get(key) ?? new Map<string, number>();
      sums.set(key, sum);
      const parts = (side: "a" | "b", s: typeof a) => [
        [name(side, s.first), 1] as const,
        ...(s.second ? [[name(side, s.second.part), s.second.sign] as const] : []),
      ];
      for (const [x, p] of parts("a", a))
        for (const [y, q] of parts("b", b)) sum.set(`${x} ${y}`, (sum.get(`${x} ${y}`) ?? 0) + sign * p * q);
    }
  for (const i of [0, 1])
    for (const j of [0, 1]) {
      const left = [...sums.get(`c${i}${j}`)!].filter(([, n]) => n !== 0);
      expect(Object.fromEntries(left)).toEqual({ [`a${i}0 b0${j}`]: 1, [`a${i}1 b1${j}`]: 1 });
    }
});

test.skipIf(!isHere)(`products of any shape are near float64's${why}`, () => {
  fc.assert(
    fc.property(
      fc.record({
        rows: fc.integer({ min: 1, max: 20 }).map(n => 16 * n),
        columns: fc.integer({ min: 96, max: 400 }),
        inner: fc.integer({ min: 64, max: 350 }).map(n => 2 * n),
        alpha: fc.constantFrom(1, 0.125, -2),
        transposed: fc.boolean(),
      }),
      fc.nat(),
      (s, seed) => {
        fc.pre(isStrassen(s));
        check(s, seed);
      },
    ),
    { numRuns: 30 },
  );
});

test.skipIf(!isHere).each([
  { rows: 256, columns: 864, inner: 576 }, // more pairs than an item has
  { rows: 144, columns: 192, inner: 1536 }, // several blocks of inner places, and a last tile of eight and eight rows
])(`%j${why}`, s => {
  for (const transposed of [false, true]) check({ ...s, alpha: 1, transposed }, 7);
});

test.skipIf(!isHere)(`machine code packs weights as words do${why}`, () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 96, max: 400 }),
      fc.integer({ min: 64, max: 400 }).map(n => 2 * n),
      fc.boolean(),
      fc.nat(),
      (columns, inner, transposed, seed) => {
        fc.pre(isStrassen({ rows: 16, columns, inner }));
        const b = draws(columns * inner, seed);
        const w = { columns, inner, transposed };
        const [code, words] = [packed(b, w, true), packed(b, w, false)];
        expect(code.length).toBe(words.length);
        expect(code.findIndex((x, i) => x !== words[i])).toBe(-1);
      },
    ),
    { numRuns: 20 },
  );
});

test("what cannot be halved is no such product: odd rows and inner places, few columns, stacks of weights, rows stored as columns", () => {
  const plain = { transposeA: false, transposeB: false, alpha: 1 };
  expect(strassenOf([32, 576], [576, 192], plain)?.weight).toEqual({ columns: 192, inner: 576, transposed: false });
  expect(strassenOf([2, 16, 576], [192, 576], { ...plain, transposeB: true })?.shape).toEqual({
    rows: 32,
    columns: 192,
    inner: 576,
    alpha: 1,
  });
  for (const [a, b, attributes] of [
    [[40, 576], [576, 192], plain],
    [[32, 577], [577, 192], plain],
    [[32, 576], [576, 64], plain],
    [[32, 64], [64, 192], plain],
    [[2, 32, 576], [2, 576, 192], plain],
    [[576, 32], [576, 192], { ...plain, transposeA: true }],
  ] as const)
    expect(strassenOf(a, b, attributes)).toBeUndefined();
});
