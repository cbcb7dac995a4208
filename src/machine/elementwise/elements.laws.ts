/** Laws of chains of operations on elements: each step's float32, one after the other, whatever the rows, columns and inputs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { asBf16, drawnFloats, pagesOf, runKernels, spareElements, strangePages, toBf16Word } from "../memory.laws.ts";
import { elementCode, valueRegisters } from "./element-code.ts";
import {
  type ElementAccess,
  type ElementProgram,
  type ElementStep,
  type ElementValue,
  inputTypeOf,
  isConstant,
  outputRates,
  outputTypeOf,
  registersOf,
} from "./element-program.ts";

const guard = spareElements(64);

/** Elements of an output: one for each row where it is of rows. */
function sizeOfOutput(p: ElementProgram, o: number): number {
  const size = p.shape.reduce((n, d) => n * d, 1);
  return outputRates(p).ofRow.includes(o) ? size / p.columns : size;
}

function run(p: ElementProgram, inputs: readonly Float32Array[]): Float32Array[] {
  const outs = p.outputs.map((_, o) => strangePages(sizeOfOutput(p, o) + guard));
  const given = inputs.map((x, i) =>
    inputTypeOf(p, i) === "bf16" ? pagesOf(new Uint8Array(Uint16Array.from(x, toBf16Word).buffer)) : pagesOf(x),
  );
  runKernels(elementCode(p), [...given, ...outs]);
  const found = outs.map((pages, o) => {
    const size = sizeOfOutput(p, o);
    const words = new Uint16Array(pages.buffer.slice(0, 4 * (size + guard)));
    if (outputTypeOf(p, o) === "f32") {
      const all = new Float32Array(words.buffer);
      expect(all.subarray(size).every(Number.isNaN)).toBe(true);
      return all.subarray(0, size);
    }
    // what the guard holds, word by word
    expect(words.subarray(size).every((w, i) => w === ((size + i) % 2 ? 0x7fc0 : 0))).toBe(true);
    return new Float32Array(Uint32Array.from(words.subarray(0, size), w => w << 16).buffer);
  });
  for (const o of [...given, ...outs]) o.free();
  return found;
}

const erf = (x: number): number => {
  // the series 7.1.6 of Abramowitz and Stegun
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return Math.abs(x) > 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};
const one: Readonly<Record<Exclude<ElementStep["kind"], "sumRow" | "maxRow">, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: x => -x,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  erf,
  sigmoid: x => 1 / (1 + Math.exp(-x)),
};

/** Step by step over the whole array, each rounded to float32. */
function expected(p: ElementProgram, inputs: readonly Float32Array[]): Float32Array[] {
  const size = p.shape.reduce((n, d) => n * d, 1);
  const { columns } = p;
  const place: Readonly<Record<ElementAccess, (i: number) => number>> = {
    all: i => i,
    row: i => i % columns,
    column: i => Math.floor(i / columns),
    one: () => 0,
  };
  const values = inputs.map((x, n) => {
    const given = inputTypeOf(p, n) === "bf16" ? x.map(asBf16) : x;
    return Float32Array.from({ length: size }, (_, i) => given[place[p.inputs[n]!](i)]!);
  });
  const at = (v: ElementValue, i: number) => (isConstant(v) ? Math.fround(v.constant) : values[v]![i]!);
  for (const { kind, of } of p.steps) {
    const rowOf = (i: number): number[] => {
      const row = Math.floor(i / columns) * columns;
      return Array.from({ length: Math.min(columns, size - row) }, (_, c) => at(of[0]!, row + c));
    };
    const joined = (i: number) => (kind === "maxRow" ? Math.max(...rowOf(i)) : rowOf(i).reduce((s, x) => s + x, 0));
    values.push(
      Float32Array.from({ length: size }, (_, i) =>
        kind === "sumRow" || kind === "maxRow" ? joined(i) : one[kind](at(of[0]!, i), of[1] === undefined ? 0 : at(of[1], i)),
      ),
    );
  }
  const { ofRow } = outputRates(p);
  return p.outputs.map((v, o) => {
    const exact = ofRow.includes(o) ? values[v]!.filter((_, i) => i % columns === 0) : values[v]!;
    return outputTypeOf(p, o) === "bf16" ? exact.map(asBf16) : exact;
  });
}

