/**
 * A checkpoint of a tuning as a model of its own: the adapter that was kept at a step, merged into the base, so that it is asked, evaluated and
 * exported like any model.
 */
import { z } from "zod";
import { countParameters, decoderSpec, disposeTree, mergeAdapter, readAdapter } from "../../nn/index.ts";
import { stage } from "../../store/index.ts";
import { checkpointReader } from "../checkpoint-files.ts";
import { decoderOf, type InstructSurroundings } from "./stage.ts";

/** Base and what was tuned from it to the model of a step. Errors: nn/adapter where that step was not kept. */
export const checkpointStage = (around: Pick<InstructSurroundings, "device" | "textOf" | "writeModel">) =>
  stage({
    name: "tune-checkpoint",
    version: 1,
    inputs: { base: "model", tuned: "model" },
    options: z.strictObject({ name: z.string(), step: z.number().int().min(1) }),
    output: "model",
    async run({ inputs: { base: from, tuned }, options: { name, step }, output }) {
      const device = around.device();
      const base = await decoderOf(from, device);
      const merged = await mergeAdapter(base.parameters, await readAdapter(checkpointReader(tuned, step), base.config), device);
      disposeTree(base.parameters);
      await around.writeModel(output, { ...base, parameters: merged }, from, await around.textOf(from));
      disposeTree(merged);
      return { name, base: from.id, tuned: tuned.id, step, parameters: countParameters(decoderSpec(base.config)) };
    },
  });
