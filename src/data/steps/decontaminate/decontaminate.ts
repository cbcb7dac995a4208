/**
 * The decontaminate step: documents that hold items of evaluation sets are dropped, marked, or lose the passage, because what a model was
 * trained on cannot test it. Every document has a score, clean ones 0; `contamination.ts` turns the marks round, to items.
 */
import { z } from "zod";
import type { Edit, Verdict } from "../../ledger.ts";
import type { Resources } from "../../resources.ts";
import { judge, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { contaminatedAttribute, overlapAttribute, overlapLine, type SearchedItem } from "./contamination.ts";
import { closed, withoutSpans } from "./cut.ts";
import { lookedFor } from "./evaluation-index.ts";
import { type EvaluationItem, readItems, setOptions } from "./items.ts";
import { type Finding, type Searcher, searcher } from "./search.ts";
import { normalForm, wordsOf } from "./words.ts";

export const decontaminateOptions = z
  .strictObject({
    sets: z.array(setOptions).min(1),
    /** `mark` only tells: look at what is found before anything goes. `cut` takes the passage out. */
    action: z.enum(["drop", "mark", "cut"]).default("drop"),
    /** A document stays while no item scores higher; null switches the rule off. */
    maxScore: z.number().min(0).max(1).nullable().default(0.6),
    /** Words of a run by which an item is found. */
    seedWords: z.number().int().min(2).max(32).default(5),
    /** Words of a run that counts as common. */
    gramWords: z.number().int().min(1).max(16).default(3),
    /** Of so many runs of a document one is looked up. */
    sampleEvery: z.number().int().min(1).max(64).default(1),
    /** Shorter prompts count only with their answer. */
    minWords: z.number().int().min(1).default(8),
    /** Shorter answers count only with their prompt. */
    minAnswerWords: z.number().int().min(1).default(12),
    /** Shorter items are not looked for. */
    minPairWords: z.number().int().min(1).default(5),
    /** Shorter matches lose a part of the score, up to `shortPenalty` at `minWords`, unless they are perfect. */
    fullWords: z.number().int().min(1).default(24),
    shortPenalty: z.number().min(0).max(1).default(0.4),
    /** Words on either side of a prompt in which its answer is looked for; twice the answer's length where that is more. */
    answerWindow: z.number().int().min(0).default(20),
    /** Words on either side of a prompt in which its passage is looked for, beside one and a half times its length. */
    passageWindow: z.number().int().min(0).default(100),
  })
  .refine(o => new Set(o.sets.map(s => s.name)).size === o.sets.length, { path: ["sets"], message: "names that differ" });
export type DecontaminateOptions = z.output<typeof decontaminateOptions>;

const rules = { contamination: { option: "maxScore", keep: "atMost" } } as const satisfies Rules;

/** Scores below are told nowhere: a common run of words is no overlap. */
const minTold = 0.3;
/** Items a document tells of, the highest first. */
const maxTold = 64;
/** Times a text is looked through again after a cut: what stood around a passage may stand together now. */
const maxPasses = 8;

/** All items of all sets, in order. Errors: `data/resource`. */
export async function evaluationItems({ sets }: Pick<DecontaminateOptions, "sets">, resources: Resources): Promise<EvaluationItem[]> {
  const items: EvaluationItem[] = [];
  for (const set of sets) items.push(...(await readItems(await resources.file(set.file), set)));
  return items;
}

/** The items as `contaminationTally` asks for them. Errors: `data/resource`. */
export async function searchedItems(o: DecontaminateOptions, resources: Resources): Promise<SearchedItem[]> {
  const length = (text: string) => wordsOf(normalForm(text)).length;
  return (await evaluationItems(o, resources)).map(({ key, prompt, answer }) => {
    const looked = lookedFor(length(prompt), length(answer), o);
    return { key, isSearched: looked.prompt || looked.answer };
  });
}

/** The best finding of every item, highest score first, then in the order of items. */
function bestOf(findings: readonly Finding[]): Finding[] {
  const best = new Map<number, Finding>();
  for (const f of findings) if ((best.get(f.item)?.score ?? -1) < f.score) best.set(f.item, f);
  return [...best.values()].sort((a, b) => b.score - a.score || a.item - b.item);
}

/** The text without what scores higher than `limit`, how many passages went, and whether it is clean now. */
function cut(
  text: string,
  findings: readonly Finding[],
  limit: number,
  search: Searcher,
): { text: string; passages: number; isClean: boolean } {
  let [left, passages, wrong] = [text, 0, findings.filter(f => f.score > limit)];
  for (let pass = 0; wrong.length > 0 && pass < maxPasses; pass++) {
    const spans = closed(wrong.flatMap(f => f.spans));
    const next = withoutSpans(left, spans);
    if (next === undefined || next === left) break;
    passages += spans.length;
    left = next;
    wrong = search.find(left).filter(f => f.score > limit);
  }
  return { text: left, passages, isClean: wrong.length === 0 };
}

export const decontaminate = documentStep<typeof decontaminateOptions, Searcher>({
  name: "decontaminate",
  version: 2,
  options: decontaminateOptions,
  rules,
  needs: o => [...new Set(o.sets.map(s => s.file))].map(path => ({ kind: "file", path })),
  prepare: async (o, resources) => searcher(await evaluationItems(o, resources), o),
  apply({ text }, o, search) {
    const findings = search.find(text);
    const items = bestOf(findings);
    const value = items[0]?.score ?? 0;
    const limit = o.maxScore ?? Number.POSITIVE_INFINITY;
    const key = (f: Finding) => search.index.keys[f.item]!;
    const told = items.filter(f => f.score >= Math.min(minTold, limit)).slice(0, maxTold);
    const held = items.filter(f => f.score > limit).slice(0, maxTold);
    const attributes = {
      ...(held.length > 0 ? { [contaminatedAttribute]: held.map(key) } : {}),
      ...(told.length > 0 ? { [overlapAttribute]: told.map(f => overlapLine(key(f), f)) } : {}),
    };
    const verdicts = judge(rules, { contamination: value }, o);
    if (o.action === "drop" || o.maxScore === null) return { attributes, verdicts };
    // Values of documents that stay in any case are kept under a name of their own, so that no other threshold seems to drop them.
    const verdict: Verdict = {
      rule: o.action === "mark" ? "contamination-marked" : "contamination-cut",
      keep: true,
      value,
      threshold: limit,
    };
    if (o.action === "mark" || held.length === 0) return { attributes, verdicts: [verdict] };
    const { text: left, passages, isClean } = cut(text, findings, limit, search);
    const edits: Edit[] = [{ rule: "evaluation-passage", value: passages }];
    if (wordsOf(normalForm(left)).length === 0 || !isClean)
      return { attributes, edits, verdicts: [verdict, { rule: "only-contamination", keep: false, value, threshold: limit }] };
    return { attributes, text: left, edits, verdicts: [verdict] };
  },
});