const exact = ["add", "sub", "mul", "div", "neg", "sqrt"] as const;
const lengthOf = (access: ElementAccess, rows: number, columns: number): number =>
  ({ all: rows * columns, row: columns, column: rows, one: 1 })[access];

export function elementsLaws(): void {
  test("sums, products, quotients and roots have the bits of float32, whatever is spread over rows and columns", () => {
    fc.assert(
      fc.property(
        fc.record({
          rows: fc.integer({ min: 1, max: 40 }),
          columns: fc.integer({ min: 1, max: 90 }),
          inputs: fc.array(fc.constantFrom<ElementAccess[]>("all", "row", "column", "one"), { minLength: 1, maxLength: 4 }),
          steps: fc.array(fc.record({ kind: fc.nat(5), a: fc.nat(40), b: fc.nat(40), isConstant: fc.boolean() }), {
            minLength: 1,
            maxLength: 14,
          }),
        }),
        fc.nat(),
        ({ rows, columns, inputs: spreads, steps: drawn }, seed) => {
          const inputs: ElementAccess[] = ["all", ...spreads];
          const steps = drawn.map(({ kind, a, b, isConstant }, i): ElementStep => {
            const known = inputs.length + i;
            const last = i === 0 ? 0 : known - 1;
            if (kind > 3) return { kind: exact[kind]!, of: [last] };
            return { kind: exact[kind]!, of: [last, isConstant ? { constant: (b % 7) - 2.5 } : a % known] };
          });
          const p: ElementProgram = { shape: [rows, columns], columns, inputs, steps, outputs: [inputs.length + steps.length - 1] };
          fc.pre(registersOf(p) <= valueRegisters);
          const data = inputs.map((access, i) => drawnFloats(lengthOf(access, rows, columns), seed + i));
          const [got, want] = [run(p, data)[0]!, expected(p, data)[0]!];
          // one NaN is as good as another
          expect(got.findIndex((x, i) => !(x === want[i] || (Number.isNaN(x) && Number.isNaN(want[i]))))).toBe(-1);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("exp, erf and sigmoid are near what float64 gives", () => {
    const xs = drawnFloats(5000, 1).map(x => 20 * x);
    const kinds = ["exp", "erf", "sigmoid"] as const;
    const p: ElementProgram = {
      shape: [xs.length],
      columns: xs.length,
      inputs: ["all"],
      steps: kinds.map(kind => ({ kind, of: [0] })),
      outputs: [1, 2, 3],
    };
    const [got, want] = [run(p, [xs]), expected(p, [xs])];
    for (const [k, kind] of kinds.entries())
      for (const [i, x] of xs.entries()) {
        const [g, w] = [got[k]![i]!, want[k]![i]!];
        expect(Math.abs(g - w), `${kind}(${x}): ${g}, expected ${w}`).toBeLessThanOrEqual(4e-6 * Math.abs(w) + 1e-38);
      }
  });

  test("log is near what float64 gives, also beside 1, and what has none gives none", () => {
    const drawn = drawnFloats(3000, 2);
    const xs = Float32Array.from([
      ...drawn.map(x => Math.exp(80 * x)),
      ...drawn.map(x => 1 + x / 1000),
      0,
      1,
      Number.POSITIVE_INFINITY,
      -1,
      Number.NaN,
      1.17549435e-38,
      3.4e38,
    ]);
    const p: ElementProgram = {
      shape: [xs.length],
      columns: xs.length,
      inputs: ["all"],
      steps: [{ kind: "log", of: [0] }],
      outputs: [1],
    };
    const [got, want] = [run(p, [xs])[0]!, expected(p, [xs])[0]!];
    for (const [i, w] of want.entries()) {
      if (Number.isFinite(w)) expect(Math.abs(got[i]! - w), `log(${xs[i]})`).toBeLessThanOrEqual(3e-7 * Math.abs(w));
      else expect(got[i]).toBe(w);
    }
  });

  test("words of bf16 are read as their numbers, and results are rounded to the nearest, halves to even", () => {
    fc.assert(
      fc.property(
        fc.record({ rows: fc.integer({ min: 1, max: 30 }), columns: fc.integer({ min: 1, max: 70 }), isWords: fc.boolean() }),
        fc.nat(),
        ({ rows, columns, isWords }, seed) => {
          const p: ElementProgram = {
            shape: [rows, columns],
            columns,
            inputs: ["all", "all"],
            inputTypes: isWords ? ["bf16", "f32"] : ["f32", "bf16"],
            steps: [
              { kind: "mul", of: [0, 1] },
              { kind: "add", of: [2, 0] },
            ],
            outputs: [2, 3, 3],
            outputTypes: ["bf16", "f32", "bf16"],
          };
          const data = [drawnFloats(rows * columns, seed), drawnFloats(rows * columns, seed + 1)];
          expect(run(p, data)).toEqual(expected(p, data));
        },
      ),
      { numRuns: 60 },
    );
    const strange = Float32Array.of(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      3.4e38,
    );
    new Uint32Array(strange.buffer)[0] = 0x7f800001; // no number whose upper half is infinite
    const p: ElementProgram = { shape: [7], columns: 7, inputs: ["all"], steps: [], outputs: [0], outputTypes: ["bf16"] };
    const [got] = run(p, [strange]);
    expect(Array.from(got!)).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
      1,
      1 + 2 ** -6,
      Number.POSITIVE_INFINITY,
    ]);
  });

  test("a row's greatest element, its softmax and the logarithm of its sum, which is one number a row", () => {
    fc.assert(
      fc.property(
        fc.record({ rows: fc.integer({ min: 1, max: 70 }), columns: fc.integer({ min: 1, max: 300 }), hasWhole: fc.boolean() }),
        fc.nat(),
        ({ rows, columns, hasWhole }, seed) => {
          const steps: ElementStep[] = [
            { kind: "maxRow", of: [0] },
            { kind: "sub", of: [0, 1] },
            { kind: "exp", of: [2] },
            { kind: "sumRow", of: [3] },
            { kind: "log", of: [4] },
            { kind: "add", of: [5, 1] },
            { kind: "div", of: [3, 4] },
          ];
          const p: ElementProgram = { shape: [rows, columns], columns, inputs: ["all"], steps, outputs: hasWhole ? [7, 6, 1] : [6, 1] };
          const data = drawnFloats(rows * columns, seed).map(x => 30 * x);
          const [got, want] = [run(p, [data]), expected(p, [data])];
          for (const [o, list] of want.entries())
            for (const [i, w] of list.entries()) expect(Math.abs(got[o]![i]! - w)).toBeLessThanOrEqual(1e-5 * Math.abs(w) + 1e-6);
          expect(got.at(-1)).toEqual(want.at(-1)); // the greatest is exact
        },
      ),
      { numRuns: 15 },
    );
  });

  test("a norm's sums over rows are near those of float64, and what follows from them is computed once a row", () => {
    for (const [rows, columns] of [
      [3, 384],
      [70, 33],
      [1, 1],
    ] as const) {
      const data = drawnFloats(rows * columns, columns);
      // x / sqrt(mean of squares)
      const steps: ElementStep[] = [
        { kind: "mul", of: [0, 0] },
        { kind: "sumRow", of: [1] },
        { kind: "mul", of: [2, { constant: 1 / columns }] },
        { kind: "sqrt", of: [3] },
        { kind: "div", of: [0, 4] },
      ];
      const p: ElementProgram = { shape: [rows, columns], columns, inputs: ["all"], steps, outputs: [5] };
      const [got, want] = [run(p, [data])[0]!, expected(p, [data])[0]!];
      for (const [i, w] of want.entries()) expect(Math.abs(got[i]! - w)).toBeLessThan(1e-5 * Math.abs(w) + 1e-7);
    }
  });
}
