/**
 * What a generate_until task can be answered with without a model: a field or template (a copy of what was asked), or what was learnt from another
 * split. The answers become results like a model's, so every measure, interval and paired comparison applies to them.
 */
import { evaluateErrors } from "../../errors.ts";
import type { ItemResult } from "../../results/item.ts";
import { itemTextReader } from "../../tasks/ask.ts";
import type { LoadedTask, TaskItem } from "../../tasks/read-task.ts";
import type { BaselineRule } from "../../tasks/schema.ts";
import { commonestForms } from "./commonest-forms.ts";

export interface AnswerBaseline {
  readonly name: string;
  readonly items: readonly ItemResult[];
}

type Learning = Extract<BaselineRule, { readonly learn: unknown }>;

/** What is learnt, a row a way. */
const learners: { readonly [L in Learning["learn"]]: (rule: Learning, loaded: LoadedTask, place: string) => (item: TaskItem) => string } = {
  "commonest-forms"({ from, input }, { task, training }, place) {
    const inputOf = itemTextReader(input ?? task.prompt!, input === undefined ? "prompt" : `${place}.input`);
    const answerOf = itemTextReader(task.target!, "target");
    const pairs = training[from]!.map(item => ({ input: inputOf(item), answer: answerOf(item) }));
    const { used, rewrite } = commonestForms(pairs);
    if (used === 0)
      throw evaluateErrors.fail("task", {
        place: `${task.task}: ${place}`,
        expected: `items of ${from} whose words stand for those of their answers one by one`,
        received: `none of ${pairs.length}`,
        hint: "`input` names the field with the words alone, where the prompt says more.",
      });
    return item => rewrite(inputOf(item));
  },
};

/** Answers of every baseline of the task to its items, in their order. Errors: evaluate/task, evaluate/data. */
export const baselineAnswers = (loaded: LoadedTask): { readonly name: string; readonly answers: readonly string[] }[] =>
  Object.entries(loaded.task.baselines ?? {}).flatMap(([name, rule]) => {
    if (typeof rule !== "string" && "rank" in rule) return [];
    const place = `baselines.${name}`;
    const answer = typeof rule === "string" ? itemTextReader(rule, place) : learners[rule.learn](rule, loaded, place);
    return [{ name, answers: loaded.items.map(answer) }];
  });

/** The same as results, beside those of a model to the same items. */
export const answerBaselines = (loaded: LoadedTask, results: readonly ItemResult[]): AnswerBaseline[] =>
  baselineAnswers(loaded).map(({ name, answers }) => ({
    name,
    items: results.map(({ judged: _, ...result }, i) => ({ ...result, ms: 0, came: answers[i]!, texts: [answers[i]!] })),
  }));
