/** Work that every rank does at the same time. Where it fails on one rank it fails on all, with the rank's name, before anything is exchanged. */
import { isLoamError, type Json } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import { trainErrors } from "../errors.ts";
import { gatherNumbers } from "./rank-arrays.ts";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The ranks that failed, with their sentences; throws this rank's own error where there is one. */
async function throwFailure(group: ProcessGroup, own: { readonly error: unknown } | undefined): Promise<never> {
  const told = await group.exchange(own ? messageOf(own.error) : null);
  if (own) throw own.error;
  const failed = told.flatMap((message: Json, rank) => (typeof message === "string" ? [{ rank, message }] : []));
  throw trainErrors.fail("rank", {
    place: failed.map(f => `rank ${f.rank}`).join(", "),
    expected: "every rank to do its part",
    received: failed[0]!.message,
  });
}

/** Runs `own` on each rank; `numbersOf` gives `count` numbers of what it came to, which are gathered in rank order. Errors: its own, or `train/rank`. */
export async function onEveryRank<T>(
  group: ProcessGroup,
  own: () => T | Promise<T>,
  numbersOf: (made: T) => readonly number[],
  count: number,
): Promise<{ readonly made: T; readonly numbers: readonly (readonly number[])[] }> {
  let made: { readonly value: T } | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    made = { value: await own() };
  } catch (error) {
    // a group that has failed cannot say so once more
    if (isLoamError(error) && error.code.startsWith("ranks/")) throw error;
    failure = { error };
  }
  const numbers = made ? numbersOf(made.value) : new Array<number>(count).fill(0);
  const all = await gatherNumbers(group, [made ? 0 : 1, ...numbers]);
  if (!made || all.some(([failed]) => failed !== 0)) return throwFailure(group, failure);
  return { made: made.value, numbers: all.map(([, ...rest]) => rest) };
}
