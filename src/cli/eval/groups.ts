/** What `loam eval` tells of a group of tasks: its measures over all of them. */
import { type GroupScore, groupScore, type LoadedTask, type TaskGroup } from "../../evaluate/index.ts";
import type { Output } from "../output.ts";
import type { RecordedResult } from "./record.ts";
import { measureNamed } from "./report.ts";
import { scoreCells } from "./show.ts";

export interface GroupReport {
  readonly group: string;
  readonly alias?: string;
  readonly tasks: readonly string[];
  readonly scores: readonly (GroupScore & { readonly filter?: string })[];
}

interface Evaluated {
  readonly loaded: LoadedTask;
  readonly result: RecordedResult;
}

/** Errors: evaluate/metric for a measure that one of the tasks does not know. */
export function groupReport({ name, alias, tasks, measures }: TaskGroup, evaluated: readonly Evaluated[]): GroupReport {
  return {
    group: name,
    ...(alias === undefined ? {} : { alias }),
    tasks,
    scores: measures.map(m => {
      const members = evaluated.filter(e => m.tasks.includes(e.loaded.task.task));
      const parts = members.map(({ result }) => ({ measure: measureNamed(m.metric, result), items: result.items }));
      return { ...groupScore(parts, m.isWeighted), ...(m.filter === undefined ? {} : { filter: m.filter }) };
    }),
  };
}

export function showGroup(out: Output, { group, alias, tasks, scores }: GroupReport): void {
  out.line(`\n  ${group}${alias === undefined ? "" : ` (${alias})`}: ${tasks.length} tasks`);
  for (const s of scores)
    out.line(
      `    ${scoreCells(s)} ${s.better} is better; ${s.tasks} tasks ${s.isWeighted ? "by their items" : "alike"}${s.filter === undefined ? "" : `, ${s.filter}`}`,
    );
}
