/**
 * `filter_list` of lm-evaluation-harness: lists of cuts, each of which reads the same answers in its own way. Those that need no Python are read into
 * the steps and the vote of a task; `src/evaluate/tasks/golden/harness-filters.golden.json` holds what the harness itself makes of answers.
 */
import { z } from "zod";
import { evaluateErrors } from "../errors.ts";
import type { ReadStep } from "./schema.ts";

const text = z.string();
const plain = <F extends string>(name: F) => z.strictObject({ function: z.literal(name) });

const names = ["regex", "remove_whitespace", "lowercase", "take_first_k", "majority_vote", "take_first"] as const;

export const filterListSchema = z
  .array(
    z.strictObject({
      name: text.min(1).optional(),
      filter: z.array(
        z.discriminatedUnion(
          "function",
          [
            z.strictObject({
              function: z.literal("regex"),
              regex_pattern: text.min(1).default("#### (\\-?[0-9\\.\\,]+)"),
              group_select: z.int().default(0),
              fallback: text.default("[invalid]"),
            }),
            plain("remove_whitespace"),
            plain("lowercase"),
            z.strictObject({ function: z.literal("take_first_k"), k: z.int().min(1) }),
            plain("majority_vote"),
            plain("take_first"),
          ],
          { error: issue => (issue.code === "invalid_union" ? `one of ${names.join(", ")}` : undefined) },
        ),
      ),
    }),
  )
  .min(1);
type Filter = z.output<typeof filterListSchema>[number]["filter"][number];

/** How answers to one item become the one that is measured. */
export interface FilteredReading {
  readonly read: ReadStep[];
  readonly vote?: number;
}

/** `repeats` answers an item are asked for. Errors: evaluate/task for an order that cannot be. */
export function filteredReading(filters: readonly Filter[], repeats: number, place: string): FilteredReading {
  const refuse = (i: number, expected: string, received: string) =>
    evaluateErrors.fail("task", { place: `${place}.filter[${i}]`, expected, received });
  const read: ReadStep[] = [];
  let kept = repeats;
  let vote: number | undefined;
  let isTaken = false;
  for (const [i, f] of filters.entries()) {
    if (isTaken) throw refuse(i, "nothing behind take_first, which leaves one answer", f.function);
    if (f.function === "take_first") isTaken = true;
    else if (vote !== undefined) throw refuse(i, "take_first behind majority_vote; answers are cut before they are counted", f.function);
    else if (f.function === "majority_vote") vote = kept;
    else if (f.function === "take_first_k") {
      if (f.k > kept) throw refuse(i, `k up to ${kept}, the answers to an item`, String(f.k));
      kept = f.k;
    } else if (f.function === "lowercase") read.push("lower");
    else if (f.function === "remove_whitespace") read.push("trim");
    else {
      if (f.group_select !== 0 && f.group_select !== -1) throw refuse(i, "group_select 0 or -1", String(f.group_select));
      read.push({ regex: f.regex_pattern, group: "any", pick: f.group_select === 0 ? "first" : "last", fallback: f.fallback });
    }
  }
  if (!isTaken && vote === undefined && kept > 1)
    throw refuse(filters.length, "take_first or majority_vote at the end: one answer is measured", `${kept} answers`);
  return vote === undefined ? { read } : { read, vote };
}
