/** A model as a running engine, with the weights it stands on; what `loam serve` and `loam chat` share. */
import { defined, hashOf, isLoamError } from "../../base/index.ts";
import { type AdapterRoom, checkModelFiles, disposeTree, type FilesReader } from "../../nn/index.ts";
import { createEngine, type Engine, type Pooling, type ServedModel, type SpanGuard } from "../../serve/index.ts";
import { type Device, openDevice } from "../../tensor/index.ts";
import type { Blocklist } from "../../text/index.ts";
import { availableMemoryBytes } from "../machine.ts";
import { templateWith } from "../models/model-text.ts";
import { type Quantisation, quantisedModel } from "../models/quantised.ts";
import type { ProjectFile } from "../project-file.ts";
import { type ContextChoice, chosenContext } from "./default-context.ts";
import type { Found } from "./find-model.ts";
import { type FilesToLoad, filesToLoad, loadDigested } from "./found-files.ts";
import { readServedModel } from "./read-model.ts";

export interface EngineChoice {
  readonly slots?: number | undefined;
  readonly context?: number | undefined;
  /** Whether requests that say nothing of sampling are sampled as the model's makers would have it; so where absent. */
  readonly generationDefaults?: boolean | undefined;
  /** The form of the weights; exact where absent. `default`: `auto` for files that are quantised already, else `exact`. */
  readonly quantize?: Quantisation | "auto" | "exact" | "default" | undefined;
  /** Room for adapters; none where absent. */
  readonly adapters?: AdapterRoom | undefined;
  /** How sentence encoders make one vector of a text; as their files say where absent. */
  readonly pooling?: Pooling | undefined;
  /** Of a model by its name: whether its class probabilities are served calibrated, and if so whether it alone was named, or all models of the server. */
  readonly calibrated?: ((name: string) => "all" | "named" | undefined) | undefined;
  /** Of requests that bring no seed; each draws its own where absent. */
  readonly seed?: number | undefined;
  /** Source of a template that writes chats, in place of the model's own. */
  readonly chatTemplate?: string | undefined;
  /** Positions of the cache that all answers share; what the slots have where absent. */
  readonly cacheTokens?: number | undefined;
  /** Words, phrases and patterns that no answer has. */
  readonly blocklist?: Pick<Blocklist, "finders"> | undefined;
  /** Judges what is said before it is. */
  readonly spanGuard?: SpanGuard | undefined;
  /** A small model that guesses, and how many tokens at once. */
  readonly draft?: { readonly found: Found; readonly tokens?: number | undefined } | undefined;
}

/** Sequences at once where nobody says. */
const defaultSlots = 8;

interface OpenEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly context: ContextChoice;
}

/** The device that a project asks for; the CPU where there is none. */
export function deviceOf(project: ProjectFile | undefined): Device {
  const { name = "cpu", ...options } = project?.config.device ?? {};
  return openDevice(name, Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)));
}

/** Rotary angles are computed for the positions that are served and no more; a table of learned positions stays whole. */
const withContext = (model: ServedModel, context: number): ServedModel =>
  model.config.positions === "rotary" ? { ...model, config: { ...model.config, context } } : model;

/** Other answers to the same requests: what is cached by the fingerprint must not be mixed up. */
function withoutDefaults(model: ServedModel): ServedModel {
  const { sampling, ...rest } = model;
  return sampling ? { ...rest, fingerprint: hashOf({ full: model.fingerprint, generationDefaults: "off" }) } : model;
}

/** Other prompts of the same requests: as with `withoutDefaults`. */
function withTemplate(model: ServedModel, source: string | undefined): ServedModel {
  if (source === undefined) return model;
  const fingerprint = hashOf({ full: model.fingerprint, chatTemplate: source });
  return { ...model, fingerprint, chatTemplate: templateWith(source, model.bosToken, model.eosToken) };
}

/** The form that is meant for these files. Quantised programs are the CPU's. */
async function formFor(files: FilesReader, device: Device): Promise<"auto" | "exact"> {
  return device.name === "cpu" && (await checkModelFiles(files)).quantised !== undefined ? "auto" : "exact";
}

interface FormWish {
  readonly form: Quantisation | "auto" | "exact";
  /** Nobody asked for a form: a model whose widths fit none is served exactly. */
  readonly isDefault: boolean;
  readonly slots: number;
}

/** The model with its weights as asked; where that fails nothing of it stays in memory. */
async function inForm(model: ServedModel, device: Device, { form, isDefault, slots }: FormWish): Promise<ServedModel> {
  if (form === "exact") return model;
  try {
    return (await quantisedModel(model, device, form, slots)).model;
  } catch (error) {
    if (isDefault && isLoamError(error, "nn/config") && model.parameters.token.isAlive) return model;
    disposeTree(model.parameters);
    throw error;
  }
}

/** A draft model's weights; where they cannot be had nothing of the served one stays in memory. */
async function readDraft(found: Found, device: Device, served: ServedModel): Promise<ServedModel> {
  try {
    const known = await filesToLoad(found);
    const small = await loadDigested(known, () => readServedModel(known.files, device, known.label));
    return withContext(small, Math.min(served.config.context, small.config.context));
  } catch (error) {
    disposeTree(served.parameters);
    throw error;
  }
}

/**
 * Loads the weights and starts the engine, from files that were looked at already where they are given; `engine.ready` tells when it answers.
 * Closing it leaves the store open.
 */
export async function openEngine(found: Found, choice: EngineChoice = {}, given?: FilesToLoad): Promise<OpenEngine> {
  const device = deviceOf(found.project);
  const known = given ?? (await filesToLoad(found));
  const { files, label } = known;
  const wanted = choice.quantize ?? "exact";
  const form = wanted === "default" ? await formFor(files, device) : wanted;
  const read = withTemplate(await loadDigested(known, () => readServedModel(files, device, label)), choice.chatTemplate);
  const { slots = defaultSlots } = choice;
  const chosen = chosenContext({ config: read.config, slots, availableBytes: availableMemoryBytes(), given: choice.context });
  const { context } = chosen;
  const seeded = choice.seed === undefined ? read : { ...read, seed: choice.seed };
  const model = withContext(choice.generationDefaults === false ? withoutDefaults(seeded) : seeded, context);
  const served = await inForm(model, device, { form, isDefault: wanted === "default", slots });
  const small = choice.draft && (await readDraft(choice.draft.found, device, served));
  const engine = createEngine({
    model: served,
    device,
    room: context,
    // quantised weights are nobody else's
    consume: served.form !== undefined,
    slots,
    ...defined({ adapters: choice.adapters, cacheTokens: choice.cacheTokens, blocklist: choice.blocklist, spanGuard: choice.spanGuard }),
    ...(small ? { draft: { model: small, ...(choice.draft?.tokens ? { tokens: choice.draft.tokens } : {}) } } : {}),
  });
  return {
    engine,
    context: chosen,
    async [Symbol.asyncDispose]() {
      await engine.close();
      disposeTree(served.parameters);
      if (small) disposeTree(small.parameters);
      // a device keeps freed memory for reuse, and this one has nobody left to reuse it
      device.dispose();
    },
  };
}
