/** A model as a running engine, with the weights it stands on; what `loam serve` and `loam chat` share. */
import { defined, hashOf } from "../../base/index.ts";
import { type AdapterRoom, disposeTree } from "../../nn/index.ts";
import { createEngine, type Engine, type ServedModel } from "../../serve/index.ts";
import { type Device, openDevice } from "../../tensor/index.ts";
import { type Quantisation, quantisedModel } from "../models/quantised.ts";
import type { ProjectFile } from "../project-file.ts";
import type { Found } from "./find-model.ts";
import { foundFiles } from "./found-files.ts";
import { readServedModel } from "./read-model.ts";

/**
 * Tokens of prompt and answer together where nobody asks for another number: every slot has room for so many, and a step looks at all of it,
 * so the 131,072 that some models could read would cost gigabytes and seconds. A model that reads less has less.
 */
export const defaultContext = 2048;

export interface EngineChoice {
  readonly slots?: number | undefined;
  readonly context?: number | undefined;
  /** Whether requests that say nothing of sampling are sampled as the model's makers would have it; so where absent. */
  readonly generationDefaults?: boolean | undefined;
  /** The form of the weights; exact where absent. */
  readonly quantize?: Quantisation | "auto" | "exact" | undefined;
  /** Room for adapters; none where absent. */
  readonly adapters?: AdapterRoom | undefined;
  /** Of a model by its name: whether its class probabilities are served calibrated, and if so whether it alone was named, or all models of the server. */
  readonly calibrated?: ((name: string) => "all" | "named" | undefined) | undefined;
  /** Positions of the cache that all answers share; what the slots have where absent. */
  readonly cacheTokens?: number | undefined;
  /** A small model that guesses, and how many tokens at once. */
  readonly draft?: { readonly found: Found; readonly tokens?: number | undefined } | undefined;
}

interface OpenEngine extends AsyncDisposable {
  readonly engine: Engine;
  /** Tokens of prompt and answer together, and what the model could read. */
  readonly context: number;
  readonly longest: number;
}

/** The device that a project asks for; the CPU where there is none. */
export function deviceOf(project: ProjectFile | undefined): Device {
  const { name = "cpu", ...options } = project?.config.device ?? {};
  return openDevice(name, Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)));
}

async function readModel(found: Found, device: Device): Promise<ServedModel> {
  const { files, label } = await foundFiles(found);
  return readServedModel(files, device, label);
}

/** Rotary angles are computed for the positions that are served and no more; a table of learned positions stays whole. */
const withContext = (model: ServedModel, context: number): ServedModel =>
  model.config.positions === "rotary" ? { ...model, config: { ...model.config, context } } : model;

/** Other answers to the same requests: what is cached by the fingerprint must not be mixed up. */
function withoutDefaults(model: ServedModel): ServedModel {
  const { sampling, ...rest } = model;
  return sampling ? { ...rest, fingerprint: hashOf({ full: model.fingerprint, generationDefaults: "off" }) } : model;
}

/** The model with its weights as asked; where that fails nothing of it stays in memory. */
async function inForm(
  model: ServedModel,
  device: Device,
  form: NonNullable<EngineChoice["quantize"]>,
  slots: number,
): Promise<ServedModel> {
  if (form === "exact") return model;
  try {
    return (await quantisedModel(model, device, form, slots)).model;
  } catch (error) {
    disposeTree(model.parameters);
    throw error;
  }
}

/** A draft model's weights; where they cannot be had nothing of the served one stays in memory. */
async function readDraft(found: Found, device: Device, served: ServedModel): Promise<ServedModel> {
  try {
    const small = await readModel(found, device);
    return withContext(small, Math.min(served.config.context, small.config.context));
  } catch (error) {
    disposeTree(served.parameters);
    throw error;
  }
}

/** Loads the weights and starts the engine; `engine.ready` tells when it answers. Closing it leaves the store open. */
export async function openEngine(found: Found, choice: EngineChoice = {}): Promise<OpenEngine> {
  const device = deviceOf(found.project);
  const read = await readModel(found, device);
  const longest = read.config.context;
  const context = Math.min(choice.context ?? defaultContext, longest);
  const { slots, quantize = "exact" } = choice;
  const model = withContext(choice.generationDefaults === false ? withoutDefaults(read) : read, context);
  const served = await inForm(model, device, quantize, slots ?? 8);
  const small = choice.draft && (await readDraft(choice.draft.found, device, served));
  const engine = createEngine({
    model: served,
    device,
    room: context,
    // quantised weights are nobody else's
    consume: quantize !== "exact",
    ...defined({ slots, adapters: choice.adapters, cacheTokens: choice.cacheTokens }),
    ...(small ? { draft: { model: small, ...(choice.draft?.tokens ? { tokens: choice.draft.tokens } : {}) } } : {}),
  });
  return {
    engine,
    context,
    longest,
    async [Symbol.asyncDispose]() {
      await engine.close();
      disposeTree(served.parameters);
      if (small) disposeTree(small.parameters);
      // a device keeps freed memory for reuse, and this one has nobody left to reuse it
      device.dispose();
    },
  };
}
