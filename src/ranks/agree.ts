/** What must be the same on all ranks before they compute together. */
import { ranksErrors } from "./errors.ts";
import type { ProcessGroup } from "./process-group.ts";

const shown = 16;
const show = (value: unknown): string => (typeof value === "string" ? value.slice(0, shown) : "nothing");

/**
 * Compares facts (hashes of code, recipe and data, by name) with those of all ranks; all ranks see the same error. Values that most ranks have count as
 * right, rank 0's where there is no such. Errors: `ranks/disagree`, which names the ranks and what differs.
 */
export async function agree(group: ProcessGroup, facts: Readonly<Record<string, string>>): Promise<void> {
  const all = (await group.exchange(facts)).map(f => (typeof f === "object" && f !== null ? (f as Readonly<Record<string, unknown>>) : {}));
  const names = [...new Set(all.flatMap(f => Object.keys(f)))].sort();
  const different = names.flatMap(name => {
    const values = all.map(f => f[name]);
    const count = (v: unknown) => values.filter(x => x === v).length;
    const usual = values.reduce((best, v) => (count(v) > count(best) ? v : best));
    const wrong = values.flatMap((v, rank) => (v === usual ? [] : [`rank ${rank} has ${show(v)}`]));
    return wrong.length === 0 ? [] : [`${name}: ${wrong.join(", ")}, not ${show(usual)}`];
  });
  if (different.length === 0) return;
  throw ranksErrors.fail("disagree", {
    place: "start of the ranks",
    expected: `the same ${names.join(", ")} on all ${group.size} ranks`,
    received: different.join("; "),
    hint: "Start all ranks with the same version of Loam, project and data.",
  });
}
