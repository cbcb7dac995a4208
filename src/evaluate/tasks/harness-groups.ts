/**
 * Groups of lm-evaluation-harness: tasks under one name, and which measures are told of them together. Members are tasks, groups or tags of the files
 * in the group's folder and below it, or stand in the group itself.
 */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { check, nearest } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import { type HarnessTask, harnessTasks, isHarness, metricNames } from "./harness.ts";
import { type HarnessKeys, isKeys, readIncluded } from "./harness-include.ts";
import { taskSchema } from "./schema.ts";

const text = z.string().min(1);
const aggregate = z.strictObject({
  metric: text,
  aggregation: z.literal("mean").default("mean"),
  /** Tasks count by their items; all alike otherwise. */
  weight_by_size: z.boolean().default(true),
  filter_list: z.union([text, z.array(text)]).nullish(),
  higher_is_better: z.boolean().optional(),
});
const groupSchema = z.strictObject({
  group: text,
  group_alias: text.nullish(),
  tag: z.union([text, z.array(text)]).optional(),
  task: z.union([text, z.array(z.union([text, z.record(z.string(), z.unknown())])).min(1)]),
  aggregate_metric_list: z.union([aggregate, z.array(aggregate)]).nullish(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

/** A measure of a group: of the tasks that have it. */
export interface GroupMeasure {
  readonly metric: string;
  /** The list of filters that the tasks' answers are read by; absent where tasks have no more than one. */
  readonly filter?: string;
  readonly isWeighted: boolean;
  readonly tasks: readonly string[];
}
export interface TaskGroup {
  readonly name: string;
  readonly alias?: string;
  readonly tasks: readonly string[];
  readonly measures: readonly GroupMeasure[];
}
interface Member extends HarnessTask {
  /** The file that it stands in. */
  readonly path: string;
}

/** Whether a file is a group: a name and members, and nothing that is asked. */
export const isGroup = (value: HarnessKeys): boolean =>
  typeof value.group === "string" && value.doc_to_text === undefined && value.dataset_path === undefined;

/** What a member's keys are: tasks of the harness, or one of Loam's shape, which has no lists of filters. */
function membersOf(value: HarnessKeys, place: string): HarnessTask[] {
  if (value.data === undefined || isHarness(value)) return harnessTasks(value, place);
  const task = check(taskSchema, value, place);
  return [{ task, named: task.task, filter: "none" }];
}

/** Files below a folder that are looked at: more are no folder of tasks. */
const mostFiles = 5000;
const notFiles = /^(\.|node_modules$)/;

function yamlFiles(folder: string): string[] {
  const found: string[] = [];
  const open = [folder];
  for (let at = open.pop(); at !== undefined && found.length < mostFiles; at = open.pop())
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (notFiles.test(entry.name)) continue;
      if (entry.isDirectory()) open.push(join(at, entry.name));
      else if (/\.ya?ml$/.test(entry.name)) found.push(join(at, entry.name));
    }
  return found.sort();
}

interface Known {
  readonly path: string;
  readonly value: HarnessKeys;
}
/** Files by the task or group that they are, and by their tags. One that cannot be read is nobody's member; named itself, it is complained about. */
function filesOf(folder: string): { readonly byName: Map<string, Known>; readonly byTag: Map<string, Known[]> } {
  const byName = new Map<string, Known>();
  const byTag = new Map<string, Known[]>();
  for (const path of yamlFiles(folder)) {
    let value: unknown;
    try {
      value = readIncluded(path);
    } catch {
      continue;
    }
    if (!isKeys(value)) continue;
    const known = { path, value };
    const name = isGroup(value) ? value.group : value.task;
    // only others' keys, which include it
    if (typeof name !== "string") continue;
    if (!byName.has(name)) byName.set(name, known);
    for (const tag of [value.tag].flat()) if (typeof tag === "string") byTag.set(tag, [...(byTag.get(tag) ?? []), known]);
  }
  return { byName, byTag };
}

/** Members and groups of a file, inner groups first. Errors: base/unknownKey, base/config, evaluate/task with the nearest name. */
export function readGroup(
  value: HarnessKeys,
  path: string,
): { readonly members: readonly Member[]; readonly groups: readonly TaskGroup[] } {
  const { byName, byTag } = filesOf(dirname(path));
  const members = new Map<string, Member>();
  const groups: TaskGroup[] = [];

  function tasksOf(known: Known): Member[] {
    const own = membersOf(known.value, basename(known.path)).map(t => ({ ...t, path: known.path }));
    for (const t of own) if (!members.has(t.task.task)) members.set(t.task.task, t);
    return own;
  }
  const opened = (known: Known, chain: readonly string[]): Member[] => (isGroup(known.value) ? groupOf(known, chain) : tasksOf(known));

  function memberOf(given: string | HarnessKeys, place: string, from: Known, chain: readonly string[]): Member[] {
    if (typeof given !== "string" && given.group !== undefined) return groupOf({ path: from.path, value: given }, chain);
    const name = typeof given === "string" ? given : given.task;
    const known = typeof name === "string" ? byName.get(name) : undefined;
    // the group's words about a task stand before the file's
    if (known) return opened(typeof given === "string" ? known : { path: known.path, value: { ...known.value, ...given } }, chain);
    if (typeof given !== "string") return tasksOf({ path: from.path, value: given });
    const tagged = byTag.get(given);
    if (tagged) return tagged.flatMap(t => opened(t, chain));
    const names = [...byName.keys(), ...byTag.keys()];
    const near = nearest(given, names);
    throw evaluateErrors.fail("task", {
      place,
      expected: `a task, group or tag of the files below ${dirname(from.path)}`,
      received: `"${given}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }

  function groupOf(known: Known, chain: readonly string[]): Member[] {
    const place = basename(known.path);
    const g = check(groupSchema, known.value, place);
    if (chain.includes(g.group))
      throw evaluateErrors.fail("task", {
        place: `${place}: task`,
        expected: "groups that do not hold themselves",
        received: [...chain, g.group].join(" > "),
      });
    const own = [g.task]
      .flat()
      .flatMap((given, i) => memberOf(given, `${place}: ${g.group}.task[${i}]`, known, [...chain, g.group]))
      .filter((m, i, all) => all.findIndex(o => o.task.task === m.task.task) === i);
    const measures = [g.aggregate_metric_list ?? []].flat().flatMap(m => measuresOf(m, own, `${place}: ${g.group}.aggregate_metric_list`));
    groups.push({ name: g.group, ...(g.group_alias ? { alias: g.group_alias } : {}), tasks: own.map(m => m.task.task), measures });
    return own;
  }

  groupOf({ path, value }, []);
  return { members: [...members.values()], groups };
}

/** One for each list of filters. Errors: evaluate/task where no task has it. */
function measuresOf(m: z.output<typeof aggregate>, members: readonly Member[], place: string): GroupMeasure[] {
  const present = [...new Set(members.map(t => t.filter))];
  const wanted = m.filter_list == null ? present : [m.filter_list].flat();
  return wanted.map(filter => {
    const tasks = members.filter(t => t.filter === filter).map(t => t.task.task);
    if (tasks.length === 0)
      throw evaluateErrors.fail("task", {
        place: `${place}: filter_list`,
        expected: `a list of filters of its tasks: ${present.join(", ")}`,
        received: `"${filter}"`,
      });
    const metric = metricNames[m.metric] ?? m.metric;
    return { metric, ...(present.length > 1 ? { filter } : {}), isWeighted: m.weight_by_size, tasks };
  });
}
