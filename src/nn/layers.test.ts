import fc from "fast-check";
import { expect, test } from "vitest";
import { type MapLeaves, random } from "../base/index.ts";
import type { Sight } from "../tensor/index.ts";
import { type Argument, compile, type DeviceArray, nodesOf, openDevice, type Shape, sizeOf, type Tensor, trace } from "../tensor/index.ts";
import { type Attention, type AttentionConfig, type AttentionOptions, attention, attentionSpec } from "./attention.ts";
import { dropout, dropoutFrom, feedForward, feedForwardSpec, type LinearSpec, type Norm, norm } from "./layers.ts";
import { crossEntropy, negativeLogLikelihood } from "./losses.ts";
import { type ArraysOf, initialise } from "./parameters.ts";
import { rotaryAt, rotaryTables, rotate } from "./rotary.ts";

/** The judge: small, and a fresh program costs it nothing. */
const device = openDevice("reference");
const numbers = (seed: string | number, shape: Shape, scale = 1): Promise<DeviceArray> => {
  const r = random(seed);
  return device.array(
    Float32Array.from({ length: sizeOf(shape) }, () => scale * r.normal()),
    "f32",
    shape,
  );
};
const ints = (list: readonly number[], shape: Shape) => device.array(Int32Array.from(list), "i32", shape);
type Given<A extends readonly unknown[]> = { readonly [I in keyof A]: MapLeaves<A[I], Tensor, Argument> };
const run = async <A extends readonly unknown[]>(f: (...args: A) => Tensor, ...args: Given<A>) =>
  (await compile(f, { device })(...args)).numbers();
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};
const each = (runs: number, law: (seed: number) => Promise<void>) => fc.assert(fc.asyncProperty(fc.nat(), law), { numRuns: runs });

// -- norms

const normOf = (kind: "layer" | "rms", width: number, bias: boolean) => async (x: DeviceArray) => {
  const p = { weight: await numbers("weight", [width]), ...(bias ? { bias: await numbers("bias", [width]) } : {}) };
  return run((q: Norm, y: Tensor) => norm(kind, q, y), p, x);
};
const changed = async (x: DeviceArray, f: (v: number) => number) => device.array(Float32Array.from(await x.numbers(), f), "f32", x.shape);

test("layer norm does not see a shift or a positive scale of its input; rms norm sees the shift and not the scale", () =>
  each(20, async seed => {
    const x = await numbers(seed, [3, 16], 4);
    const [layer, rms] = [normOf("layer", 16, true), normOf("rms", 16, false)];
    const [shifted, scaled] = [await changed(x, v => v + 7), await changed(x, v => 5 * v)];
    const [a, b] = [await layer(x), await rms(x)];
    expect(apart(await layer(shifted), a)).toBeLessThan(1e-4);
    expect(apart(await layer(scaled), a)).toBeLessThan(1e-4);
    expect(apart(await rms(scaled), b)).toBeLessThan(1e-4);
    expect(apart(await rms(shifted), b)).toBeGreaterThan(1e-2);
  }));

test("rms norm turns with a sign, and both norms give rows of the size that the weights say", () =>
  each(10, async seed => {
    const x = await numbers(seed, [2, 32], 3);
    const one = { weight: await device.full([32], 1) };
    const of = async (kind: "layer" | "rms", y: DeviceArray) => run((q: Norm, z: Tensor) => norm(kind, q, z), one, y);
    expect(
      apart(
        await of("rms", await changed(x, v => -v)),
        (await of("rms", x)).map(v => -v),
      ),
    ).toBe(0);
    for (const kind of ["layer", "rms"] as const) {
      const row = (await of(kind, x)).subarray(0, 32);
      expect(Math.hypot(...row)).toBeCloseTo(Math.sqrt(32), 3);
      if (kind === "layer") expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 4);
    }
  }));

// -- dropout

const drop = async (rate: number, seed: number, x: DeviceArray) => {
  const s = await device.array(seed, "i32");
  return run((t: Tensor, y: Tensor) => dropout(dropoutFrom(rate, t), y), s, x);
};

test("dropout keeps the mean, zeroes its share, and leaves the rest scaled", async () => {
  const n = 40_000;
  const x = await device.full([n], 1);
  for (const rate of [0.1, 0.5, 0.9]) {
    const y = await drop(rate, 3, x);
    const zeros = y.filter(v => v === 0).length / n;
    const mean = y.reduce((a, b) => a + b, 0) / n;
    // five standard errors of a share of n draws
    const error = 5 * Math.sqrt((rate * (1 - rate)) / n);
    expect(Math.abs(zeros - rate)).toBeLessThan(error);
    expect(Math.abs(mean - 1)).toBeLessThan(error / (1 - rate));
    expect(new Set(y).size).toBe(2);
  }
});

