/**
 * A model as the judge of two others' answers, item by item, each pair in both orders (Zheng et al. 2023, section 3.4): an answer wins where it is
 * preferred in both; two orders that contradict each other are a tie, and what they prefer is the place. What cannot be read is left out and counted.
 */
import { defined, type Progress } from "../../base/index.ts";
import { cohenKappa, type Interval, signTest, wilson } from "../../statistics/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { KeptAnswers } from "../models/kept-answers.ts";
import type { AnswerOf, EvaluatedModel, RequestOf } from "../models/model.ts";
import { pairItems } from "../results/compare.ts";
import type { ItemResult } from "../results/item.ts";
import { questionsOf } from "../tasks/ask.ts";
import type { LoadedTask } from "../tasks/read-task.ts";
import { type JudgeRule, judgeSchema } from "../tasks/schema.ts";
import { type JudgeChoice, judgeWords, readJudgeChoice } from "./verdict.ts";

const judgeOutcomes = ["win", "loss", "tie"] as const;
export type JudgeOutcome = (typeof judgeOutcomes)[number];

export interface JudgedItem {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
  readonly first: string;
  readonly second: string;
  /** What each order said, about the first model's answer: shown first, and shown second. Absent: it could not be read. */
  readonly shownFirst?: JudgeOutcome;
  readonly shownSecond?: JudgeOutcome;
  /** Absent where an order could not be read. */
  readonly outcome?: JudgeOutcome;
  /** What the judge wrote, in both orders. */
  readonly said: readonly [string, string];
}

/** 1, a half or 0: what an outcome counts. */
const worth: { readonly [O in JudgeOutcome]: number } = { win: 1, tie: 0.5, loss: 0 };

/** Of the first model; the judge of the swapped pair speaks of A and B the other way round. */
const outcomeOf = (choice: JudgeChoice | undefined, isSwapped: boolean): JudgeOutcome | undefined =>
  choice === undefined ? undefined : choice === "tie" ? "tie" : (choice === "A") !== isSwapped ? "win" : "loss";

/** Both orders as one. */
export const together = (a: JudgeOutcome | undefined, b: JudgeOutcome | undefined): JudgeOutcome | undefined =>
  a === undefined || b === undefined ? undefined : a === b ? a : a === "tie" ? b : b === "tie" ? a : "tie";

