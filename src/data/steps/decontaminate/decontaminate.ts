/**
 * The decontaminate step: documents that hold items of evaluation sets are dropped, marked, or lose the passage, because what a model was
 * trained on cannot test it. Every document has a score, clean ones 0; `contamination.ts` turns the marks round, to items.
 */
import type { LedgerEdit, StepVerdict } from "../../ledger.ts";
import type { Resources } from "../../resources.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { contaminatedAttribute, overlapAttribute, overlapLine, type SearchedItem } from "./contamination.ts";
import { closed, withoutSpans } from "./cut.ts";
import { lookedFor } from "./evaluation-index.ts";
import { type EvaluationItem, readEvaluationItems } from "./items.ts";
import { type DecontaminateOptions, decontaminateOptions } from "./options.ts";
import { type ContaminationFinding, type Searcher, searcher } from "./search.ts";
import { contaminationForm, contaminationWords } from "./words.ts";

const rules = { contamination: { option: "maxScore", keep: "atMost" } } as const satisfies Rules;

/** Scores below are told nowhere: a common run of words is no overlap. */
const minTold = 0.3;
/** Items a document tells of, the highest first. */
const maxTold = 64;
/** Times a text is looked through again after a cut: what stood around a passage may stand together now. */
const maxPasses = 8;

/** All items of all sets, in order. Errors: `data/resource`. */
async function evaluationItems({ sets }: Pick<DecontaminateOptions, "sets">, resources: Resources): Promise<EvaluationItem[]> {
  const items: EvaluationItem[] = [];
  for (const set of sets) items.push(...(await readEvaluationItems(await resources.file(set.file), set)));
  return items;
}

/** The items as `contaminationTally` asks for them. Errors: `data/resource`. */
export async function searchedItems(o: DecontaminateOptions, resources: Resources): Promise<SearchedItem[]> {
  const length = (text: string) => contaminationWords(contaminationForm(text)).length;
  return (await evaluationItems(o, resources)).map(({ key, prompt, answer }) => {
    const looked = lookedFor(length(prompt), length(answer), o);
    return { key, isSearched: looked.prompt || looked.answer };
  });
}

/** The best finding of every item, highest score first, then in the order of items. */
function bestOf(findings: readonly ContaminationFinding[]): ContaminationFinding[] {
  const best = new Map<number, ContaminationFinding>();
  for (const f of findings) if ((best.get(f.item)?.score ?? -1) < f.score) best.set(f.item, f);
  return [...best.values()].sort((a, b) => b.score - a.score || a.item - b.item);
}

/** The text without what scores higher than `limit`, how many passages went, and whether it is clean now. */
function cut(
  text: string,
  findings: readonly ContaminationFinding[],
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
    const key = (f: ContaminationFinding) => search.index.keys[f.item]!;
    const told = items.filter(f => f.score >= Math.min(minTold, limit)).slice(0, maxTold);
    const held = items.filter(f => f.score > limit).slice(0, maxTold);
    const attributes = {
      ...(held.length > 0 ? { [contaminatedAttribute]: held.map(key) } : {}),
      ...(told.length > 0 ? { [overlapAttribute]: told.map(f => overlapLine(key(f), f)) } : {}),
    };
    const verdicts = judgeByRules(rules, { contamination: value }, o);
    if (o.action === "drop" || o.maxScore === null) return { attributes, verdicts };
    // Values of documents that stay in any case are kept under a name of their own, so that no other threshold seems to drop them.
    const verdict: StepVerdict = {
      rule: o.action === "mark" ? "contamination-marked" : "contamination-cut",
      keep: true,
      value,
      threshold: limit,
    };
    if (o.action === "mark" || held.length === 0) return { attributes, verdicts: [verdict] };
    const { text: left, passages, isClean } = cut(text, findings, limit, search);
    const edits: LedgerEdit[] = [{ rule: "evaluation-passage", value: passages }];
    if (contaminationWords(contaminationForm(left)).length === 0 || !isClean)
      return { attributes, edits, verdicts: [verdict, { rule: "only-contamination", keep: false, value, threshold: limit }] };
    return { attributes, text: left, edits, verdicts: [verdict] };
  },
});
