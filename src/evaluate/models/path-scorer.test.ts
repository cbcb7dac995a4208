import fc from "fast-check";
import { expect, test } from "vitest";
import { defined, random } from "../../base/index.ts";
import {
  type ArraysOf,
  type Decoder,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  gpt2Config,
  initialise,
  likelihood,
  llamaConfig,
} from "../../nn/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { cutTokens, decoderLikelihood, pathOfCut, rollingPaths } from "./decoder-likelihood.ts";
import { lengthClasses, plansFor, shapeFor, shapeName } from "./path-plan.ts";
import { countRows, layPaths, type Path, sortedPaths } from "./path-rows.ts";
import { type PathScore, pathScorer } from "./path-scorer.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 37, width: 24, layers: 2, heads: 4, context: 24 } as const;

const paths: fc.Arbitrary<Path[]> = fc
  .array(
    fc.record({
      inputs: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 9 }),
      count: fc.integer({ min: 1, max: 4 }),
      seed: fc.nat(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map(list =>
    list.map(({ inputs, count, seed }) => {
      const draw = random(seed);
      return { inputs, targets: Array.from({ length: Math.min(count, inputs.length) }, () => draw.below(size.vocab)) };
    }),
  );

test("rows hold every path once: its tokens are those that its last one sees, in order", () => {
  fc.assert(
    fc.property(paths, fc.integer({ min: 9, max: 30 }), fc.boolean(), (list, room, shares) => {
      const sorted = sortedPaths(list, [...list.keys()], shares);
      const rows = layPaths(sorted, room);
      expect(rows).toHaveLength(countRows(sorted, room));
      const seen = new Map<number, number>();
      for (const row of rows) {
        expect(row.tokens.length).toBeLessThanOrEqual(room);
        expect([...row.own.values()].reduce((a, b) => a + b, 0)).toBe(row.tokens.length);
        for (const number of row.own.keys()) {
          const { inputs, targets } = list[number]!;
          const own = row.scored.filter(s => s.path === number);
          expect(own.map(s => s.target)).toEqual(targets);
          const last = own.at(-1)!.at;
          const above = row.tokens.flatMap((_, i) => (i <= last && last < row.exits[i]! ? [i] : []));
          expect(above.map(i => row.tokens[i])).toEqual(inputs);
          expect(above.map(i => row.positions[i])).toEqual(inputs.map((_, i) => i));
          expect(own.map(s => s.at)).toEqual(above.slice(-targets.length));
          seen.set(number, (seen.get(number) ?? 0) + 1);
        }
      }
      expect(seen.size).toBe(list.length);
      expect(rows.flatMap(r => [...r.own.keys()])).toHaveLength(list.length);
    }),
    { numRuns: 60 },
  );
});

test("what paths share is laid once", () => {
  const list: Path[] = [
    { inputs: [1, 2, 3, 4], targets: [9] },
    { inputs: [1, 2, 3, 5], targets: [9] },
    { inputs: [1, 2, 3], targets: [8] },
    { inputs: [1, 2, 3], targets: [7] },
  ];
  const [row, ...more] = layPaths(sortedPaths(list, [0, 1, 2, 3]), 64);
  expect(more).toEqual([]);
  expect(row!.tokens).toEqual([1, 2, 3, 4, 5]);
});

test("the shape holds the longest path, does not depend on the order, and changes only where a new program pays", () => {
  const model = { width: 576, context: 2048 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2048 }), { minLength: 1, maxLength: 40 }), lengths => {
      const list = lengths.map((length, k): Path => ({ inputs: Array.from({ length }, (_, i) => k + i), targets: [1] }));
      const classes = lengthClasses(lengths);
      expect(classes.flat().sort((a, b) => a - b)).toEqual([...list.keys()]);
      for (const numbers of classes) {
        const sorted = sortedPaths(list, numbers);
        const shape = shapeFor(sorted, model, new Set());
        expect(shape.width).toBeGreaterThanOrEqual(sorted.longest);
        expect(shape.width).toBeLessThanOrEqual(model.context);
        // none is longer than twice a shorter one beyond what a batch holds anyway
        expect(sorted.longest).toBeLessThan(Math.max(513, 2 * Math.min(...numbers.map(n => lengths[n]!))));
        expect(shapeFor(sortedPaths(list, [...numbers].reverse()), model, new Set())).toEqual(shape);
        expect(shapeFor(sorted, model, new Set([shapeName(shape)]))).toEqual(shape);
      }
    }),
    { numRuns: 40 },
  );
  // 10 texts of 30 tokens: a program for them alone costs more than the room that is left in one that is there
  const few = Array.from({ length: 10 }, (_, k): Path => ({ inputs: Array.from({ length: 30 }, (_, i) => 100 * k + i), targets: [1] }));
  const sorted = sortedPaths(few, [...few.keys()]);
  expect(shapeFor(sorted, model, new Set())).toEqual({ rows: 10, width: 32 });
  expect(shapeFor(sorted, model, new Set(["12x32"]))).toEqual({ rows: 12, width: 32 });
});

