/** A model as what serves it: a decoder's engine, or a sentence encoder's. What it is stands in its files. */
import { defined } from "../../base/index.ts";
import { checkModelFiles, disposeTree } from "../../nn/index.ts";
import {
  createEmbeddingEngine,
  type EmbeddingEngine,
  type Engine,
  type Engines,
  type ServedReader,
  withPooling,
} from "../../serve/index.ts";
import { templateWith } from "../models/model-text.ts";
import { readerInForm } from "../models/quantised-encoder.ts";
import { calibrated, temperatureOf } from "./calibrated.ts";
import type { ServedContext } from "./default-context.ts";
import type { Found } from "./find-model.ts";
import { filesToLoad, loadDigested, unlessOthers } from "./found-files.ts";
import { deviceOf, type EngineChoice, openEngine } from "./open-engine.ts";
import { readServedReader, readsTexts } from "./read-encoder.ts";

/** An encoder's vectors are compared with those of an index: they change when somebody asks for it. */
const encoderForm = ({ quantize = "exact" }: EngineChoice) => (quantize === "default" ? "exact" : quantize);

/** Of models that give vectors; classifiers pool as they were trained. */
const pooledAs = (model: ServedReader, pooling: EngineChoice["pooling"]): ServedReader =>
  pooling !== undefined && model.family === "encoder" && model.config.classifier === undefined ? withPooling(model, pooling) : model;

interface OpenServed extends AsyncDisposable {
  readonly engine: Engine | EmbeddingEngine;
  /** Tokens of a request, and why so many. */
  readonly context: ServedContext;
  /** Takes its place among a server's engines. */
  addTo(engines: Engines): void;
}

/** Loads the weights and starts the engine; `engine.ready` tells when it answers. Closing it leaves the store open. */
export async function openServed(found: Found, choice: EngineChoice = {}): Promise<OpenServed> {
  const known = await filesToLoad(found);
  const { files, label } = known;
  const { model: config } = await unlessOthers(known, () => checkModelFiles(files));
  const asked = choice.calibrated?.(label.name ?? label.id);
  // before the weights are loaded
  const temperature = asked && temperatureOf(config, label.id, asked);
  if (!readsTexts(config)) {
    const opened = await openEngine(found, choice, known);
    return {
      engine: opened.engine,
      context: opened.context,
      addTo: engines => engines.add(opened.engine),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  }
  const device = deviceOf(found.project);
  const read = await loadDigested(known, () => readServedReader(files, device, label));
  const inForm = await readerInForm(read, device, encoderForm(choice)).catch((error: unknown) => {
    disposeTree(read.parameters);
    throw error;
  });
  const whole = calibrated(pooledAs(inForm, choice.pooling), temperature);
  const chatTemplate = choice.chatTemplate === undefined ? undefined : templateWith(choice.chatTemplate);
  const model = { ...whole, longest: Math.min(whole.longest, choice.context ?? whole.longest), ...defined({ chatTemplate }) };
  const engine = createEmbeddingEngine({ model, device });
  return {
    engine,
    context: { context: model.longest, longest: model.longest },
    addTo: engines => engines.addEncoder(engine),
    async [Symbol.asyncDispose]() {
      await engine.close();
      disposeTree(model.parameters);
      // a device keeps freed memory for reuse, and this one has nobody left to reuse it
      device.dispose();
    },
  };
}
