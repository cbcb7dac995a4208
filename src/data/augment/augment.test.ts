import { expect, test } from "vitest";
import { isLoamError, random } from "../../base/index.ts";
import type { Document } from "../document.ts";
import { noResources } from "../resources.ts";
import { jaccard, shingles } from "../steps/near-duplicates/index.ts";
import { type AugmentInput, augment, isRepeatable } from "./augment.ts";
import { augmentOptions } from "./options.ts";
import type { AskWriter, Writer } from "./upstream/writer.ts";

const vocabulary = Array.from(
  { length: 400 },
  (_, i) => `word${String.fromCharCode(97 + (i % 26))}${"aeiou"[i % 5]}x${"bcdfg"[Math.floor(i / 26) % 5]}`,
);
function corpus(n: number, seed = 1): Document[] {
  const draw = random(seed);
  return Array.from({ length: n }, (_, i) => ({
    id: `m:${i}`,
    text: Array.from({ length: 40 }, () => vocabulary[draw.below(400)]!).join(" "),
    source: `m/${i}.txt`,
    attributes: { label: i % 4 === 0 ? "spam" : "ham", words: 40 },
  }));
}
async function run(options: unknown, train: readonly Document[], more: Partial<AugmentInput> = {}) {
  const augmentation = augment(augmentOptions.parse(options), { documents: () => train, heldOut: () => [], ...more });
  const made: Document[] = [];
  for await (const d of augmentation.documents) made.push(d);
  return { made, report: augmentation.report() };
}
const list = [
  { method: "word-drop", share: 0.3, options: { rate: 0.2 } },
  { method: "keyboard", as: "typing", copies: 2, where: { label: "spam" }, options: { rate: 0.3 } },
];
const train = corpus(200);

test("a variant knows its parent, its method and seed, keeps the parent's label, and has an id of its own", async () => {
  const { made, report } = await run({ methods: list, seed: 7 }, train);
  const byId = new Map(train.map(d => [d.id, d]));
  for (const d of made) {
    const [, parent, as, copy] = /^(.*)\+([a-z-]+)\.(\d+)$/.exec(d.id)!;
    expect(d.attributes).toEqual({ ...byId.get(parent!)!.attributes, augmentedFrom: parent, augmentation: `${as}/7` });
    expect(Number(copy)).toBeGreaterThan(0);
    expect(d.text).not.toBe(byId.get(parent!)!.text);
  }
  expect(new Set(made.map(d => d.id)).size).toBe(made.length);
  expect(report).toMatchObject({
    documents: 200,
    made: made.length,
    rows: [{ as: "word-drop" }, { as: "typing", wished: 100, tried: 100 }],
  });
  expect(report.rows[0]!.made / 200).toBeCloseTo(0.3, 1);
  expect(made.filter(d => d.attributes.augmentation === "typing/7").every(d => d.attributes.label === "spam")).toBe(true);
});

test("the same documents in any order give the same variants, another seed others", async () => {
  const sorted = (r: Awaited<ReturnType<typeof run>>) => [...r.made].sort((a, b) => (a.id < b.id ? -1 : 1));
  const first = sorted(await run(list, train));
  const shuffled = Array.from(random(3).permutation(train.length), i => train[i]!);
  expect(sorted(await run(list, shuffled))).toEqual(first);
  expect(sorted(await run({ methods: list, seed: 2 }, train)).map(d => d.text)).not.toEqual(first.map(d => d.text));
});

test("maxShare is never passed, and every row loses the same part", async () => {
  const some = train.slice(0, 80);
  for (const maxShare of [0.1, 0.25, 0.5]) {
    const many = [
      { method: "word-drop", copies: 4, options: { rate: 0.2 } },
      { method: "keyboard", copies: 4, options: { rate: 0.3 } },
    ];
    const { made, report } = await run({ methods: many, maxShare }, some);
    expect(made.length / (made.length + some.length)).toBeLessThanOrEqual(maxShare);
    expect(made.length).toBeGreaterThan(0.95 * report.limit);
    expect(report.rows[0]!.made / report.rows[1]!.made).toBeCloseTo(1, 0);
    // A smaller share takes a part of what a larger one takes.
    const more = await run({ methods: many, maxShare: Math.min(0.95, maxShare * 1.5) }, some);
    expect(more.made.map(d => d.id)).toEqual(expect.arrayContaining(made.map(d => d.id)));
  }
});

