/**
 * So many damaged files of a kind, one after another, and what became of each: valid, an error of the catalogue by its code, or anything
 * else, which is a failure. A case is its seed, its kind and its number: it can be had again alone.
 */
import { isLoamError, random } from "../../src/base/index.ts";
import { type KindName, kinds } from "./kinds.ts";

export interface Campaign {
  readonly kind: KindName;
  readonly seed: number;
  /** Numbers of the cases: from `from` up to, and without, `to`. */
  readonly from: number;
  readonly to: number;
}
export interface Findings {
  readonly cases: number;
  /** `valid` and error codes, with how often. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What was neither: the first of each sort, with how many there were. */
  readonly failures: readonly { readonly case: number; readonly what: string; readonly times: number }[];
  readonly slowestMs: number;
  readonly slowestCase: number;
}

/** `onCase` is told each number before it is tried: whoever watches knows where a process died or hangs. */
export async function campaign({ kind, seed, from, to }: Campaign, folder: string, onCase?: (i: number) => void): Promise<Findings> {
  const attempt = await kinds[kind].prepare(folder);
  const outcomes: Record<string, number> = {};
  const failures = new Map<string, { case: number; what: string; times: number }>();
  let [slowestMs, slowestCase] = [0, from];
  for (let i = from; i < to; i++) {
    onCase?.(i);
    const began = performance.now();
    let outcome = "valid";
    try {
      await attempt(random(`${seed}/${kind}/${i}`));
    } catch (error) {
      outcome = isLoamError(error) ? error.code : "failure";
      if (!isLoamError(error)) {
        const what = describe(error);
        const known = failures.get(what);
        if (known) known.times++;
        else failures.set(what, { case: i, what, times: 1 });
      }
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const ms = performance.now() - began;
    if (ms > slowestMs) [slowestMs, slowestCase] = [ms, i];
  }
  return { cases: to - from, outcomes, failures: [...failures.values()], slowestMs, slowestCase };
}

/** Message and where it was thrown, without what differs from case to case. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 200);
  const at = (error.stack ?? "").split("\n").filter(line => line.trimStart().startsWith("at "));
  return `${error.name}: ${error.message.slice(0, 160)} ${at
    .slice(0, 3)
    .map(line => line.trim().replace(/\(.*\/(src|bench|node_modules)\//, "($1/"))
    .join(" < ")}`;
}