test("where attention skips what is hidden, rows are wider and less of them is left empty", () => {
  const model = { width: 576, context: 2048 };
  const sums = [0, 8192].map(skipsTo => {
    let [left, widths] = [0, 0];
    for (let seed = 0; seed < 20; seed++) {
      const draw = random(`lengths ${seed}`);
      const list = Array.from(
        { length: 64 },
        (_, k): Path => ({
          inputs: Array.from({ length: 15 + draw.below(60) }, (_, i) => 1000 * k + i),
          targets: [1],
        }),
      );
      const sorted = sortedPaths(list, [...list.keys()]);
      const { rows, width } = shapeFor(sorted, { ...model, skipsTo }, new Set());
      left += Math.ceil(countRows(sorted, width) / rows) * rows * width - list.reduce((sum, p) => sum + p.inputs.length, 0);
      widths += width;
    }
    return { left, widths };
  });
  expect(sums[1]!.widths).toBeGreaterThan(sums[0]!.widths);
  expect(sums[1]!.left).toBeLessThan(sums[0]!.left);
  // rows that are wider than that are planned as if nothing were skipped
  const long = [{ inputs: Array.from({ length: 300 }, (_, i) => i), targets: [1] }];
  const of = (skipsTo?: number) => plansFor(long, true, { ...model, ...defined({ skipsTo }) }, new Set());
  expect(of(299)).toEqual(of());
});

test("every path is in one plan, kin together; a long text among short ones leaves their rows narrow", () => {
  const model = { width: 576, context: 2048 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 1, maxLength: 40 }), fc.boolean(), (lengths, shares) => {
      // every second one goes on as the one before it
      const list = lengths.map((length, k): Path => ({ inputs: Array.from({ length }, (_, i) => 3000 * (k >> 1) + i), targets: [1] }));
      const plans = plansFor(list, shares, model, new Set());
      expect(plans.flatMap(p => p.sorted.order).sort((a, b) => a - b)).toEqual([...list.keys()]);
      for (const { sorted, shape } of plans) expect(shape.width).toBeGreaterThanOrEqual(sorted.longest);
    }),
    { numRuns: 30 },
  );
  const lengths = [...Array.from({ length: 60 }, (_, k) => 20 + (k % 20)), 350];
  const list = lengths.map((length, k): Path => ({ inputs: Array.from({ length }, (_, i) => 1000 * k + i), targets: [1] }));
  const [short, long, ...more] = plansFor(list, true, model, new Set());
  expect(more).toEqual([]);
  expect(long!.sorted.order).toEqual([60]);
  expect(short!.shape.width).toBeLessThan(200);
  const start = Array.from({ length: 130 }, (_, i) => 90_000 + i);
  const kin = list.map((p, k): Path => (k % 60 === 0 ? { ...p, inputs: [...start, ...p.inputs] } : p));
  expect(plansFor(kin, true, model, new Set()).find(p => p.sorted.order.includes(60))!.sorted.order).toContain(0);
});