test("rows that give little do not take the places of others", async () => {
  const methods = [
    { method: "units", copies: 5 },
    { method: "numbers", copies: 5 },
    { method: "word-drop", options: { rate: 0.2 } },
  ];
  const { made, report } = await run({ methods, maxShare: 0.25 }, train);
  expect(report.limit).toBe(66);
  expect(made.length).toBe(66);
});

test("a variant of a short text is refused where it differs from a held-out one in a word, unless shortWords: 0", async () => {
  const parent = { ...train[0]!, id: "a", text: "my parcel has not arrived and I want my money back" };
  const held = { ...parent, id: "b", text: "my order has not arrived and I want my money back" };
  const refused = async (heldOut: object) => {
    const { report } = await run({ methods: [{ method: "case" }], maxShare: 0.9, heldOut }, [parent], { heldOut: () => [held] });
    return report.rows[0]!.rejected["like-held-out"] ?? 0;
  };
  expect(await refused({})).toBe(1);
  expect(await refused({ shortWords: 0, threshold: 0.8 })).toBe(0);
});

test("no variant is like a held-out document, also where it comes nearer to it than its parent is; none has one as parent", async () => {
  // Held out: for half of the parents the very text that dropping its first word would give, and some that are half like others.
  const heldOut = train.slice(0, 50).map((d, i) => ({ ...d, id: `h:${i}`, text: `${d.text.split(" ").slice(1).join(" ")} end` }));
  const options = { methods: [{ method: "word-drop", copies: 3, options: { rate: 0.03 } }], maxShare: 0.9, heldOut: { threshold: 0.5 } };
  const some = train.slice(0, 100);
  const free = await run(options, some);
  const { made, report } = await run(options, some, { heldOut: () => heldOut });
  const held = heldOut.map(d => shingles(d.text, 5));
  for (const d of made) for (const h of held) expect(jaccard(shingles(d.text, 5), h)).toBeLessThan(0.5);
  expect(report.rows[0]!.rejected["like-held-out"]).toBeGreaterThan(50);
  expect(free.made.length).toBeGreaterThan(made.length);
  await expect(run(options, train, { heldOut: () => [train[5]!] })).rejects.toMatchObject({ code: "data/leakage" });
});

test("short texts, which have no shingles, are held apart by their words", async () => {
  const parent: Document = { id: "a", text: "GOOD morning", source: "a", attributes: {} };
  const options = [{ method: "case", options: { modes: ["lower"] } }];
  expect((await run({ methods: options, maxShare: 0.9 }, [parent, parent])).made[0]!.text).toBe("good morning");
  const { report } = await run({ methods: options, maxShare: 0.9 }, [parent], {
    heldOut: () => [{ ...parent, id: "b", text: "Good, morning!" }],
  });
  expect(report.rows[0]!.rejected).toEqual({ "like-held-out": 1 });
});

test("equal variants of one parent are made once", async () => {
  const { made, report } = await run(
    { methods: [{ method: "case", copies: 3, options: { modes: ["upper"] } }], maxShare: 0.9 },
    train.slice(0, 10),
  );
  expect(made).toHaveLength(10);
  expect(report.rows[0]!.rejected).toEqual({ repeated: 20 });
});

/** Answers by a rule, after a while that depends on the request, so that answers overtake one another. */
function slowWriter(reply: (ask: AskWriter) => string): Writer & { readonly most: () => number; readonly asked: () => number } {
  let [now, most, asked] = [0, 0, 0];
  return {
    identity: "rule",
    most: () => most,
    asked: () => asked,
    async write(ask) {
      asked++;
      most = Math.max(most, ++now);
      await new Promise(resolve => setTimeout(resolve, (ask.seed ^ ask.user.length) & 3));
      now--;
      return { text: reply(ask), isCut: false, tokens: 10, isCached: false };
    },
  };
}
const endpoint = { baseUrl: "http://127.0.0.1:9/v1", model: "m" };
const reversed = (ask: AskWriter) =>
  ask.user
    .split("\n\n")
    .at(-1)!
    .split(" ")
    .slice(5)
    .concat(`seed${"ab"[ask.seed % 2]}`)
    .join(" ");

