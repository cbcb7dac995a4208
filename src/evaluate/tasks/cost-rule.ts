/**
 * The part `costs` of a task with labels: what a wrong decision about one of them costs, each way. A threshold follows from it, chosen on the items of another
 * split than the one that it is told of.
 */
import { z } from "zod";
import type { Task } from "./schema.ts";
import { writtenScalar } from "./written.ts";

export const costRule = z
  .strictObject({
    /** The split that chooses. */
    from: z.string().min(1),
    /** The label that the threshold is for; that of the task where absent. */
    positive: writtenScalar.optional(),
    /** Another label taken for it. */
    falsePositive: z.number().min(0),
    /** It taken for another. */
    falseNegative: z.number().min(0),
  })
  .refine(c => c.falsePositive + c.falseNegative > 0, "a cost above 0, of one mistake or the other");

interface Complaint {
  readonly path: readonly string[];
  readonly message: string;
  readonly input: unknown;
}

/** What of `costs` does not fit the rest of its task. */
export function costComplaints({
  costs,
  data,
  labels,
  output,
  positive,
  split,
}: Pick<Task, "costs" | "data" | "labels" | "output" | "positive" | "split">): Complaint[] {
  if (!costs) return [];
  if (output !== "classify")
    return [{ path: ["costs"], message: "the output classify, whose labels have probabilities", input: undefined }];
  const others = Object.keys(data).filter(k => k !== split);
  const about = costs.positive ?? positive;
  const complaints: Complaint[] = [];
  if (!others.includes(costs.from))
    complaints.push({
      path: ["costs", "from"],
      message: `a split of data beside the one that is asked: ${others.join(", ") || "none there"}`,
      input: costs.from,
    });
  if (labels && (about === undefined || !Object.hasOwn(labels, about)))
    complaints.push({ path: ["costs", "positive"], message: `one of the labels ${Object.keys(labels).join(", ")}`, input: about });
  return complaints;
}
