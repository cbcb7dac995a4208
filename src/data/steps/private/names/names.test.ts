import fc from "fast-check";
import { expect, test } from "vitest";
import { sentences } from "../../../../../bench/pii/name-sentences.ts";
import { random } from "../../../../base/index.ts";
import { noResources } from "../../../resources.ts";
import { privateData } from "../private.ts";
import { parseNameExample } from "./examples.ts";
import { decodeNames, encodeNames, namePieces, namesIn } from "./model.ts";
import { bestChain, type ChainScores, marginals } from "./tagger.ts";
import { isInside, numLabels as L, mayFollow, type NameSpan, nameLabels, nameTokens, spansOf } from "./tokens.ts";
import { measureNameModel, namesTraining, trainNames } from "./train.ts";

const settings = namesTraining.parse({ bits: 16 });
const examples = sentences(1200, 1, "known");
const model = await trainNames(examples, settings);
const bytes = encodeNames(model);

/** Texts with line ends of all kinds, signs of two code units, masks, and scripts without spaces. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 8 }),
      fc.constantFrom("Anna Smith", " ", "\r\n", "\n", "👩‍👩‍👧", "🙂", "[NAME]", "[EMAIL]", "東京", "é", "’s", "\u0000", "\ud83d"),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(""));

/** Spans over whole tokens of a text, drawn by a seed. */
function drawnSpans(tokens: ReturnType<typeof nameTokens>, seed: number): NameSpan[] {
  const draw = random(seed);
  const spans: NameSpan[] = [];
  for (let i = 0; i < tokens.length; ) {
    const next = Math.min(tokens.length, i + 1 + draw.below(3));
    if (draw.uniform() < 0.5 && tokens.slice(i, next).every(t => !t.isMask))
      spans.push({ type: draw.below(2) === 0 ? "name" : "place", start: tokens[i]!.start, end: tokens[next - 1]!.end });
    i = next;
  }
  return spans;
}

test("spans become labels and labels the same spans, in any text, and an example's line is read back as it is", () => {
  fc.assert(
    fc.property(text, fc.integer(), (t, seed) => {
      const tokens = nameTokens(t);
      const spans = drawnSpans(tokens, seed);
      const labels = nameLabels(tokens, spans);
      expect([...labels].every((y, i) => mayFollow(i === 0 ? 0 : labels[i - 1]!, y))).toBe(true);
      expect(spansOf(labels).map(s => ({ type: s.type, start: tokens[s.first]!.start, end: tokens[s.next - 1]!.end }))).toEqual(spans);
      // JSON of a lone surrogate comes back as it was.
      expect(parseNameExample(JSON.stringify({ text: t, spans: spans.toReversed() }), "f:1")).toEqual({ text: t, spans });
    }),
    { numRuns: 400 },
  );
});