test("rows that are left half empty are laid in a program of another width that is there, and every path stays in one plan", () => {
  const model = { width: 576, context: 2048, skipsTo: 8192 };
  /** Tokens that are computed, and what programs that are not there cost (as in `path-plan.ts`). */
  const spent = (plans: ReturnType<typeof plansFor>, built: ReadonlySet<string>) => {
    const made = new Set(plans.map(p => shapeName(p.shape)).filter(name => !built.has(name)));
    const batches = plans.map(({ sorted, shape: { rows, width } }) => Math.ceil(countRows(sorted, width) / rows) * (rows * width + 16));
    return batches.reduce((a, n) => a + n, 200 * made.size);
  };
  let fewer = 0;
  for (let seed = 0; seed < 20; seed++) {
    const draw = random(`last rows ${seed}`);
    const list = Array.from(
      { length: 30 + draw.below(60) },
      (_, k): Path => ({
        inputs: Array.from({ length: 15 + draw.below(60) }, (_, i) => 1000 * k + i),
        targets: [1],
      }),
    );
    const [few, many] = [new Set(["1x480"]), new Set(["1x480", "1x288", "1x864", "3x160"])];
    const [plain, mixed] = [plansFor(list, true, model, few), plansFor(list, true, model, many)];
    expect(mixed.flatMap(p => p.sorted.order).sort((a, b) => a - b)).toEqual([...list.keys()]);
    for (const { sorted, shape } of mixed) expect(sorted.longest).toBeLessThanOrEqual(shape.width);
    // attention, which depends on the longest text of a plan, is some hundredths
    expect(spent(mixed, many)).toBeLessThanOrEqual(1.03 * spent(plain, few));
    if (spent(mixed, many) < 0.98 * spent(plain, few)) fewer++;
  }
  expect(fewer).toBeGreaterThan(7);
});

const configs: Record<string, DecoderConfig> = {
  "learned positions": gpt2Config(size),
  "turned positions": llamaConfig({ ...size, kvHeads: 2 }),
  "a window, which cannot share": { ...llamaConfig({ ...size, kvHeads: 2 }), window: 3 },
  // where the processor has the vectors, attention skips what is hidden, and rows are wide
  "heads of sixteen": llamaConfig({ ...size, width: 64, kvHeads: 2, context: 200 }),
  "heads of sixteen in a window": { ...llamaConfig({ ...size, width: 64, kvHeads: 2, context: 200 }), window: 3 },
};
for (const [name, config] of Object.entries(configs))
  test(`${name}: a path in a row of many has the likelihood that it has alone`, async () => {
    const parameters: ArraysOf<DecoderSpec> = await initialise(decoderSpec(config), device, name);
    const logits = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
    const draw = random(name);
    const list = Array.from({ length: 16 }, (): Path => {
      const inputs = [7, 7, ...Array.from({ length: 1 + draw.below(20) }, () => draw.below(3))];
      return { inputs, targets: Array.from({ length: 1 + draw.below(inputs.length) }, () => draw.below(size.vocab)) };
    });
    using scorer = pathScorer(device, config, parameters);
    const got = new Map<number, PathScore>();
    await scorer.score(list, (path, score) => got.set(path, score));
    expect(got.size).toBe(list.length);
    for (const [i, { inputs, targets }] of list.entries()) {
      const tokens = await device.array(
        Int32Array.from({ length: config.context }, (_, k) => inputs[k] ?? 0),
        "i32",
        [1, config.context],
      );
      const all = await (await logits(parameters, tokens)).numbers();
      let want = 0;
      let greedy = true;
      targets.forEach((t, k) => {
        const at = inputs.length - targets.length + k;
        const row = Float32Array.from(all.slice(at * size.vocab, (at + 1) * size.vocab));
        want += likelihood(row, t, 0).logProbability;
        greedy &&= row.indexOf(Math.max(...row)) === t;
      });
      expect(got.get(i)!.logLikelihood).toBeCloseTo(want, 4);
      expect(got.get(i)!.isGreedy).toBe(greedy);
    }
  });

