/** The sizes of a version's model that its memory is computed from, read from its configuration alone. */
import type { ModeratorSizes, ServedSizes } from "../../deploy/index.ts";
import { cacheBytes, cachePages, cacheViews, checkModelFiles, countParameters, type ModelConfig, specOfModel } from "../../nn/index.ts";
import { classifierPrograms, encoderPrograms } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";
import { mostDefaultContext } from "../serving/default-context.ts";
import { readsTexts } from "../serving/read-encoder.ts";
import type { VersionToDeploy } from "./approved-version.ts";

interface SizesOfVersion {
  readonly sizes: ServedSizes;
  readonly context: number;
}

/** Errors: project/family for a model that `loam serve` does not serve; `place` names the verb. */
export function sizesOfModel(model: ModelConfig, slots: number, given: number | undefined, place: string): SizesOfVersion {
  if (model.family === "encoder-decoder")
    throw projectErrors.fail("family", {
      place,
      expected: "a model that `loam serve` serves: a decoder or an encoder",
      received: "an encoder-decoder",
    });
  const { config } = model;
  const context = Math.min(given ?? mostDefaultContext, config.context);
  const shape = {
    numParameters: countParameters(specOfModel(model)),
    layers: config.layers,
    width: config.width,
    vocabulary: config.vocab,
  };
  if (readsTexts(model) || model.family !== "decoder") return { sizes: { ...shape, cacheBytes: 0, cacheViews: [] }, context };
  const pages = cachePages(model.config, context);
  return { sizes: { ...shape, cacheBytes: cacheBytes(model.config, slots, pages), cacheViews: cacheViews(pages) }, context };
}

/** Of a model that `serve.moderate` names, which reads so many tokens of a text. Errors: project/family. */
export function moderatorSizes(model: ModelConfig, longest: number): ModeratorSizes {
  const { numParameters, layers, width, vocabulary } = sizesOfModel(model, 1, undefined, "loam.yaml: serve.moderate.model").sizes;
  const family = model.family === "encoder" ? "encoder" : "decoder";
  const programs = family === "encoder" ? encoderPrograms(longest) : classifierPrograms(longest);
  return { family, numParameters, layers, width, heads: model.config.heads, vocabulary, longest, ...programs };
}

/** Errors: those of the model's files, project/family. */
export async function servedSizes(files: VersionToDeploy["files"], slots: number, given: number | undefined): Promise<SizesOfVersion> {
  const { model } = await checkModelFiles(files);
  return sizesOfModel(model, slots, given, "loam deploy");
}