test("dropout is a pure function of its seed; another seed or another place in the model draws other elements", async () => {
  const x = await device.full([500], 1);
  const [a, again, other] = [await drop(0.5, 11, x), await drop(0.5, 11, x), await drop(0.5, 12, x)];
  expect(again).toEqual(a);
  const differ = (p: Float64Array, q: Float64Array) => p.filter((v, i) => v !== q[i]).length;
  expect(differ(a, other)).toBeGreaterThan(150);
  const s = await device.array(11, "i32");
  const twice = async (place: 0 | 1) =>
    run(
      (t: Tensor, y: Tensor) => {
        const d = dropoutFrom(0.5, t);
        return [dropout(d, y), dropout(d, y)][place]!;
      },
      s,
      x,
    );
  expect(await twice(0)).toEqual(a);
  expect(differ(await twice(1), a)).toBeGreaterThan(150);
  expect(await drop(0, 11, x)).toEqual(await x.numbers());
});

test("a part of a batch draws what its rows draw in the whole batch, and no others", async () => {
  const [parts, rows] = [4, 3];
  const x = await device.full([parts * rows, 5, 2], 1);
  const whole = await drop(0.5, 11, x);
  const s = await device.array(11, "i32");
  const own = await device.full([rows, 5, 2], 1);
  for (let part = 0; part < parts; part++) {
    const f = (t: Tensor, y: Tensor) => dropout(dropoutFrom(0.5, t, 0, part), y);
    expect(await run(f, s, own)).toEqual(whole.slice(part * own.size, (part + 1) * own.size));
    const { outputs } = trace(f, { shape: [], dtype: "i32" }, { shape: own.shape, dtype: "f32" });
    const drawn = nodesOf({ inputs: [], outputs }).filter(t => t.kind === "randomUniform");
    expect(drawn.map(t => t.size)).toEqual([own.size]);
  }
});

// -- rotary positions

const [heads, length, size] = [2, 5, 8];
const turned = async (x: DeviceArray, positions: readonly number[]) =>
  run(
    (y: Tensor, at: Tensor) => rotate(y, rotaryAt(rotaryTables(64, size, { base: 10_000 }), length, at)),
    x,
    await ints(positions, [1, length]),
  );
const lengths = (x: Float64Array) => Array.from({ length: x.length / size }, (_, i) => Math.hypot(...x.subarray(i * size, (i + 1) * size)));

test("rotary positions turn: lengths stay, position 0 stays, and q.k depends on the distance of positions alone", () =>
  each(15, async seed => {
    const shape = [1, heads, length, size];
    const [q, k] = [await numbers(`q${seed}`, shape), await numbers(`k${seed}`, shape)];
    const r = random(seed);
    const at = Array.from({ length }, () => r.below(40));
    const [qs, ks] = [await turned(q, at), await turned(k, at)];
    expect(apart(lengths(qs), lengths(await q.numbers()))).toBeLessThan(1e-5);
    expect(apart(await turned(q, [0, 0, 0, 0, 0]), await q.numbers())).toBe(0);
    expect(apart(await turned(q, [1, 2, 3, 4, 5]), await q.numbers())).toBeGreaterThan(0.1);
    const products = (a: Float64Array, b: Float64Array) => {
      const row = (x: Float64Array, i: number) => x.subarray(i * size, (i + 1) * size);
      return Array.from({ length: heads * length * length }, (_, n) => {
        const [h, i, j] = [Math.floor(n / length / length), Math.floor(n / length) % length, n % length];
        return row(a, h * length + i).reduce((s, v, d) => s + v * row(b, h * length + j)[d]!, 0);
      });
    };
    const shift = 1 + r.below(20);
    const moved = at.map(p => p + shift);
    expect(apart(products(await turned(q, moved), await turned(k, moved)), products(qs, ks))).toBeLessThan(1e-4);
  }));

// -- attention

const plain: AttentionConfig = { width: 12, heads: 4, kvHeads: 4, headSize: 3, bias: true };
const weightsOf = (c: AttentionConfig, seed: number | string) => initialise(attentionSpec(c, 0.5, 0.5), device, seed);
type Weights = ArraysOf<ReturnType<typeof attentionSpec>>;
const attend = (c: AttentionConfig, p: Weights, x: DeviceArray, o: AttentionOptions) =>
  run((q: Attention, y: Tensor) => attention(c, q, y, o).output, p, x);

