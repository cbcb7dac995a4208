/**
 * Semantic duplicates: which of all pairs that are alike meet in a cell, for several numbers of visited cells, against comparing all with
 * all; and the rule of SemDeDup (Abbas et al. 2023), which compares within a cluster only and lets a removed text stand for another. On
 * made vectors, and on mails where LOAM_MODELS names a folder with all-minilm-l6-v2.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { random } from "../src/base/index.ts";
import {
  type Codes,
  cellStars,
  codesOf,
  cosineOfCodes,
  encode,
  type Likeness,
  resolveStars,
  trainCells,
} from "../src/data/semantic/index.ts";
import { semanticOptions } from "../src/data/steps/semantic/options.ts";
import { codesFrom } from "../src/data/steps/semantic/semantic.ts";
import { folderEmbedder } from "../src/project/data/embedder.ts";
import { openDevice } from "../src/tensor/index.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";

/** Every so many mails are embedded: a mail takes a fifth of a second. */
const EVERY_MAIL = 6;

/**
 * Made vectors with the shape of sentence embeddings: topics of many sizes, within each texts around it, and of every fifth text one more
 * at a cosine drawn from .85 to 1.
 */
function madeVectors(count: number, width: number): Int8Array[] {
  const r = random("semantic bench");
  const normal = () => Float32Array.from({ length: width }, () => r.normal());
  const unit = (v: Float32Array) => {
    const length = Math.hypot(...v);
    return v.map(x => x / length);
  };
  const topics = Array.from({ length: 200 }, () => unit(normal()));
  const list: Float32Array[] = [];
  while (list.length < count) {
    // The square makes some topics large and many small.
    const topic = topics[Math.floor(200 * r.uniform() ** 2)]!;
    const noise = unit(normal());
    const text = unit(topic.map((x, i) => x + 1.1 * noise[i]!));
    list.push(text);
    if (list.length % 5 !== 0) continue;
    const want = 0.85 + 0.15 * r.uniform();
    const other = unit(normal());
    const along = text.reduce((sum, x, i) => sum + x * other[i]!, 0);
    const across = unit(other.map((x, i) => x - along * text[i]!));
    list.push(text.map((x, i) => want * x + Math.sqrt(1 - want * want) * across[i]!));
  }
  return list.slice(0, count).map(encode);
}

/** Whom SemDeDup drops: within a cluster, farthest from its centre first, whoever is like one before him. */
function semDeDup(codes: Codes, homes: readonly number[], centreFit: (p: number) => number, threshold: number): Set<number> {
  const members = new Map<number, number[]>();
  homes.forEach((h, p) => {
    members.set(h, [...(members.get(h) ?? []), p]);
  });
  const gone = new Set<number>();
  for (const cluster of members.values()) {
    const order = cluster.map(p => [p, centreFit(p)] as const).sort((a, b) => a[1] - b[1]);
    for (let i = 1; i < order.length; i++)
      for (let j = 0; j < i; j++)
        if (cosineOfCodes(codes, order[i]![0], order[j]![0]) >= threshold) {
          gone.add(order[i]![0]);
          break;
        }
  }
  return gone;
}

/** What all cells find, by the numbers of all vectors. */
function cellLikenesses(list: readonly Int8Array[], visits: readonly (readonly number[])[], threshold: number): Likeness[] {
  const groups = new Map<number, { member: number; visits: boolean }[]>();
  visits.forEach((cells, member) => {
    cells.forEach((cell, k) => {
      const group = groups.get(cell);
      if (group) group.push({ member, visits: k > 0 });
      else groups.set(cell, [{ member, visits: k > 0 }]);
    });
  });
  const found: Likeness[] = [];
  for (const group of groups.values()) {
    const own = codesOf(
      group.map(g => list[g.member]!),
      list[0]!.length,
    );
    for (const l of cellStars(own, m => group[m]!.visits, threshold))
      found.push({ ...l, better: group[l.better]!.member, other: group[l.other]!.member });
  }
  return found;
}

