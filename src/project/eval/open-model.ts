/**
 * The model that an evaluation asks: a version of the record, files, or an endpoint (`http://HOST/v1#MODEL`). Weights are loaded when the first
 * question comes: what is recorded already needs none. Likelihoods go through the scoring program, texts through the served application in this
 * process, so templates, stops and limits are the server's.
 */
import { defined, environment } from "../../base/index.ts";
import { decoderLikelihood, type EvaluatedChatTurn, type EvaluatedModel, endpointModel } from "../../evaluate/index.ts";
import { type ClassifierConfig, checkModelFiles, disposeTree, type FilesReader, groupThreshold, toldLabel } from "../../nn/index.ts";
import { createApp, createEmbeddingEngine, createEngine, type ServedModel, textTokens } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { projectErrors } from "../errors.ts";
import { openRecordOf, projectOrNone } from "../models/home.ts";
import { modelText } from "../models/model-text.ts";
import type { ProjectFile } from "../project-file.ts";
import { findModel } from "../serving/find-model.ts";
import { deviceOf } from "../serving/open-engine.ts";
import { readServedReader, readsTexts } from "../serving/read-encoder.ts";
import { type ModelLabel, readServedModel } from "../serving/read-model.ts";
import { loadedUnlessLeft, type Stopping, untilStopped } from "../until-stopped.ts";
import { namedOrMade } from "./made-model.ts";
import { prefixTokenOf } from "./prefix-token.ts";

export interface OpenEvaluated extends AsyncDisposable {
  readonly model: EvaluatedModel;
  /** The record that results go to: the model's own, else the project's, else the one at home. */
  readonly store: Store;
  /** The model of the record that it is a version of. */
  readonly ofModel?: string;
  /** What it is called in conditions: aliases, names. */
  readonly names: readonly string[];
}

interface OpenOptions extends Stopping {
  readonly folder: string;
  readonly cwd: string;
  /** Requests in flight at an endpoint, or answers written at once in this process. */
  readonly slots?: number | undefined;
  readonly context?: number | undefined;
  /** Threads, where neither the project's nor the processor's number is meant. */
  readonly threads?: number | undefined;
}

/** Where an endpoint's key is looked for; never an argument, which others can read. */
const keyNames = ["LOAM_EVAL_KEY", "OPENAI_API_KEY"];

export const isEndpoint = (given: string): boolean => /^https?:\/\//.test(given);

/** Something made at the first call, and disposed if it was made. */
function once<T>(make: () => Promise<T>): { readonly get: () => Promise<T>; readonly made: () => Promise<T> | undefined } {
  let made: Promise<T> | undefined;
  return { get: () => (made ??= make()), made: () => made };
}

async function endpoint(given: string, o: OpenOptions): Promise<OpenEvaluated> {
  const at = given.indexOf("#");
  if (at < 0)
    throw projectErrors.fail("argument", {
      place: "loam eval: model",
      expected: "the model's name behind the address: http://127.0.0.1:8080/v1#NAME",
      received: `"${given}"`,
    });
  const [url, name] = [given.slice(0, at), given.slice(at + 1)];
  const key = keyNames.map(k => environment()[k]).find(Boolean);
  const store = await openRecordOf(projectOrNone(o.folder));
  const model = endpointModel({ url, model: name, key, ...defined({ concurrency: o.slots }) });
  return { model, store, names: [name], [Symbol.asyncDispose]: () => store.close() };
}

type Parts = Pick<OpenEvaluated["model"], "likelihood" | "rolling" | "generate" | "embed" | "classify" | "chat">;
interface Opened extends AsyncDisposable {
  readonly parts: Parts;
}

/** Tokens of prompt and answer where nobody says: what fits must not depend on the memory of the machine that evaluates. */
const usualContext = 2048;

async function decoder(files: FilesReader, label: ModelLabel, project: ProjectFile | undefined, o: OpenOptions): Promise<Opened> {
  const device = o.threads === undefined ? deviceOf(project) : openDevice("cpu", { threads: o.threads });
  const read = await readServedModel(files, device, label);
  const context = Math.min(o.context ?? usualContext, read.config.context);
  const model: ServedModel = read.config.positions === "rotary" ? { ...read, config: { ...read.config, context } } : read;
  const likelihood = decoderLikelihood({
    device,
    config: model.config,
    parameters: model.parameters,
    tokenizer: model.tokenizer,
    startToken: model.startToken,
    prefixToken: await prefixTokenOf(files, read),
  });
  const writing = once(async () => {
    const slots = o.slots ?? 8;
    const engine = createEngine({ model, device, room: Math.min(context, model.config.context), slots });
    await engine.ready;
    const app = createApp({ engines: [engine] });
    const asked = endpointModel({
      url: "http://127.0.0.1/v1",
      place: model.id,
      model: model.id,
      concurrency: 2 * slots,
      fetch: r => app.fetch(r),
    });
    return { engine, app, asked };
  });
  const { chatTemplate } = model;
  return {
    parts: {
      likelihood: likelihood.likelihood,
      rolling: likelihood.rolling,
      generate: async (requests, each, ...more) => (await untilStopped(writing.get(), o)).asked.generate!(requests, each, ...more),
      ...(chatTemplate
        ? {
            chat: turns =>
              chatTemplate.render(
                turns.map(t => ({ ...t })),
                { addGenerationPrompt: true },
              ),
          }
        : {}),
    },
    async [Symbol.asyncDispose]() {
      likelihood[Symbol.dispose]();
      const made = writing.made() && (await loadedUnlessLeft(writing.get(), o));
      made?.app.close();
      await made?.engine.close();
      disposeTree(model.parameters);
      device.dispose();
    },
  };
}

