/** What a release asks for, as `loam.yaml` says it and as it is recorded. */
import { isLoamError } from "../../base/index.ts";
import { type Condition, parseCondition } from "../../evaluate/index.ts";
import { registryErrors } from "../errors.ts";
import type { ReleaseRules } from "../part.ts";

/** What the version that has the alias now is called in conditions. */
const currentName = "current";

/** A condition as it is parsed by `loam eval --fail-if`; here it says what must hold. Errors: registry/condition, registry/metric. */
export function releaseCondition(source: string, alias: string, tasks: readonly string[], place: string): Condition {
  try {
    return parseCondition(source, { against: [currentName, alias], tasks });
  } catch (error) {
    if (!isLoamError(error)) throw error;
    const { code: _, ...problem } = error.problem;
    const isUnknown = error.code === "evaluate/metric";
    const asked = "A task has figures once a version was evaluated on it: loam eval TASK --model NAME@V.";
    const at = /, at (\d+)$/.exec(problem.place ?? "")?.[0] ?? "";
    throw registryErrors.fail(isUnknown ? "metric" : "condition", {
      ...problem,
      place: `${place}: "${source}"${at}`,
      ...(isUnknown
        ? { expected: `a name before the dot: ${[currentName, alias, ...tasks].join(", ")}`, hint: problem.hint ?? asked }
        : {}),
    });
  }
}

/** Refuses what is no condition, before anything is measured, and approvals that nobody could give. A name before a dot may be a task's: those are known later. */
export function checkConditions(rules: ReleaseRules, alias: string, place: string): void {
  for (const [i, { role, keys, unsigned, people, count }] of rules.approvals.entries()) {
    const at = `${place}.approvals[${i}] (${role})`;
    if (!keys && !unsigned)
      throw registryErrors.fail("role", {
        place: at,
        expected: "`keys` of those who may approve, or `unsigned: true`",
        received: "neither",
        hint: "keys: { ann: ann.key.pub } asks for signed approvals; `unsigned: true` takes any name.",
      });
    if (people && !unsigned)
      throw registryErrors.fail("role", {
        place: at,
        expected: "`people` with `unsigned: true`",
        received: "people alone",
        hint: "The names of those who sign stand beside their keys.",
      });
    const most = unsigned && !people ? Number.POSITIVE_INFINITY : new Set([...Object.keys(keys ?? {}), ...(people ?? [])]).size;
    if (count > most)
      throw registryErrors.fail("role", { place: at, expected: `a count of at most ${most}, of whom it names`, received: String(count) });
  }
  for (const [i, source] of rules.requires.entries()) {
    const tasks = [...source.matchAll(/([A-Za-z_][\w-]*)\./g)].map(m => m[1]!);
    releaseCondition(source, alias, tasks, `${place}.requires[${i}]`);
  }
}
