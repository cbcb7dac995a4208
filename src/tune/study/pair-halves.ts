/**
 * The anchors that select, of an encoder's pairs, in two: one half chooses among a study's trials, the other one judges the choice. All that is said of
 * an anchor, anchors of one positive, and near-duplicates stay together; what trains never sees the second half. A test part of the user's own judges where the
 * file has one.
 */
import { z } from "zod";
import { stage } from "../../store/index.ts";
import type { Related } from "../contrast/pairs.ts";
import { readPairs } from "../contrast/pairs-stage.ts";
import { groupsOf, leakedInto } from "./apart.ts";
import { halved, hasOwnTest, recordsIn, toJsonLines } from "./example-halves.ts";
import { halves } from "./halves.ts";

/** A pair that judges, and what its anchor belongs to. */
export interface JudgedPair extends Related {
  readonly group: string;
}

export const pairHalvesStage = stage({
  name: "pair-halves",
  version: 1,
  inputs: { pairs: "pairs" },
  options: z.strictObject({}),
  output: "pair-halves",
  async run({ inputs: { pairs }, output }) {
    const { validation } = await readPairs(pairs);
    const tests = hasOwnTest(pairs) ? await recordsIn<Related>(pairs, "held-out.jsonl") : undefined;
    const related = [...validation, ...(tests ?? [])];
    const groups = groupsOf(related.map(r => ({ id: r.anchor, text: r.anchor, keys: [r.positive] })));
    const all = related.map((r, i): JudgedPair => ({ ...r, group: groups[i]! }));
    const selects = all.slice(0, validation.length);
    const cut = tests ? { validation: selects, test: all.slice(validation.length) } : halved(selects, `${pairs.id}/validation`);
    // an anchor is told from other anchors' texts: a half of one positive asks nothing
    const asks = halves.every(half => new Set(cut[half].map(r => r.positive)).size > 1);
    const sides = asks ? cut : { validation: selects, test: [] };
    for (const half of halves) await output.writeStream(`${half}.jsonl`, toJsonLines(sides[half]));
    return { validation: sides.validation.length, test: sides.test.length };
  },
});

/** Pairs for a trial: its own to train on, without those whose anchor judges; the study's half to select by. */
export const searchPairsStage = stage({
  name: "search-pairs",
  version: 1,
  inputs: { pairs: "pairs", judged: "pair-halves" },
  options: z.strictObject({}),
  output: "pairs",
  async run({ inputs, output }) {
    const { train, scored } = await readPairs(inputs.pairs);
    const sides = await Promise.all(halves.map(half => recordsIn<JudgedPair>(inputs.judged, `${half}.jsonl`)));
    const plain = ({ anchor }: Related) => ({ id: anchor, text: anchor, group: anchor });
    const out = leakedInto(sides.flat().map(plain), train.map(plain));
    const kept = train.filter((_, i) => !out.has(i));
    await output.writeStream("train.jsonl", toJsonLines(kept));
    await output.writeStream("validation.jsonl", toJsonLines(sides[0]!.map(({ group: _, ...related }) => related)));
    await output.writeStream("scored.jsonl", toJsonLines(scored));
    const { file } = inputs.pairs.summary;
    return { file: file ?? null, train: kept.length, validation: sides[0]!.length, scored: scored.length, leftOut: out.size };
  },
});