test("asking: variants and their order do not depend on how many requests run at a time", async () => {
  const at = async (concurrency: number) => {
    const writer = slowWriter(reversed);
    const methods = [{ method: "paraphrase", share: 0.3, options: { keepFacts: false } }, ...list];
    return { ...(await run({ methods, endpoint: { ...endpoint, concurrency } }, train, { writer })), most: writer.most() };
  };
  const [one, eight] = [await at(1), await at(8)];
  expect(eight.made).toEqual(one.made);
  expect(one.report.rows[0]!.made).toBeGreaterThan(30);
  expect([one.most, eight.most]).toEqual([1, 8]);
});

test("asking: with an embedder, what is far from the parent in meaning is refused", async () => {
  /** Texts of the same words are near, whatever their order. */
  const embedder = {
    width: 64,
    embed: async (texts: readonly string[]) =>
      texts.map(text => {
        const v = new Float32Array(64);
        for (const w of text.split(" ")) v[w.length + (w.charCodeAt(4) % 32)]! += 1;
        const length = Math.hypot(...v);
        return v.map(x => x / length);
      }),
  };
  const names: string[] = [];
  const resources = {
    ...noResources,
    embedder: async (model: string) => {
      names.push(model);
      return embedder;
    },
  };
  const methods = [
    {
      method: "paraphrase",
      options: { embedder: "mini", minCosine: 0.9, keepFacts: false, similarity: { min: 0, max: 1 }, length: { min: 0 }, maxRepetition: 1 },
    },
  ];
  const writer = slowWriter(ask => {
    const words = ask.user.split("\n\n").at(-1)!.split(" ");
    return (ask.seed % 2 === 0 ? words.reverse() : words.map(() => "word")).join(" ");
  });
  const { made, report } = await run({ methods, endpoint }, train.slice(0, 40), { writer, resources });
  expect(names).toEqual(["mini"]);
  expect(report.rows[0]!.rejected.meaning).toBeGreaterThan(8);
  expect(made.length + report.rows[0]!.rejected.meaning!).toBe(40);
  for (const d of made) expect(d.text.split(" ").reverse().join(" ")).toBe(train.find(t => t.id === d.attributes.augmentedFrom)!.text);
});

test("asking: a budget is kept whatever is answered, the same documents come first, and the rest is told", async () => {
  const at = async (budget: object, concurrency: number) => {
    const writer = slowWriter(reversed);
    const r = await run(
      { methods: [{ method: "paraphrase", options: { keepFacts: false } }], endpoint: { ...endpoint, concurrency, budget } },
      train.slice(0, 60),
      { writer },
    );
    return { ids: r.made.map(d => d.id), asked: writer.asked(), rejected: r.report.rows[0]!.rejected };
  };
  const [a, b] = [await at({ requests: 20 }, 1), await at({ requests: 20 }, 7)];
  expect(b).toEqual(a);
  expect(a).toMatchObject({ asked: 20, rejected: { budget: 40 } });
  const tokens = await at({ tokens: 10_000 }, 3);
  expect(tokens.asked).toBeGreaterThan(5);
  expect(tokens.asked * 1024).toBeLessThan(10_000);
});

test("asking: a failure ends the run with its error, after what came before it", async () => {
  let calls = 0;
  const writer: Writer = {
    identity: "x",
    write: async ask => {
      if (++calls === 7) throw new Error("gone");
      return { text: reversed(ask), isCut: false, tokens: 1, isCached: false };
    },
  };
  const augmentation = augment(
    augmentOptions.parse({ methods: [{ method: "paraphrase", options: { keepFacts: false, similarity: { max: 1 } } }], endpoint }),
    {
      documents: () => train,
      heldOut: () => [],
      writer,
    },
  );
  const made: Document[] = [];
  await expect(
    (async () => {
      for await (const d of augmentation.documents) made.push(d);
    })(),
  ).rejects.toThrow("gone");
  expect(made.map(d => d.id)).toEqual([0, 1, 2, 3, 4, 5].map(i => `m:${i}+paraphrase.1`));
});

