/** Laws of chains of operations on elements: each step's float32, one after the other, whatever the rows, columns and inputs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawnFloats, pagesOf, runKernels, strangePages } from "../memory.laws.ts";
import { elementCode, valueRegisters } from "./element-code.ts";
import {
  type ElementAccess,
  type ElementProgram,
  type ElementStep,
  type ElementValue,
  isConstant,
  registersOf,
} from "./element-program.ts";

const guard = 64;

function run(p: ElementProgram, inputs: readonly Float32Array[]): Float32Array[] {
  const size = p.shape.reduce((n, d) => n * d, 1);
  const outs = p.outputs.map(() => strangePages(size + guard));
  const pages = [...inputs.map(pagesOf), ...outs];
  runKernels(elementCode(p), pages);
  const found = outs.map(o => new Float32Array(o.buffer.slice(0, 4 * (size + guard))));
  for (const o of pages) o.free();
  for (const f of found) expect(f.subarray(size).every(Number.isNaN)).toBe(true);
  return found.map(f => f.subarray(0, size));
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
const one: Readonly<Record<Exclude<ElementStep["kind"], "sumRow">, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: x => -x,
  sqrt: Math.sqrt,
  exp: Math.exp,
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
  const values = inputs.map((x, n) => Float32Array.from({ length: size }, (_, i) => x[place[p.inputs[n]!](i)]!));
  const at = (v: ElementValue, i: number) => (isConstant(v) ? Math.fround(v.constant) : values[v]![i]!);
  for (const { kind, of } of p.steps) {
    const sumOf = (i: number): number => {
      const row = Math.floor(i / columns) * columns;
      return Array.from({ length: Math.min(columns, size - row) }, (_, c) => at(of[0]!, row + c)).reduce((s, x) => s + x, 0);
    };
    values.push(
      Float32Array.from({ length: size }, (_, i) =>
        kind === "sumRow" ? sumOf(i) : one[kind](at(of[0]!, i), of[1] === undefined ? 0 : at(of[1], i)),
      ),
    );
  }
  return p.outputs.map(o => values[o]!);
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