/** What the definition says, in loops: softmax over the keys that are seen, one query at a time. */
async function bruteForce(
  c: AttentionConfig,
  p: Weights,
  x: DeviceArray,
  memory: DeviceArray,
  sees: (query: number, key: number) => boolean,
) {
  const project = async (part: "query" | "key" | "value", y: DeviceArray) => {
    const [w, b, v] = [await p[part].weight.numbers(), await p[part].bias?.numbers(), await y.numbers()];
    const out = w.length / c.width;
    return (t: number, j: number) => {
      let s = b?.[j] ?? 0;
      for (let i = 0; i < c.width; i++) s += v[t * c.width + i]! * w[i * out + j]!;
      return s;
    };
  };
  const [q, k, v] = [await project("query", x), await project("key", memory), await project("value", memory)];
  const [queries, keys] = [x.shape[1]!, memory.shape[1]!];
  const weights: number[] = [];
  const mixed: number[][] = Array.from({ length: queries }, () => []);
  for (let h = 0; h < c.heads; h++) {
    const kv = Math.floor(h / (c.heads / c.kvHeads));
    for (let t = 0; t < queries; t++) {
      const scores = Array.from({ length: keys }, (_, s) => {
        if (!sees(t, s)) return Number.NEGATIVE_INFINITY;
        let dot = 0;
        for (let d = 0; d < c.headSize; d++) dot += q(t, h * c.headSize + d) * k(s, kv * c.headSize + d);
        return dot / Math.sqrt(c.headSize);
      });
      const top = Math.max(...scores);
      const e = scores.map(s => Math.exp(s - top));
      const total = e.reduce((a, b) => a + b, 0);
      weights.push(...e.map(w => w / total));
      for (let d = 0; d < c.headSize; d++) mixed[t]!.push(e.reduce((s, w, j) => s + (w / total) * v(j, kv * c.headSize + d), 0));
    }
  }
  const [w, b] = [await p.output.weight.numbers(), await p.output.bias?.numbers()];
  const output = mixed.flatMap(row =>
    Array.from({ length: c.width }, (_, j) => (b?.[j] ?? 0) + row.reduce((s, m, i) => s + m * w[i * c.width + j]!, 0)),
  );
  return { weights, output };
}

const sights: readonly (readonly [claim: string, sight: Sight, sees: (q: number, k: number) => boolean])[] = [
  ["everything", { causal: false }, () => true],
  ["the past", { causal: true }, (q, k) => k <= q],
  ["the last three of the past", { causal: true, window: 3 }, (q, k) => k <= q && k > q - 3],
  ["two to either side", { causal: false, window: 3 }, (q, k) => Math.abs(q - k) < 3],
];
for (const [claim, sight, sees] of sights)
  test(`attention that sees ${claim} is its definition in loops, and so are its weights on request`, () =>
    each(4, async seed => {
      for (const c of [plain, { ...plain, kvHeads: 2, bias: false }]) {
        const p = await weightsOf(c, seed);
        const x = await numbers(`x${seed}`, [1, 7, c.width]);
        const want = await bruteForce(c, p, x, x, sees);
        expect(apart(await attend(c, p, x, { sight }), want.output)).toBeLessThan(1e-5);
        const shown = await run(
          (q: Attention, y: Tensor) => {
            const seen: Tensor[] = [];
            attention(c, q, y, { sight, onWeights: w => seen.push(w) });
            return seen[0]!;
          },
          p,
          x,
        );
        expect(apart(shown, want.weights)).toBeLessThan(1e-6);
      }
    }));

test("blocks of queries change nothing, for every sight and block that divides the length", () =>
  each(3, async seed => {
    const p = await weightsOf(plain, seed);
    const x = await numbers(`x${seed}`, [2, 8, plain.width]);
    for (const [, sight] of sights) {
      const whole = await attend(plain, p, x, { sight });
      for (const block of [1, 2, 4, 8, 3]) expect(apart(await attend(plain, p, x, { sight, block }), whole)).toBeLessThan(1e-6);
    }
  }));

test("grouped queries are full attention with each key-value head repeated for its group", () =>
  each(6, async seed => {
    const grouped = { ...plain, kvHeads: 2 };
    const p = await weightsOf(grouped, seed);
    /** Columns of the two heads' projections, each written twice. */
    const repeated = async (a: DeviceArray) => {
      const v = await a.numbers();
      const [rows, columns] = [a.size / 6, 6];
      const out = Float32Array.from({ length: rows * 12 }, (_, n) => {
        const [row, j] = [Math.floor(n / 12), n % 12];
        const head = Math.floor(j / 3 / 2);
        return v[row * columns + head * 3 + (j % 3)]!;
      });
      return device.array(out, "f32", [...a.shape.slice(0, -1), 12]);
    };
    const full = {
      ...p,
      key: { weight: await repeated(p.key.weight), bias: await repeated(p.key.bias!) },
      value: { weight: await repeated(p.value.weight), bias: await repeated(p.value.bias!) },
    };
    const x = await numbers(`x${seed}`, [2, 6, 12]);
    for (const [, sight] of sights)
      expect(apart(await attend(grouped, p, x, { sight }), await attend(plain, full, x, { sight }))).toBeLessThan(1e-5);
  }));