test("options: unknown methods and options, a name twice, and a model without an endpoint are told", () => {
  const error = (value: unknown) => {
    const result = augmentOptions.safeParse(value);
    return result.success ? "" : result.error.issues.map(i => `${i.path.join(".")}: ${i.message}`).join("; ");
  };
  expect(error([{ method: "word-dorp" }])).toContain("methods.0.method");
  expect(error([{ method: "word-drop", options: { rat: 1 } }])).toMatch(/methods\.0\.options: .*"rat"/);
  expect(error([{ method: "word-drop", options: { rate: 3 } }])).toContain("methods.0.options.rate");
  expect(error([{ method: "case" }, { method: "case" }])).toContain('"case" stands twice');
  expect(error([{ method: "questions" }])).toContain("an endpoint for the methods that ask a model");
  expect(error({ methods: [], endpoint: { ...endpoint, baseUrl: "http://me:secret@host/v1" } })).toContain("keyFrom");
  expect(error({ methods: [], endpoint: { ...endpoint, baseUrl: "file:///etc" } })).toContain("baseUrl");
  expect(error([{ method: "case" }, { method: "case", as: "other" }])).toBe("");
  expect(isRepeatable(augmentOptions.parse(list))).toBe(true);
  // A project's part is parsed when it is read and again when its stage is run.
  const whole = augmentOptions.parse({ methods: [...list, { method: "questions" }], endpoint });
  expect(augmentOptions.parse(whole)).toEqual(whole);
});

test("a run that is broken off stops asking", async () => {
  const stop = new AbortController();
  let asked = 0;
  const writer: Writer = {
    identity: "x",
    write: async ask => {
      if (++asked === 5) stop.abort(new Error("enough"));
      return { text: reversed(ask), isCut: false, tokens: 1, isCached: false };
    },
  };
  const error = await run({ methods: [{ method: "paraphrase" }], endpoint }, train, { writer, signal: stop.signal }).catch(e => e as Error);
  expect((error as Error).message).toBe("enough");
  expect(isLoamError(error)).toBe(false);
  expect(asked).toBeLessThan(10);
});

test("counterfactuals are of train documents alone: none of a held-out parent, none that is a held-out text, none where nothing changes", async () => {
  const people = ["Emily", "Priya", "Fatima", "Maria", "Todd", "Omar"];
  const say = (name: string, i: number) =>
    `${name} sold her old car number ${i} to a friend of ${name} who had asked about it for ${i} weeks`;
  const some = Array.from(
    { length: 60 },
    (_, i): Document => ({ id: `m:${i}`, text: say(people[i % 6]!, i), source: "m", attributes: {} }),
  );
  const plain = Array.from(
    { length: 10 },
    (_, i): Document => ({ id: `p:${i}`, text: `It rained for ${i} days on the roof`, source: "p", attributes: {} }),
  );
  const options = { methods: [{ method: "counterfactual", options: { change: ["pronouns"] } }], maxShare: 0.9 };
  const free = await run(options, [...some, ...plain]);
  expect(free.made.map(d => d.attributes.augmentedFrom).sort()).toEqual(some.map(d => d.id).sort());
  expect(free.report.rows[0]!.rejected).toEqual({ unchanged: 10 });
  for (const d of free.made) expect(d.text).toContain("sold his old car");
  // the very texts that a swap gives are held out for half of them
  const heldOut = some.slice(0, 30).map((d, i) => ({ ...d, id: `h:${i}`, text: d.text.replace("her", "his") }));
  const { made, report } = await run(options, some, { heldOut: () => heldOut });
  const held = new Set(heldOut.map(d => d.text));
  expect(made.some(d => held.has(d.text) || held.has(String(d.attributes.augmentedFrom)))).toBe(false);
  expect(report.rows[0]!.rejected["like-held-out"]).toBeGreaterThanOrEqual(30);
});