test("states that wait for others are looked at where the work is broken off: every path is told once, and its likelihood is its own", async () => {
  const config = configs["turned positions"]!;
  const parameters: ArraysOf<DecoderSpec> = await initialise(decoderSpec(config), device, "waiting");
  const draw = random("waiting");
  // several batches, and more states than one portion of the head takes
  const list = Array.from({ length: 200 }, (): Path => {
    const inputs = Array.from({ length: 24 }, () => draw.below(size.vocab));
    return { inputs, targets: inputs.slice(0, 1 + draw.below(3)) };
  });
  using scorer = pathScorer(device, config, parameters);
  const whole = new Map<number, PathScore>();
  await scorer.score(list, (path, score) => {
    expect(whole.has(path)).toBe(false);
    whole.set(path, score);
  });
  expect(whole.size).toBe(list.length);
  const { signal } = new AbortController();
  let looks = 0;
  Object.defineProperty(signal, "aborted", { get: () => looks++ === 2 });
  Object.defineProperty(signal, "reason", { value: new Error("enough") });
  const part = new Map<number, PathScore>();
  await expect(scorer.score(list, (path, score) => part.set(path, score), signal)).rejects.toThrow("enough");
  // two batches of up to 512 tokens
  expect(part.size).toBeGreaterThan(512 / 24);
  expect(part.size).toBeLessThan(list.length);
  for (const [path, { logLikelihood, isGreedy }] of part) {
    expect(logLikelihood).toBeCloseTo(whole.get(path)!.logLikelihood, 4);
    expect(isGreedy).toBe(whole.get(path)!.isGreedy);
  }
});

/** A token a character. */
const letters = (text: string) => [...text].map(c => c.charCodeAt(0));

test("blanks at a context's end go to what follows", () => {
  const cut = cutTokens(letters, "ab  ", "c", [], 0);
  expect(cut).toEqual({ context: letters("ab"), continuation: letters("  c") });
});

test("an empty context is the first token, unless the text begins with it", () => {
  expect(cutTokens(letters, "", "ab", [], 1)).toEqual({ context: [1], continuation: letters("ab") });
  expect(cutTokens(letters, "", "ab", [], 97)).toEqual({ context: [97], continuation: [98] });
});

test("what is longer than the model reads loses its beginning, never its answer", () => {
  expect(pathOfCut({ context: [1, 2, 3, 4], continuation: [5, 6] }, 3)).toEqual({ inputs: [3, 4, 5], targets: [5, 6] });
  expect(pathOfCut({ context: [1], continuation: [2, 3, 4, 5] }, 3)).toEqual({ inputs: [2, 3, 4], targets: [3, 4, 5] });
});

test("windows of a long text have each token for target once", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 60 }), fc.integer({ min: 2, max: 16 }), (tokens, room) => {
      const list = rollingPaths(tokens, 99, room);
      expect(list.flatMap(p => p.targets)).toEqual(tokens);
      for (const { inputs, targets } of list) {
        expect(inputs.length).toBeLessThanOrEqual(room);
        expect(inputs.length).toBeGreaterThanOrEqual(targets.length);
      }
    }),
    { numRuns: 60 },
  );
});

test("an empty choice is refused by name", async () => {
  const config = configs["turned positions"]!;
  const parameters: ArraysOf<DecoderSpec> = await initialise(decoderSpec(config), device, "x");
  using decoder = decoderLikelihood({ device, config, parameters, tokenizer: { encode: letters }, prefixToken: 0 });
  expect(() => decoder.likelihood([{ context: "a", continuations: [""] }], () => {})).toThrow("at least one token");
});