interface JudgeOptions {
  readonly loaded: LoadedTask;
  /** What both models answered to the task's items. */
  readonly first: readonly ItemResult[];
  readonly second: readonly ItemResult[];
  readonly judge: EvaluatedModel;
  readonly answers: KeptAnswers;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** What the task says about judging, with defaults. */
export const judgeRuleOf = ({ task }: LoadedTask): JudgeRule => task.judge ?? judgeSchema.parse({});

const request = (rule: JudgeRule, words: { readonly system: string; readonly user: string }): RequestOf<"generate"> => ({
  prompt: rule.chat ? "" : `${words.system}\n\n${words.user}\n`,
  ...(rule.chat
    ? {
        messages: [
          { role: "system", content: words.system },
          { role: "user", content: words.user },
        ],
      }
    : {}),
  stop: [],
  maxTokens: rule.maxTokens,
  temperature: 0,
  seed: 1,
  samples: 1,
});

/** Errors: evaluate/ability for a judge that writes nothing, evaluate/task where there are no answers to judge, evaluate/length for a pair that it has no room for; those of the judge; the signal's reason. */
export async function judgePairs({ loaded, first, second, judge, answers, progress, signal }: JudgeOptions): Promise<JudgedItem[]> {
  const { task } = loaded;
  if (!judge.generate)
    throw evaluateErrors.fail("ability", { place: judge.id, expected: "a judge that writes texts", received: "a model that does not" });
  if (task.output !== "generate_until")
    throw evaluateErrors.fail("task", {
      place: `${task.task}: output`,
      expected: "generate_until, whose answers a judge can compare",
      received: task.output,
    });
  const rule = judgeRuleOf(loaded);
  const questions = questionsOf(loaded);
  const paired = pairItems(first, second, task.task);
  const at = new Map(first.map((item, i) => [item, i]));
  const requests = paired.first.flatMap((item, i) => {
    const { question, reference } = questions[at.get(item)!]!;
    const [mine, other] = [item.texts![0]!, paired.second[i]!.texts![0]!];
    return [
      request(rule, judgeWords({ question, reference, a: mine, b: other }, rule)),
      request(rule, judgeWords({ question, reference, a: other, b: mine }, rule)),
    ];
  });
  const got: (AnswerOf<"generate"> | undefined)[] = requests.map(r => answers.get("generate", r));
  const open = requests.flatMap((_, i) => (got[i] ? [] : [i]));
  let done = requests.length - open.length;
  const tell = () =>
    progress?.({ stage: "eval", done: done / requests.length, message: `${task.task}: ${done} of ${requests.length} verdicts` });
  tell();
  if (open.length > 0)
    await judge.generate(
      open.map(i => requests[i]!),
      (k, answer) => {
        const i = open[k]!;
        got[i] = answer;
        answers.put("generate", requests[i]!, answer);
        done++;
        tell();
      },
      signal,
      (k, said) => {
        // two requests a pair
        throw evaluateErrors.fail("length", {
          place: `${task.task}: ${paired.first[open[k]! >> 1]!.place}`,
          expected: `a pair of answers that the judge ${judge.id} has room for, with its verdict`,
          received: said,
          hint: "--context says how much of its context a model of this machine is given; judge.maxTokens, how long its verdict may be.",
        });
      },
    );
  return paired.first.map((item, i): JudgedItem => {
    const said = [got[2 * i]!.texts[0] ?? "", got[2 * i + 1]!.texts[0] ?? ""] as const;
    const [shownFirst, shownSecond] = [outcomeOf(readJudgeChoice(said[0]), false), outcomeOf(readJudgeChoice(said[1]), true)];
    const outcome = together(shownFirst, shownSecond);
    return {
      id: item.id,
      place: item.place,
      prompt: item.prompt,
      first: item.texts![0]!,
      second: paired.second[i]!.texts![0]!,
      ...defined({ shownFirst, shownSecond, outcome }),
      said,
    };
  });
}

export interface JudgeSummary {
  readonly items: number;
  /** Items of which a verdict could not be read. */
  readonly unread: number;
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** Of those, ties because the orders contradict each other. */
  readonly contradictions: number;
  /** Wins of wins and losses. */
  readonly decided: Interval;
  /** Two-sided sign test of wins against losses. */
  readonly p: number;
  /** How often the answer that stood first was preferred, of verdicts that preferred one; .5 is no bias. */
  readonly preferredFirst: Interval;
  /** Sign test of contradictions towards the first place against those towards the second. */
  readonly biasP: number;
  /** Agreement of the two orders: share, and Cohen's kappa. */
  readonly agreement: number;
  readonly kappa: number;
}

/** Wilson's interval; of nothing, none. */
const shareOf = (k: number, n: number): Interval => (n === 0 ? { value: Number.NaN, low: Number.NaN, high: Number.NaN } : wilson(k, n));

/** Counts and the judge's own reliability. Its win rate with interval is the measure `win_rate`. */
export function judgeSummary(items: readonly JudgedItem[]): JudgeSummary {
  const read = items.filter(i => i.outcome !== undefined);
  const count = (outcome: JudgeOutcome) => read.filter(i => i.outcome === outcome).length;
  const [wins, losses] = [count("win"), count("loss")];
  const pairs = read.map(i => [i.shownFirst!, i.shownSecond!] as const);
  // shown first and a win, or shown second and a loss: the first place was preferred
  const toFirst = pairs.flatMap(([a, b]) => [...(a === "tie" ? [] : [a === "win"]), ...(b === "tie" ? [] : [b === "loss"])]);
  const bothFirst = pairs.filter(([a, b]) => a === "win" && b === "loss").length;
  const bothSecond = pairs.filter(([a, b]) => a === "loss" && b === "win").length;
  return {
    items: items.length,
    unread: items.length - read.length,
    wins,
    losses,
    ties: count("tie"),
    contradictions: bothFirst + bothSecond,
    decided: shareOf(wins, wins + losses),
    p: signTest(wins, wins + losses),
    preferredFirst: shareOf(toFirst.filter(Boolean).length, toFirst.length),
    biasP: signTest(bothFirst, bothFirst + bothSecond),
    agreement: pairs.filter(([a, b]) => a === b).length / pairs.length,
    kappa:
      pairs.length === 0
        ? Number.NaN
        : cohenKappa(
            pairs.map(p => p[0]),
            pairs.map(p => p[1]),
          ),
  };
}

/** Items with what their judgement counts, for the measure `win_rate`; those that were not judged or not read have none. */
export function withJudgement(items: readonly ItemResult[], judged: readonly JudgedItem[]): ItemResult[] {
  const left = [...judged];
  return items.map(item => {
    const at = left.findIndex(j => j.id === item.id && j.place === item.place);
    const [own] = at < 0 ? [] : left.splice(at, 1);
    return own?.outcome === undefined ? item : { ...item, judged: worth[own.outcome] };
  });
}