test("cross attention does not see padding, whatever it holds, and equals attention over the real positions alone", () =>
  each(6, async seed => {
    const p = await weightsOf(plain, seed);
    const x = await numbers(`x${seed}`, [1, 3, 12]);
    const real = await numbers(`m${seed}`, [1, 4, 12]);
    const padded = async (noise: string) => {
      const tail = await (await numbers(noise, [1, 2, 12], 50)).numbers();
      return device.array(Float32Array.of(...(await real.numbers()), ...tail), "f32", [1, 6, 12]);
    };
    const across = async (memory: DeviceArray, present: readonly number[]) =>
      run(
        (q: Attention, y: Tensor, m: Tensor, segments: Tensor, memorySegments: Tensor) =>
          attention(plain, q, y, { sight: { causal: false }, memory: m, segments, memorySegments }).output,
        p,
        x,
        memory,
        await ints([1, 1, 1], [1, 3]),
        await ints(present, [1, present.length]),
      );
    const want = (await bruteForce(plain, p, x, real, () => true)).output;
    const [a, b] = [await across(await padded("one"), [1, 1, 1, 1, 0, 0]), await across(await padded("other"), [1, 1, 1, 1, 0, 0])];
    expect(a).toEqual(b);
    expect(apart(a, want)).toBeLessThan(1e-5);
    expect(apart(await across(await padded("one"), [1, 1, 1, 1, 1, 1]), want)).toBeGreaterThan(1e-3);
  }));

test("kvHeads that do not divide heads are refused", () => {
  expect(() => attentionSpec({ ...plain, kvHeads: 3 }, 1, 1)).toThrow("attention.kvHeads: expected a divisor of heads 4, got 3.");
});

test("attention names the shape that it was given in place of its width", () => {
  const specs = attentionSpec(plain, 1, 1);
  const like = (s: LinearSpec) =>
    ({ weight: { shape: s.weight.shape, dtype: "f32" }, bias: { shape: s.bias!.shape, dtype: "f32" } }) as const;
  const p = { query: like(specs.query), key: like(specs.key), value: like(specs.value), output: like(specs.output) };
  expect(() =>
    trace((q: Attention, x: Tensor) => attention(plain, q, x, { sight: { causal: true } }).output, p, {
      shape: [2, 3, 10],
      dtype: "f32",
    }),
  ).toThrow(/attention\.x: expected \[B, T, C=12\], got \[2, 3, 10\]/);
});

// -- feed-forward and losses

test("a gated feed-forward with a gate of zeros gives its bias alone; an ungated one has no gate", async () => {
  const specs = feedForwardSpec(4, 6, "swiglu", true, 0.5, 0.5);
  const p = await initialise(specs, device, 1);
  const closed = {
    ...p,
    gate: { weight: await device.zeros([4, 6]), bias: await device.zeros([6]) },
    down: { ...p.down, bias: await device.full([4], 3) },
  };
  const x = await numbers("x", [2, 4]);
  const y = await run((q: Parameters<typeof feedForward>[1], z: Tensor) => feedForward("swiglu", q, z), closed, x);
  expect([...y]).toEqual(Array(8).fill(3));
  expect(feedForwardSpec(4, 6, "relu2", false, 1, 1)).not.toHaveProperty("gate");
});

test("cross entropy of equal logits is log V; parts of a batch add up to the whole, by token and not by row", async () => {
  const [b, t, v] = [4, 3, 7];
  const logits = await numbers("logits", [b, t, v]);
  const r = random("targets");
  const targets = Array.from({ length: b * t }, () => r.below(v));
  const weights: number[] = Array.from({ length: b * t }, (_, i) => (i % 5 === 0 ? 0 : 1));
  const total = weights.reduce((a, w) => a + w, 0);
  const loss = async (from: number, to: number) => {
    const part = (a: readonly number[]) => a.slice(from * t, to * t);
    const rows = (await logits.numbers()).subarray(from * t * v, to * t * v);
    const out = await run(
      (l: Tensor, y: Tensor, w: Tensor, scale: Tensor) => crossEntropy(l, y, w, scale),
      await device.array(Float32Array.from(rows), "f32", [to - from, t, v]),
      await ints(part(targets), [to - from, t]),
      await device.array(Float32Array.from(part(weights)), "f32", [to - from, t]),
      1 / total,
    );
    return out[0]!;
  };
  expect((await loss(0, 1)) + (await loss(1, 3)) + (await loss(3, 4))).toBeCloseTo(await loss(0, 4), 5);
  const even = await run((l: Tensor, y: Tensor) => negativeLogLikelihood(l, y), await device.full([2, v], 3), await ints([0, 6], [2]));
  expect([...even].map(x => Math.abs(x - Math.log(v)) < 1e-6)).toEqual([true, true]);
});
