/** Results of what can do a task without a model, beside a model's to the same items. */
import type { ItemResult } from "../results/item.ts";
import type { LoadedTask } from "../tasks/read-task.ts";
import { type AnswerBaseline, answerBaselines } from "./answers/index.ts";
import { rankingBaselines } from "./ranking/index.ts";

/** None where the task names none; BM25 beside a retrieval task that says nothing of it. Errors: evaluate/task, evaluate/data. */
export const taskBaselines = (loaded: LoadedTask, results: readonly ItemResult[]): AnswerBaseline[] =>
  loaded.task.output === "retrieval" ? rankingBaselines(loaded, results) : answerBaselines(loaded, results);