/** The figures for cells of several sizes; the recall of the last with four visited. */
function measured(list: readonly Int8Array[], cellSizes: readonly number[], threshold: number, say: (text: string) => void) {
  const width = list[0]!.length;
  const codes = codesOf(list, width);
  const timed = <T>(work: () => T): [T, number] => {
    const before = process.cpuUsage();
    const result = work();
    const { user, system } = process.cpuUsage(before);
    return [result, (user + system) / 1e6];
  };
  say(`all pairs of ${list.length}`);
  const [pairs, bruteSeconds] = timed(() => {
    const found: [number, number][] = [];
    for (let i = 0; i < list.length; i++) for (let j = 0; j < i; j++) if (cosineOfCodes(codes, i, j) >= threshold) found.push([j, i]);
    return found;
  });
  const exact = resolveStars(
    list.length,
    pairs.map(([better, other]): Likeness => ({ better, other, similarity: cosineOfCodes(codes, better, other) })),
  );
  const figures: Record<string, number> = {
    vectors: list.length,
    "pairs alike": pairs.length,
    "gone, all pairs": exact.gone.length,
    "seconds, all pairs": digits(bruteSeconds),
  };
  let recall = 1;
  let homes: number[] = [];
  for (const cellSize of cellSizes) {
    const [cells, trainSeconds] = timed(() => trainCells(codes, { count: Math.ceil(list.length / cellSize), seed: 1 }));
    figures[`cells of ${cellSize}/cells`] = cells.count;
    figures[`cells of ${cellSize}/seconds, training`] = digits(trainSeconds);
    homes = list.map(c => cells.nearest(c, 1)[0]!);
    for (const probes of [1, 2, 4, 8]) {
      say(`cells of ${cellSize}, ${probes} visited`);
      const visits = list.map(c => cells.nearest(c, probes));
      const meets = pairs.filter(([a, b]) => visits[a]!.includes(visits[b]![0]!) || visits[b]!.includes(visits[a]![0]!)).length;
      const [likenesses, seconds] = timed(() => cellLikenesses(list, visits, threshold));
      const met = pairs.length === 0 ? 1 : meets / pairs.length;
      if (probes === 4) recall = met;
      figures[`cells of ${cellSize}/pairs met, ${probes} cells`] = digits(met, 5);
      figures[`cells of ${cellSize}/gone, ${probes} cells`] = resolveStars(list.length, likenesses).gone.length;
      figures[`cells of ${cellSize}/seconds, ${probes} cells`] = digits(seconds);
    }
  }
  const sums = new Map<number, Float64Array>();
  list.forEach((c, p) => {
    const sum = sums.get(homes[p]!) ?? new Float64Array(width);
    for (let i = 0; i < width; i++) sum[i] = sum[i]! + c[i]! * codes.scales[p]!;
    sums.set(homes[p]!, sum);
  });
  const dropped = semDeDup(
    codes,
    homes,
    p => list[p]!.reduce((s, x, i) => s + x * sums.get(homes[p]!)![i]!, 0) * codes.scales[p]!,
    threshold,
  );
  const near = new Map<number, number[]>();
  for (const [a, b] of pairs) {
    near.set(a, [...(near.get(a) ?? []), b]);
    near.set(b, [...(near.get(b) ?? []), a]);
  }
  const semdedup = {
    gone: dropped.size,
    "gone without a twin that stays": [...dropped].filter(p => !(near.get(p) ?? []).some(q => !dropped.has(q))).length,
    "pairs that both stay": pairs.filter(([a, b]) => !dropped.has(a) && !dropped.has(b)).length,
  };
  return { figures, semdedup, recall };
}

export const run = async ({ say }: BenchContext): Promise<BenchResult> => {
  const made = measured(madeVectors(8_000, 384), [128, 16], 0.9, say);
  const prefixed = (name: string, of: Record<string, number>) =>
    Object.fromEntries(Object.entries(of).map(([k, v]) => [`${name}/${k}`, v]));
  const ours: Record<string, number> = prefixed("made", made.figures);
  const peers: Record<string, number> = prefixed("SemDeDup's rule, made", made.semdedup);
  const bars: Bar[] = [
    { name: "made vectors: pairs met, cells of 16, 4 visited", want: ">= .98", got: digits(made.recall, 5), holds: made.recall >= 0.98 },
  ];
  const folder = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  const hasModel = process.env.LOAM_MODELS !== undefined && existsSync(join(folder, "model.safetensors"));
  if (hasModel) {
    const texts = (await mailTexts(process.cwd())).filter((_, i) => i % EVERY_MAIL === 0);
    using embedder = await folderEmbedder(folder, openDevice("cpu", { threads: 1 }));
    const began = process.cpuUsage();
    const options = semanticOptions.parse({ model: folder });
    const codes: Int8Array[] = [];
    for (let i = 0; i < texts.length; i += 64) {
      say(`mails embedded: ${i} of ${texts.length}`);
      codes.push(...(await codesFrom(texts.slice(i, i + 64), embedder, options)));
    }
    const { user, system } = process.cpuUsage(began);
    // Small cells, so that there are many of them for few mails.
    const mails = measured(codes, [32], 0.9, say);
    Object.assign(ours, prefixed("mails", mails.figures), { "mails embedded a second": digits(texts.length / ((user + system) / 1e6)) });
    Object.assign(peers, prefixed("SemDeDup's rule, mails", mails.semdedup));
    bars.push({
      name: "mails: pairs met, cells of 32, 4 visited",
      want: ">= .99",
      got: digits(mails.recall, 5),
      holds: mails.recall >= 0.99,
    });
  }
  return {
    method:
      "8,000 made vectors of 384 numbers (200 topics of many sizes, every fifth one a copy at a cosine of .85 to 1), cells of about 128 and 16, threshold .9; " +
      `${hasModel ? `every ${EVERY_MAIL}th mail by all-MiniLM-L6-v2, cells of about 32, threshold .9; ` : ""}pairs met: of all pairs at the threshold (found by comparing all with all) those of which one visits the other's cell; seconds of processor time`,
    ours,
    peers,
    ratios: {},
    bars,
    notes: hasModel ? [] : ["no mails: LOAM_MODELS names no folder with all-minilm-l6-v2"],
  };
};
