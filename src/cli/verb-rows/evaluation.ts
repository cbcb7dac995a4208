/** `loam eval`: models on tasks, beside each other. */
import { outputTable } from "../eval/outputs.ts";
import type { Verb } from "../verb.ts";
import { project } from "./common-options.ts";

export const evaluationVerbs: readonly Verb[] = [
  {
    usage: "eval [task...]",
    summary:
      "Evaluate a model on tasks (default: all of the project), also against another model, with confidence intervals; exit code 1 if a `--fail-if` condition holds",
    options: [
      project,
      ["--model <model>", "a version, a path, or an endpoint http://HOST/v1#NAME (default: the project's)"],
      ["--against <model>", "another model, item by item; a bare alias (prod) is the evaluated model's"],
      ["--judge <model>", "a model that compares the answers of both, in both orders (tasks with generate_until)"],
      ["--fail-if <conditions...>", '"f1 < prod.f1 - 0.01": fails where it holds; may be given several times'],
      ["--undecided <rule>", "a condition that so few items cannot decide: point (as the figures are), pass, or fail", "point"],
      [
        "--variants <names>",
        "the same items mistyped, in another case, options in another order, about another group, in other words: typos,lower,upper,order,names,pronouns,identity,paraphrase",
      ],
      ["--paraphraser <model>", "of --variants paraphrase: a model that writes the items' other words, where they bring none along"],
      ["--fewshot-as-multiturn", "examples before an item as turns of a chat, through the model's template"],
      ["--limit <n>", "only the first items of each task"],
      ["--items <n>", "items of each list: most wrong, slowest, won, lost", "3"],
      ["--report <file>", "write a page with everything, item by item"],
      ["--slots <n>", "maximum concurrent sequences, or requests in flight at an endpoint (default: 8)"],
      ["--context <tokens>", "tokens that the model reads (default: what it can, 2048 at most)"],
      ["--fresh", "ignore stored responses and run every request again"],
    ],
    table: outputTable,
    stopped: options =>
      options.fresh === true
        ? "Results that were whole are recorded; of the one that was stopped no answer is kept. With --fresh the same command asks everything again: name only the tasks that are left."
        : undefined,
    isForRuns: true,
    example: 'loam eval tasks/spam.yaml --model mail@dev --against prod --fail-if "f1 < prod.f1 - 0.01"',
    load: async () => (await import("../verbs/eval.ts")).evalVerb,
  },
  {
    usage: "evaluations",
    summary:
      "List all evaluations: test sets, bits per byte, cross-validation, tasks, variants, groups, judgements; of versions and endpoints",
    options: [
      project,
      ["--task <task>", "only this task"],
      ["--model <model>", "only this model (mail) or version (mail@2)"],
      ["-n, --number <n>", "evaluations shown", "20"],
    ],
    example: "loam evaluations --task spam",
    load: async () => (await import("../verbs/evaluations.ts")).evaluationsList,
  },
  {
    usage: "evaluations diff <first> <second>",
    summary: "Compare two evaluations of one task item by item; each is an artifact or a version (its newest evaluation)",
    options: [
      project,
      ["--task <task>", "task, where a version has several"],
      ["--change <change>", "only these items: changed, fixed (right in the first alone), broken, better, worse, same"],
      ["--find <text>", "only items that contain this text"],
      ["-n, --number <n>", "items shown, the largest changes first", "10"],
    ],
    example: "loam evaluations diff spam@2 spam@1 --change broken",
    load: async () => (await import("../verbs/evaluations.ts")).evaluationsDiff,
  },
];
