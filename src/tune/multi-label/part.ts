/** `tune:` of a model with `task: multilabel`. */
import { z } from "zod";
import { kindPart } from "../kind/kind-part.ts";
import { dataSetName } from "../names.ts";
import { multiLabelOptions } from "./options.ts";

const multiLabelPart = multiLabelOptions.extend({
  task: z.literal("multilabel").describe("Task: multi-label classification."),
  on: dataSetName.meta({ description: "Data set whose documents have the labels.", examples: ["comments"] }),
});
export type MultiLabelPart = z.output<typeof multiLabelPart>;

export const multiLabelRow = kindPart<MultiLabelPart, typeof multiLabelPart>({
  part: multiLabelPart,
  reads: "data set",
  check({ labels, thresholds, soft, attribute }, refuse) {
    if (soft && attribute !== undefined) refuse(["soft"], "false, where one attribute lists the labels", soft);
    for (const name of Object.keys(thresholds))
      if (!labels.includes(name)) refuse(["thresholds", name], `one of the labels ${labels.slice(0, 20).join(", ")}`, name);
  },
});