const softmax = (logits: readonly number[]): number[] => {
  const most = Math.max(...logits);
  const powers = logits.map(x => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(x => x / sum);
};

/** The label that a classifier with thresholds tells; of a text that the threshold of its group decides, also the one by the common threshold. */
function toldLabels(classifier: ClassifierConfig, p: readonly number[], group: string | undefined) {
  const labelOf = (by?: string) => classifier.labels[toldLabel(classifier, p, by)]!;
  if (groupThreshold(classifier, group)) return { told: labelOf(group), common: labelOf() };
  return classifier.threshold || classifier.groupThresholds ? { told: labelOf() } : {};
}

async function encoder(files: FilesReader, label: ModelLabel, project: ProjectFile | undefined): Promise<Opened> {
  const device = deviceOf(project);
  const model = await readServedReader(files, device, label);
  const engine = createEmbeddingEngine({ model, device });
  await engine.ready;
  const { classifier } = model.config;
  /** Texts at once: as many as a batch takes several times over. */
  const portion = 256;
  const vectors = async (
    texts: readonly string[],
    each: (i: number, vector: readonly number[], ms: number) => void,
    signal?: AbortSignal,
  ) => {
    for (let first = 0; first < texts.length; first += portion) {
      const part = texts.slice(first, first + portion);
      const began = performance.now();
      const found = await engine.embed(
        part.map(t => textTokens(model, t, true)),
        signal ?? new AbortController().signal,
      );
      const ms = (performance.now() - began) / part.length;
      found.forEach((v, i) => {
        each(first + i, Array.from(v), ms);
      });
    }
  };
  return {
    parts:
      classifier?.kind === "one"
        ? {
            classify: (requests, each, signal) =>
              vectors(
                requests.map(r => r.text),
                (i, logits, ms) => {
                  const p = softmax(logits);
                  const probabilities = Object.fromEntries(classifier.labels.map((l, k) => [l, p[k]!]));
                  each(i, { probabilities, ...toldLabels(classifier, p, requests[i]!.group), ms });
                },
                signal,
              ),
          }
        : {
            embed: (requests, each, signal) =>
              vectors(
                requests.map(r => r.text),
                (i, vector, ms) => each(i, { vector, ms }),
                signal,
              ),
          },
    async [Symbol.asyncDispose]() {
      await engine.close();
      disposeTree(model.parameters);
      device.dispose();
    },
  };
}

/** Errors: project/argument, project/nothing, store/notFound, project/model; loading fails when the first question comes. */
export async function openEvaluated(given: string | undefined, o: OpenOptions): Promise<OpenEvaluated> {
  if (given !== undefined && isEndpoint(given)) return endpoint(given, o);
  const found = await findModel(o.folder, o.cwd, given);
  try {
    const { files, label } = await namedOrMade(found);
    // a decoder that tells classes is asked for them, and continues nothing
    const read = (await checkModelFiles(files)).model;
    const isEncoder = readsTexts(read);
    const groupAttribute = read.family === "encoder-decoder" ? undefined : read.config.classifier?.groupThresholds?.attribute;
    const opened = once(() => (isEncoder ? encoder(files, label, found.project) : decoder(files, label, found.project, o)));
    const store = found.store ?? (await openRecordOf(found.project));
    const loaded = () => untilStopped(opened.get(), o);
    const lazily =
      (kind: "likelihood" | "rolling" | "generate" | "embed" | "classify") =>
      async (...args: readonly unknown[]) => {
        const { parts } = await loaded();
        const part = parts[kind] as ((...a: readonly unknown[]) => Promise<void>) | undefined;
        if (!part)
          throw projectErrors.fail("family", {
            place: label.id,
            expected: `a model that can do what the task asks (${kind})`,
            received: Object.keys(parts).join(", "),
            hint: "`loam eval --help` lists the outputs of each kind of model.",
          });
        return part(...args);
      };
    // a template is part of what is asked, so it is read at once
    const { chatTemplate } = isEncoder ? { chatTemplate: undefined } : await modelText(files);
    const kinds = isEncoder ? (["embed", "classify"] as const) : (["likelihood", "rolling", "generate"] as const);
    const model = {
      id: label.id,
      fingerprint: label.fingerprint,
      ...defined({ artifact: label.artifact, groupAttribute }),
      ...(chatTemplate
        ? {
            chat: (turns: readonly EvaluatedChatTurn[]) =>
              chatTemplate.render(
                turns.map(t => ({ ...t })),
                { addGenerationPrompt: true },
              ),
          }
        : {}),
      ...Object.fromEntries(kinds.map(k => [k, lazily(k)])),
      // kinds of questions by their names
    } as unknown as EvaluatedModel;
    const aliases = (label.aliases ?? []).flatMap(a => [a, ...(a.includes("@") ? [a.slice(a.indexOf("@") + 1)] : [])]);
    return {
      model,
      store,
      ...(found.model.kind === "version" && label.name !== undefined ? { ofModel: label.name } : {}),
      names: [...new Set([label.id, ...(label.name === undefined ? [] : [label.name]), ...aliases])],
      async [Symbol.asyncDispose]() {
        // a load that was abandoned is not waited for
        if (opened.made()) await (await loadedUnlessLeft(opened.get(), o))?.[Symbol.asyncDispose]();
        if (!found.store) await store.close();
        await found[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await found[Symbol.asyncDispose]();
    throw error;
  }
}