test("findings lie within any text, apart, and never on a mask; pieces together are the text", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 20 }), (t, length) => {
      let end = 0;
      for (const s of namesIn(t, model)) {
        expect(s.start >= end && s.end > s.start && s.end <= t.length && s.score >= 0 && s.score <= 1).toBe(true);
        expect(t.slice(s.start, s.end)).not.toMatch(/\[(NAME|EMAIL)\]/);
        end = s.end;
      }
      expect([...namePieces(t, length)].map(([, p]) => p).join("")).toBe(t);
      expect([...namePieces(t, length)].every(([start, p]) => t.startsWith(p, start) && p.length <= Math.max(2, length))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("the best chain and the probabilities are those of trying all chains", () => {
  const draw = random(7);
  for (let round = 0; round < 60; round++) {
    const length = 1 + draw.below(4);
    const random1 = (n: number) => Float64Array.from({ length: n }, () => draw.normal());
    const emissions = random1(length * L);
    const steps = Array.from({ length }, () =>
      random1((L + 1) * L).map((v, i) => {
        const before = Math.floor(i / L);
        return mayFollow(before === L ? 0 : before, i % L) ? v : Number.NEGATIVE_INFINITY;
      }),
    );
    const scores: ChainScores = { length, emissions, steps };
    let best = { score: Number.NEGATIVE_INFINITY, chain: [0] };
    let all = 0;
    const sums = new Float64Array(length * L);
    for (let code = 0; code < L ** length; code++) {
      const chain = Array.from({ length }, (_, t) => Math.floor(code / L ** t) % L);
      const score = chain.reduce((sum, y, t) => sum + emissions[t * L + y]! + steps[t]![(chain[t - 1] ?? L) * L + y]!, 0);
      if (score > best.score) best = { score, chain };
      all += Math.exp(score / 2);
      chain.forEach((y, t) => {
        sums[t * L + y]! += Math.exp(score / 2);
      });
    }
    expect([...bestChain(scores)]).toEqual(best.chain);
    marginals(scores, 2).forEach((p, i) => {
      expect(p).toBeCloseTo(sums[i]! / all, 9);
    });
    expect(isInside(best.chain[0]!)).toBe(false);
  }
});

test("a language in which a word tells the label is learnt without a mistake", async () => {
  const draw = random(3);
  const toy = (n: number) =>
    Array.from({ length: n }, (_, i) => {
      const spans: NameSpan[] = [];
      let t = `${i}`;
      for (let k = 0; k < 6; k++) {
        const kind = draw.below(3);
        const word = `${["oak", "nam", "loc"][kind]}${draw.below(30)}`;
        if (kind > 0) spans.push({ type: kind === 1 ? "name" : "place", start: t.length + 3, end: t.length + 3 + word.length });
        t += ` , ${word}`;
      }
      return { text: t, spans };
    });
  const learnt = await trainNames(toy(200), { ...settings, bits: 14, hidden: 0 });
  for (const m of Object.values(measureNameModel(learnt, toy(100)))) expect([m.precision, m.recall]).toEqual([1, 1]);
});

test("names that no example shows are found, and what only looks like one is not", () => {
  const m = measureNameModel(model, sentences(400, 2, "unseen"));
  for (const type of ["name", "place"] as const) {
    expect(m[type].there).toBeGreaterThan(200);
    expect(m[type].f1).toBeGreaterThan(0.92);
  }
  expect(model.report.measures.name.f1).toBeGreaterThan(0.97);
  const found = (t: string) => namesIn(t, model).map(s => `${s.type}:${t.slice(s.start, s.end)}`);
  expect(found("May I ask what you will do? We moved to Reading in May.")).toEqual(["place:Reading"]);
  expect(found("I met Paris Hilton in Paris last week. Reading is what I do in May.")).toEqual(["name:Paris Hilton", "place:Paris"]);
  expect(found("Regards,\r\nWill Young\r\nNew York")).toEqual(["name:Will Young", "place:New York"]);
});

test("training is a function of examples, options and seed: their order does not matter", async () => {
  const few = examples.slice(0, 150);
  const small = { ...settings, bits: 12, passes: 3 };
  const once = encodeNames(await trainNames(few, small));
  expect(encodeNames(await trainNames(few.toReversed(), small)).equals(once)).toBe(true);
  expect(encodeNames(await trainNames(few, { ...small, seed: 2 })).equals(once)).toBe(false);
});

test("a text marked in two ways counts not at all, one given twice once; too few are refused", async () => {
  const few = examples.slice(0, 150);
  const marked = few.filter(e => e.spans.length > 0);
  const { report } = await trainNames([...few, few[0]!, { text: marked[3]!.text, spans: [] }], { ...settings, bits: 10, passes: 1 });
  const { report: before } = await trainNames(few, { ...settings, bits: 10, passes: 1 });
  expect(report.contradictions).toBe(1);
  expect(report.examples).toBe(before.examples - 1);
  await expect(trainNames(few.slice(0, 10), settings)).rejects.toThrow("expected at least 20 different texts");
  await expect(
    trainNames(
      few.map(e => ({ ...e, spans: [] })),
      settings,
    ),
  ).rejects.toThrow("with 0 spans");
});

test("a model's file is read back as the same model; one that was cut or changed by a bit is refused by name", () => {
  expect(encodeNames(decodeNames(bytes, "n.bin")).equals(bytes)).toBe(true);
  expect(namesIn("I met Rosa Nilsson.", decodeNames(bytes, "n.bin"))).toEqual(namesIn("I met Rosa Nilsson.", model));
  const draw = random(5);
  for (let i = 0; i < 40; i++) {
    const broken = Buffer.from(bytes);
    const at = i < 20 ? draw.below(200) : draw.below(broken.length);
    broken[at]! ^= 1 << draw.below(8);
    expect(() => decodeNames(broken, "n.bin"), `byte ${at}`).toThrow("n.bin: expected");
    expect(() => decodeNames(bytes.subarray(0, draw.below(bytes.length)), "n.bin")).toThrow("n.bin: expected");
  }
  expect(() => decodeNames(Buffer.alloc(0), "n.bin")).toThrow("an empty file");
});

test.each([
  ["outside the text", [{ start: 0, end: 10, type: "name" }], "within the text's 9 code units"],
  ["before the text", [{ start: -1, end: 4, type: "name" }], "within the text's"],
  ["empty", [{ start: 4, end: 4, type: "name" }], "within the text's"],
  [
    "overlapping",
    [
      { start: 0, end: 7, type: "name" },
      { start: 5, end: 7, type: "place" },
    ],
    "spans that do not overlap",
  ],
  ["of half a word", [{ start: 0, end: 3, type: "name" }], "whole words"],
  ["of half a sign", [{ start: 5, end: 6, type: "name" }], "whole words"],
  ["of another type", [{ start: 0, end: 4, type: "email" }], "spans.0.type"],
])("a span %s is refused, with the line and without the text", (_, spans, expected) => {
  const read = () => parseNameExample(JSON.stringify({ text: "Anna 🙂 x", spans }), "names.jsonl:7");
  expect(read).toThrow(expected);
  expect(read).toThrow("names.jsonl:7: expected");
  expect(read).not.toThrow("Anna");
});

test("the step loads the model, masks what it finds and nothing else, and without the option is as it was", async () => {
  const parse = (o: object) => privateData.options.parse(o);
  const resources = { ...noResources, file: async () => bytes };
  const o = parse({ names: { model: "models/n.bin" } });
  expect(privateData.needs!(o)).toEqual([{ kind: "file", path: "models/n.bin" }]);
  const state = await privateData.prepare!(o, resources);
  const document = {
    id: "a",
    source: "s",
    attributes: {},
    text: "I met Stefan Bauer in Kyoto last week.\r\nMail anna@acme.com in May 🙂.",
  };
  const masked = privateData.apply(document, o, state);
  expect(masked.text).toBe("I met [NAME] in [PLACE] last week.\r\nMail [EMAIL] in May 🙂.");
  expect(masked.edits).toEqual(["email", "name", "place"].map(rule => ({ rule, value: 1 })));
  expect(privateData.apply({ ...document, text: masked.text! }, o, state).text).toBeUndefined();

  const kept = parse({ names: { model: "n" }, policy: { place: "keep" } });
  expect(privateData.apply(document, kept, state).text).toContain("in Kyoto last");
  // Surrogates look like names, and are not taken for them again.
  const swapped = privateData.apply(document, parse({ names: { model: "n" }, policy: { name: "surrogate" }, seed: "12345678" }), state);
  expect(swapped.edits).toContainEqual({ rule: "name", value: 1 });
  expect(swapped.text).toMatch(/^I met [A-Z][a-z]+ [A-Z][a-z]+ in \[PLACE\]/);

  const without = parse({});
  expect(without).not.toHaveProperty("names");
  expect(privateData.needs!(without)).toEqual([]);
  expect(privateData.apply(document, without, await privateData.prepare!(without, noResources)).text).toContain("Stefan Bauer in Kyoto");
  await expect(privateData.prepare!(o, { ...noResources, file: async () => Buffer.from("x") })).rejects.toThrow("models/n.bin: expected");
});

test("minScore of the names counts for them alone", async () => {
  const one = await privateData.prepare!(privateData.options.parse({ names: { model: "n", minScore: 1 } }), {
    ...noResources,
    file: async () => encodeNames({ ...model, temperature: 100 }),
  });
  const document = { id: "a", source: "s", attributes: {}, text: "I met Stefan Bauer. Mail anna@acme.com" };
  expect(privateData.apply(document, privateData.options.parse({}), one).text).toBe("I met Stefan Bauer. Mail [EMAIL]");
});
