/** What came of one item, as it is recorded: enough to compute every measure, slice and comparison again without asking a model. */
import { defined } from "../../base/index.ts";
import { type SliceBy, sliceName } from "../about-item.ts";
import type { CostRule } from "../classification/index.ts";
import { type FairnessGroups, fairnessGroupsOf } from "../part.ts";
import type { RankedGain } from "../retrieval/index.ts";
import type { StereotypeFacts } from "../stereotype/index.ts";
import type { MatchRule, OutputType, Task } from "../tasks/schema.ts";

/** What a result is of: a task's output, or what only a tuned model's own test set has. `number`: a number a text; `label_set`: any number of labels a text. */
export type ResultOutput = OutputType | "number" | "label_set";

export interface ItemResult {
  readonly id: string;
  /** File and line. */
  readonly place: string;
  /** The item's own part of the prompt, its end where it is long; the beginning of a text that a classifier read, or that is scored as a whole. */
  readonly prompt: string;
  /** What was right, and what came, as people read them. */
  readonly right: string;
  readonly came: string;
  /** Milliseconds; of a batch, its share. */
  readonly ms: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly cluster?: string;
  /** Among the items of a group: which of its tasks. */
  readonly part?: number;
  /** Among the items of a condition: it is of the split that chooses a threshold, and nothing else is told of it. */
  readonly chooses?: true;
  /** Of choices and labels. */
  readonly choices?: readonly string[];
  readonly gold?: readonly number[];
  readonly logLikelihoods?: readonly number[];
  /** The choice that a classifier with a threshold tells, which need not be the likeliest. */
  readonly told?: number;
  /** Where the threshold of the item's group decided: the choice by the common threshold. */
  readonly commonTold?: number;
  /** UTF-8 bytes and code points of each continuation without what stands before the answer. */
  readonly bytes?: readonly number[];
  readonly letters?: readonly number[];
  /** The right choice is what the model would write. */
  readonly isGreedy?: boolean;
  /** Of generated answers: as they were read, and what they are held beside. */
  readonly texts?: readonly string[];
  readonly references?: readonly string[];
  /** Of programs: whether each answer's tests passed, and why not ("" where they did). */
  readonly passed?: readonly boolean[];
  readonly failures?: readonly string[];
  /** What a judge said beside another model's answer: 1 a win, a half a tie, 0 a loss. */
  readonly judged?: number;
  /** Of texts that are scored. */
  readonly logLikelihood?: number;
  readonly words?: number;
  readonly textBytes?: number;
  /** Of numbers. */
  readonly numbers?: { readonly right: number; readonly came: number };
  /** Of sets of labels: those that both have, those that were told wrongly, those that were missed. */
  readonly labelSet?: { readonly both: number; readonly wrong: number; readonly missed: number };
  /** Of retrieval: each document that answers, the best first: what finding it is worth, how many stand before it, how many share its score (it too). */
  readonly found?: readonly RankedGain[];
  /** The first documents by their ids, with their scores. */
  readonly ranked?: readonly (readonly [document: string, score: number])[];
  /** Of stereotypes: what measures count by; `logLikelihoods` are then what texts are compared by, of StereoSet the mean of a token. */
  readonly stereotype?: StereotypeFacts;
  /** Of target texts: how much nearer it lies to the first attributes than to the second, which set of targets it is of, and the p of its test. */
  readonly association?: { readonly value: number; readonly side: 0 | 1; readonly p: number };
  /** Of pairs: the cosine of the vectors, and the score that people gave. */
  readonly cosine?: number;
  readonly score?: number;
  /** Where either stands among those of all pairs, from 0 (least) to 1. */
  readonly places?: readonly [cosine: number, score: number];
}

export interface ResultHead {
  readonly task: string;
  readonly output: ResultOutput;
  /** Of two labels: the one that precision, recall and F1 are about. */
  readonly positive?: string;
  /** Of programs: answers an item. */
  readonly samples?: number;
  /**
   * What wrong decisions cost, where the task says so. Of the task as it stands: no part of a recorded result. `isTold`: the model decides by a threshold that is
   * part of it, and every item has what it told.
   */
  readonly costs?: CostRule & { readonly isTold?: true };
  /** What `exact-match` passes over. */
  readonly match?: MatchRule;
  /** Names of the measures that the task tells, the main one first; its output's where absent. */
  readonly metrics?: readonly string[];
  /** What the task tells slices by. */
  readonly slices?: readonly SliceBy[];
  /** The groups of its fairness figures. */
  readonly groups?: FairnessGroups;
}

/** What the task's `costs` say; undefined where it has none. */
export function costRuleOf({ costs, positive }: Pick<Task, "costs" | "positive">): CostRule | undefined {
  if (!costs) return undefined;
  const { falsePositive, falseNegative } = costs;
  return { positive: costs.positive ?? positive!, falsePositive, falseNegative };
}

/** What is told of a task's results, and what measures need to know of it. */
export function headOf(task: Task): ResultHead {
  const costs = costRuleOf(task);
  return {
    task: task.task,
    output: task.output,
    ...defined({ positive: task.positive, costs, match: task.match }),
    ...(task.output === "code" ? { samples: task.generate?.samples ?? 1 } : {}),
    ...defined({ metrics: task.metrics }),
    ...(task.slices.length === 0 ? {} : { slices: task.slices.map(sliceName) }),
    ...(task.groups ? { groups: fairnessGroupsOf(task.groups) } : {}),
  };
}
