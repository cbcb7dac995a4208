/** Distillation as a stage: the same as for instructions, with a teacher beside base and examples, or one behind an endpoint. */
import { type Encoded, encodeExamples } from "../instruct/encode.ts";
import { exampleStage, type InstructSurroundings } from "../instruct/stage.ts";
import { distillFitOptions, endpointFitOptions } from "./options.ts";
import { tuneDistilled } from "./tune.ts";
import { type EndpointSurroundings, tuneFromEndpoint } from "./tune-endpoint.ts";

const common = {
  encode: encodeExamples,
  idsOf: (e: Encoded) => e.ids,
  trainedOf: (e: Encoded) => e.trained.reduce((n, t) => n + t, 0),
};

export const distillStage = (around: InstructSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    { ...common, name: "distill", recipe: distillFitOptions, inputs: { teacher: "model" }, tune: tuneDistilled(around.textOf) },
    around,
    result,
  );

/** From a teacher that the recipe names; `reach` is no part of the result. */
export const distillEndpointStage = (around: InstructSurroundings, reach: EndpointSurroundings, result: "adapter" | "merged") =>
  exampleStage(
    { ...common, name: "distill-endpoint", recipe: endpointFitOptions, tune: o => tuneFromEndpoint(o.recipe.teacher, reach)(o) },
    around,
    result,
  );
