/** Laws of sketches: the same data whatever order events and merges had, exact sums, uniform samples, bounded sizes, and both forms read back. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, random } from "../../base/index.ts";
import { ExactSum } from "./exact-sum.ts";
import { hashRange, idHash } from "./id-hash.ts";
import {
  addToSketch,
  emptySketch,
  featureData,
  joinSketches,
  meanProjection,
  mergeSketches,
  mostCategories,
  mostNameLength,
  type Sketch,
  type SketchSpec,
  type SketchValues,
  sketchBytes,
  sketchFromBytes,
  sketchJson,
  sketchOf,
  textValuesOf,
  typedData,
  windowSpec,
} from "./index.ts";

const spec: SketchSpec = {
  tokenizer: "aa11",
  sample: 7,
  features: {
    length: { type: "number", edges: [0, 10, 100] },
    language: { type: "category", known: ["en", "de"] },
    private: { type: "category", several: true },
    tokens: { type: "tokens", vocabulary: 20 },
    projection: { type: "vector", size: 3 },
  },
};
type Event = readonly [id: string, values: SketchValues];

const number = fc.oneof(fc.double(), fc.integer({ min: -50, max: 500 }), fc.constant(null));
const event: fc.Arbitrary<Event> = fc.tuple(
  fc.string({ minLength: 1, maxLength: 3 }),
  fc.record({
    length: number,
    language: fc.constantFrom("en", "de", "fr", "it", undefined),
    private: fc.array(fc.constantFrom("email", "phone", "name")),
    tokens: fc.array(fc.integer({ min: 0, max: 21 })),
    projection: fc.oneof(fc.constant(undefined), fc.tuple(fc.float(), fc.float(), fc.float())),
  }),
);
const sketchOfEvents = (events: readonly Event[], of: SketchSpec = spec): Sketch => {
  const sketch = emptySketch(of);
  for (const [id, values] of events) addToSketch(sketch, values, id);
  return sketch;
};
const told = (sketch: Sketch) => canonicalJson(sketchJson(sketch));

describe("merge", () => {
  test("any order of events and any grouping of merges gives the same bytes", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 40 }),
        fc.array(fc.nat(4), { minLength: 40, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        (events, parts, draws) => {
          const whole = sketchOfEvents(events);
          const shuffled = events.map(e => ({ e, at: draws.next().value as number })).sort((a, b) => a.at - b.at);
          expect(Buffer.from(sketchBytes(sketchOfEvents(shuffled.map(s => s.e))))).toEqual(Buffer.from(sketchBytes(whole)));
          const sketches = [0, 1, 2, 3, 4].map(part => sketchOfEvents(events.filter((_, i) => parts[i] === part)));
          const left = sketches.reduce(mergeSketches);
          const right = sketches.reduceRight((sum, s) => mergeSketches(s, sum));
          expect(told(left)).toBe(told(whole));
          expect(told(right)).toBe(told(whole));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a merge changes neither side", () => {
    const [a, b] = [sketchOfEvents([["1", { length: 3 }]]), sketchOfEvents([["2", { length: 4 }]])];
    const before = told(a);
    mergeSketches(a, b);
    expect(told(a)).toBe(before);
  });

  test("an id that comes twice is counted twice and sampled once, in any order of its values", () => {
    const twice: Event[] = [
      ["x", { length: 5 }],
      ["x", { length: 2 }],
    ];
    for (const events of [twice, twice.toReversed()])
      expect(featureData(sketchOfEvents(events), "length")).toMatchObject({ values: 2, sample: [2] });
  });

  test("another spec or another tokenizer is refused, by name", () => {
    const other = { ...spec, features: { ...spec.features, length: { type: "number" as const, edges: [0, 10, 101] } } };
    expect(() => mergeSketches(emptySketch(spec), emptySketch(other))).toThrow(/100.*101/s);
    expect(() => mergeSketches(emptySketch(spec), emptySketch({ ...spec, tokenizer: "bb22" }))).toThrow(/aa11.*bb22/s);
  });
});

describe("exact sums", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  test("are the rational sum, rounded once", () => {
    // of doubles as whole multiples of 2^-1074
    const wholeOf = (x: number): bigint => {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, x);
      const bits = view.getBigUint64(0);
      const exponent = (bits >> 52n) & 0x7ffn;
      const fraction = bits & 0xfffffffffffffn;
      const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
      return bits >> 63n === 0n ? size : -size;
    };
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 30 }), values => {
        const sum = new ExactSum();
        for (const v of values) sum.add(v);
        const expected = values.reduce((n, v) => n + wholeOf(v), 0n);
        const [, sign, hex, at] = /^(-?)([0-9a-f]+)@(\d+)$/.exec(sum.text())!;
        expect((sign === "-" ? -1n : 1n) * (BigInt(`0x${hex}`) << BigInt(32 * Number(at)))).toBe(expected);
        const again = new ExactSum();
        again.addText(sum.text());
        again.addText(sum.text());
        for (const v of values) again.add(-v);
        expect(again.text()).toBe(sum.text());
      }),
    );
  });

  test("keep what doubles lose", () => {
    const sum = new ExactSum();
    for (const v of [1e100, 1, -1e100, 2 ** -1074]) sum.add(v);
    expect(sum.value()).toBe(1);
    sum.add(-1);
    expect(sum.value()).toBe(2 ** -1074);
    expect(() => sum.addText("1f")).toThrow("an exact sum");
  });
});

describe("samples", () => {
  test("hold the values of the ids with the lowest hashes, all of them where there are few", () => {
    const events = Array.from({ length: 500 }, (_, i): Event => [`document:${i}`, { length: i }]);
    const expected = events
      .map(([id, v]) => ({ key: idHash(id), value: v.length }))
      .sort((a, b) => a.key - b.key)
      .slice(0, 7);
    expect(featureData(sketchOfEvents(events), "length")).toMatchObject({
      keys: expected.map(e => e.key),
      sample: expected.map(e => e.value),
    });
    expect(featureData(sketchOfEvents(events.slice(0, 5)), "length")).toMatchObject({ sample: expect.arrayContaining([0, 1, 2, 3, 4]) });
  });

  test("hashes of ids that follow each other fill their range evenly, and low bits too", () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `set:mail/${i}`);
    for (const bin of [(h: number) => Math.floor((h / hashRange) * 50), (h: number) => h % 50]) {
      const counts = new Float64Array(50);
      for (const id of ids) counts[bin(idHash(id))]!++;
      const chi = counts.reduce((sum, c) => sum + (c - 400) ** 2 / 400, 0);
      // 49 degrees: 95.0 has a chance of 1 in 10,000
      expect(chi).toBeLessThan(95);
    }
    expect(new Set(ids.map(id => idHash(id))).size).toBe(ids.length);
    expect(idHash("a")).not.toBe(idHash("a", 1));
  });
});

describe("bad input", () => {
  test("NaN and null are missing, what is absent was not looked at; infinities and other types are invalid; none reaches moments or samples", () => {
    const given: readonly SketchValues[] = [
      { length: Number.NaN },
      { length: null },
      {},
      { length: Number.POSITIVE_INFINITY },
      { length: "5" },
      { length: -0 },
    ];
    const sketch = sketchOfEvents(given.map((v, i): Event => [String(i), v]));
    expect(featureData(sketch, "length")).toMatchObject({
      values: 1,
      missing: 2,
      invalid: 2,
      range: [0, 0],
      sum: "0@0",
      counts: [1, 0, 0, 0],
      sample: [0],
    });
    expect(Object.is(typedData(sketch, "length", "number")!.sample[0], 0)).toBe(true);
  });

  test("an explosion of categories takes no more room, and the known ones keep their counts", () => {
    const sketch = emptySketch({ tokenizer: null, features: { label: { type: "category", known: ["spam", "ham"] } } });
    for (let i = 0; i < 50_000; i++) {
      addToSketch(sketch, { label: `${i} ${"x".repeat(500)}` }, `a${i}`);
      if (i % 10 === 0) addToSketch(sketch, { label: "spam" }, `b${i}`);
    }
    const data = typedData(sketch, "label", "category")!;
    expect(data.known).toEqual([5000, 0]);
    expect(data.names.length).toBe(mostCategories);
    expect(Math.max(...data.names.map(n => n.length))).toBe(mostNameLength);
    expect(data.counts.every(c => c === 1)).toBe(true);
    expect(data.mentions).toBe(55_000);
    expect(sketchBytes(sketch).length).toBeLessThan(mostCategories * (mostNameLength + 12) + 200);
  });

  test("a spec that cannot be is refused, by place", () => {
    expect(() => emptySketch({ tokenizer: null, features: {} })).toThrow("features");
    expect(() => emptySketch({ tokenizer: null, features: { t: { type: "tokens", vocabulary: 5 } } })).toThrow("tokenizer");
    expect(() => emptySketch({ tokenizer: null, features: { n: { type: "number", edges: [2, 1] } } })).toThrow("features.n.edges[1]");
    expect(() => emptySketch({ tokenizer: null, sample: 10_001, features: { n: { type: "number" } } })).toThrow("10000");
  });
});

describe("forms", () => {
  test("JSON and bytes read back to the same sketch", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), events => {
        const sketch = sketchOfEvents(events);
        expect(told(sketchOf(JSON.parse(JSON.stringify(sketchJson(sketch)))))).toBe(told(sketch));
        const bytes = sketchBytes(sketch);
        expect(told(sketchFromBytes(bytes))).toBe(told(sketch));
        expect(sketchBytes(sketchFromBytes(bytes))).toEqual(bytes);
      }),
    );
  });

  test("damaged bytes and JSON are refused with watch's codes, whatever byte is damaged", () => {
    const sketch = sketchOfEvents([
      ["a", { length: 3.5, language: "fr", tokens: [1, 2, 2], projection: [1, 2, 3], private: ["email"] }],
      ["b", { length: 1e300 }],
    ]);
    const bytes = sketchBytes(sketch);
    const draw = random(1);
    for (let i = 0; i < 2000; i++) {
      const damaged = bytes.slice(0, i % 3 === 0 ? draw.below(bytes.length) : bytes.length);
      if (damaged.length > 0) damaged[draw.below(damaged.length)] = draw.below(256);
      try {
        sketchFromBytes(damaged);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^watch\/(?:sketch|setting)$/) });
      }
    }
    const json = sketchJson(sketch);
    expect(() => sketchOf({ ...json, version: 2 })).toThrow("sketch.version");
    expect(() => sketchOf({ ...json, format: "x" })).toThrow("sketch.format");
    expect(() => sketchOf({ ...json, features: { ...json.features, tokens: { ...json.features.tokens!, ids: [2, 1] } } })).toThrow(
      "tokens.ids[1]",
    );
    expect(() => sketchOf(null)).toThrow("sketch.format");
  });

  test("a full sketch stays below its stated size", () => {
    const full: SketchSpec = {
      tokenizer: "aa",
      features: { a: { type: "number" }, t: { type: "tokens", vocabulary: 8000 }, v: { type: "vector", size: 16 } },
    };
    const sketch = emptySketch(full);
    const draw = random(2);
    for (let i = 0; i < 30_000; i++)
      addToSketch(
        sketch,
        { a: draw.normal(), t: Array.from({ length: 20 }, () => draw.below(8000)), v: Array.from({ length: 16 }, () => draw.normal()) },
        `e${i}`,
      );
    // 14 bytes a number, 9 a token of the vocabulary, 71 a vector of 16, and the sums
    expect(sketchBytes(sketch).length).toBeLessThan(10_000 * 14 + 8000 * 9 + 1000 * 71 + 152 * 40 + 1000);
  });
});

test("a joined sketch has the features of both", () => {
  const a = sketchOfEvents([["1", { length: 2 }]], { tokenizer: null, features: { length: { type: "number" } } });
  const b = sketchOfEvents([["1", { tokens: [1] }]], { tokenizer: "t", features: { tokens: { type: "tokens", vocabulary: 3 } } });
  const both = joinSketches(a, b);
  expect(both.spec.tokenizer).toBe("t");
  expect(featureData(both, "tokens")).toEqual(featureData(b, "tokens"));
  expect(featureData(both, "length")).toEqual(featureData(a, "length"));
  expect(() => joinSketches(a, a)).toThrow("length twice");
});

test("windows of a reference count by its deciles and know its categories", () => {
  const reference = sketchOfEvents(
    Array.from({ length: 100 }, (_, i): Event => [String(i), { length: i, language: i < 90 ? "en" : "pl" }]),
    { tokenizer: null, features: { length: { type: "number" }, language: { type: "category" } } },
  );
  const window = windowSpec(reference, { sample: 50 });
  expect(window).toMatchObject({ sample: 50, features: { language: { known: expect.arrayContaining(["en", "pl"]) } } });
  expect(window.features.length).toMatchObject({ edges: Array.from({ length: 9 }, (_, k) => expect.closeTo(9.9 * (k + 1), 9)) });
});

describe("projections", () => {
  test("rows have unit length, and those of two ids are nearly at right angles", () => {
    const rows = Array.from({ length: 300 }, (_, id) => meanProjection([id])!);
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, k) => sum + v * b[k]!, 0);
    for (const row of rows) expect(dot(row, row)).toBeCloseTo(1, 12);
    let squares = 0;
    for (let i = 0; i < 300; i++) for (let j = 0; j < i; j++) squares += dot(rows[i]!, rows[j]!) ** 2;
    // 1 / 16 for independent signs
    expect(squares / ((300 * 299) / 2)).toBeCloseTo(1 / 16, 2);
  });

  test("a text's is the mean of its tokens', in any order", () => {
    const [a, b] = [meanProjection([5])!, meanProjection([9])!];
    expect(Array.from(meanProjection([5, 9, 9])!)).toEqual(Array.from(a, (v, k) => expect.closeTo((v + 2 * b[k]!) / 3, 12)));
    expect(meanProjection([])).toBeUndefined();
  });

  test("words are runs without white space", () => {
    expect(textValuesOf("input", " a  bc\n\u3000d ")).toEqual({ characters: 10, words: 3 });
    expect(textValuesOf("answer", "")).toEqual({ "answer-characters": 0, "answer-words": 0 });
  });
});
