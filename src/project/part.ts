/**
 * What `loam.yaml` may say, all of it: the parts of all modules, joined. Schemas alone: every verb reads the file, and few need more. The JSON Schema for
 * editors and the tables of docs/loam-yaml.md are made from it.
 */
import { z } from "zod";
import { baseErrors, check } from "../base/part.ts";
import { dataPart, purposePart } from "../data/part.ts";
import { deployPart } from "../deploy/part.ts";
import { baselineNames } from "../evaluate/part.ts";
import { accessPart, gatewayPart } from "../gateway/part.ts";
import { governancePart } from "../governance/part.ts";
import { launchPart } from "../launch/part.ts";
import { corePricesPart } from "../ledger/part.ts";
import { loopPart } from "../loop/part.ts";
import { releasesPart } from "../registry/part.ts";
import { servePart } from "../serve/part.ts";
import { fixedDeviceNames, pjrtPrefix } from "../tensor/part.ts";
import { defaultSpecialTokens } from "../text/part.ts";
import { modelPart, recipeSchema } from "../train/part.ts";
import { isTuned, searchPart, type TunedModel, tunedModel } from "../tune/part.ts";
import { sloPart, watchPart } from "../watch/part.ts";
import { labelPart } from "./labelling/label-part.ts";
import { retentionPart } from "./retention/retention-part.ts";

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -");

const trainPart = recipeSchema.extend({
  on: name.meta({ description: "Data set to train on.", examples: ["mail"] }),
  length: z.number().int().min(2).optional().describe("Tokens per row. Default: the model's context."),
});

/** A model that is trained from nothing. */
const trainedModel = modelPart.extend({
  purpose: purposePart,
  train: trainPart.describe("Pre-training recipe."),
  evaluate: z
    .strictObject({
      baselines: z
        .array(z.enum(baselineNames))
        .default([...baselineNames])
        .describe("Baselines on the same held-out documents."),
    })
    .prefault({})
    .describe("Evaluation after training."),
});

const tokenizerPart = z.strictObject({
  kind: z.literal("bpe").default("bpe").describe("Tokenizer algorithm: byte-level byte-pair encoding."),
  vocab: z
    .number()
    .int()
    .min(257 + defaultSpecialTokens.length)
    .meta({ description: "Vocabulary size in tokens, special tokens included.", examples: [4096] }),
  from: name.meta({ description: "Data set whose train side the tokenizer is trained on.", examples: ["mail"] }),
  specialTokens: z.array(z.string().min(1)).optional().describe("Special tokens. Default: end, system, user and assistant."),
  minFrequency: z.number().int().min(1).optional().describe("Merge a pair only if it occurs at least this often."),
});

const devicePart = z.strictObject({
  name: z
    .union([
      z.enum(fixedDeviceNames),
      z.templateLiteral([pjrtPrefix, z.string().min(1)], "pjrt:NAME with cpu, tpu, cuda or the path of a PJRT plugin"),
    ])
    .default("cpu")
    .describe("Device that computes: cpu, webgpu, cuda, reference (slow, for checks), or a PJRT plugin (docs/accelerators.md)."),
  plugin: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe("Options of the PJRT plugin's client, by name."),
  threads: z.number().int().min(1).optional().describe("Threads for computation. Default: one per physical core."),
  affinity: z.string().optional().describe("CPU affinity of the threads, in ONNX Runtime's notation."),
  spinning: z.boolean().optional().describe("Let idle threads spin instead of sleep: lower latency, more processor time."),
  memoryLimitBytes: z.number().int().min(1).optional().describe("Memory limit for intermediate values, in bytes."),
});

const encryptPart = z.strictObject({
  key: z
    .union([
      z.string(),
      z.strictObject({
        command: z.array(z.string().min(1)).min(1).describe("Program and arguments: JSON in, JSON out (docs/encryption.md)."),
      }),
    ])
    .meta({
      description: "Key encryption key: `file:PATH`, `env:NAME`, `aws-kms:KEY?region=REGION`, or a command that wraps keys.",
      examples: ["file:~/.loam-keys/mail.json"],
    }),
  ring: z.string().optional().describe("Folder of the wrapped data keys. Default: `.loam/keys`."),
  work: z.enum(["memory", "disk"]).default("memory").describe("Scratch and caches: in memory (tmpfs), or on the disk in the clear."),
});

const projectShape = {
  name: name.optional().describe("Name of the project."),
  store: z
    .strictObject({
      records: z
        .string()
        .optional()
        .describe("Database for metadata and lineage: `sqlite:PATH` or a `postgres://` URL. Default: `sqlite:.loam/record.db`."),
      blobs: z.string().optional().describe("Storage for files: `folder:PATH` or an `s3://` URL. Default: `folder:.loam/blobs`."),
      encrypt: encryptPart.optional().describe("Encryption at rest. Default: none."),
    })
    .prefault({})
    .describe("Where artifacts and metadata are stored."),
  data: z.record(name, dataPart).describe("Data sets by name."),
  tokenizer: tokenizerPart.describe("Tokenizer of the models that are trained from scratch."),
  /** Those that are trained from nothing; tuned ones are checked apart. */
  models: z.record(name, trainedModel).describe("Models that are trained from scratch, by name."),
  searches: z.record(name, searchPart).default({}).describe("Hyperparameter searches by name."),
  releases: releasesPart.default({}).describe("Release rules by alias: what a version must meet before it gets the alias."),
  governance: governancePart.prefault({}).describe("Accountable owners, and statements for reports."),
  retention: retentionPart.default({}).describe("Retention rules by name: how long documents and objects of clients are kept."),
  loop: loopPart.default({}).describe("Retraining loops by model: signals, data, gates, canary, budget."),
  watch: watchPart.prefault({}).describe("Monitors of running servers; `false` turns them off."),
  slo: sloPart.default({}).describe("Service level objectives by name: which responses are good, and what share must be."),
  labels: z.record(name, labelPart).default({}).describe("Labelling tasks by name."),
  deploy: deployPart.prefault({}).describe("Deployments by name, and prices of clouds."),
  serve: servePart.optional().describe("Model server."),
  gateway: gatewayPart.optional(),
  device: devicePart.prefault({}).describe("Device and threads."),
  launch: launchPart.prefault({}).describe("Where worker processes are started: this machine, mpirun, Slurm, Ray, Kubernetes."),
  prices: corePricesPart.prefault({}).describe("Prices and power of the machine, for the cost of runs."),
};

/** The whole file as it is written, for editors and docs. A file of tuned models alone needs neither tokenizer nor data, one of data alone no models. */
export const projectDocument = () =>
  z.strictObject({
    ...projectShape,
    data: projectShape.data.optional().describe("Data sets by name."),
    tokenizer: tokenizerPart.optional().describe("Tokenizer of the models that are trained from scratch."),
    models: z
      .record(name, z.union([trainedModel, tunedModel]))
      .optional()
      .describe("Models by name: trained from scratch (`train`), or tuned from another model (`base` and `tune`)."),
    gateway: gatewayPart
      .extend({ access: accessPart.optional().describe("Identities, policies, limits and prices.") })
      .optional()
      .describe("API gateway in front of this project's server: keys, policies, rate limits, routing."),
  });

/** The file as it is checked: each kind of model by its own schema, so an error speaks of the right one. */
const projectSchema = z.strictObject({ ...projectShape, gateway: z.record(z.string(), z.unknown()).optional() });
const tunedSchema = z.strictObject({ models: z.record(name, tunedModel) });

export type ProjectConfig = z.output<typeof projectSchema> & {
  /** Models of the file that are made of another one, by name. */
  readonly tuned: Readonly<Record<string, TunedModel>>;
};

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);

/** The file without its tuned models, and those. */
function divided(raw: unknown): { readonly trained: unknown; readonly tuned: { readonly models: Record<string, unknown> } } {
  if (!isRecord(raw) || !(raw.models === undefined || isRecord(raw.models))) return { trained: raw ?? {}, tuned: { models: {} } };
  const entries = Object.entries(raw.models ?? {});
  const part = (tuned: boolean) => Object.fromEntries(entries.filter(([, entry]) => isTuned(entry) === tuned));
  const trained: Record<string, unknown> = { ...raw, models: part(false) };
  // where nothing is trained from nothing, nobody asks for the tokenizer, or for data: a file of tuned models, of data alone, or of what is served
  const hasOther = [raw.data, raw.serve, raw.gateway].some(part => part !== undefined);
  if (entries.every(([, entry]) => isTuned(entry)) && (entries.length > 0 || hasOther)) {
    trained.data ??= {};
    trained.tokenizer ??= { vocab: 4096, from: Object.keys(trained.data as object)[0] ?? "none" };
  }
  return { trained, tuned: { models: part(true) } };
}

/** Errors: base/config for a file without what its models are made from. Misspelt keys are for `check` to name. */
function checkParts(raw: unknown, place: string): void {
  if (!isRecord(raw) || Object.keys(raw).some(key => !(key in projectShape))) return;
  const models = Object.entries(isRecord(raw.models) ? raw.models : {});
  const [trained] = models.filter(([, entry]) => isRecord(entry) && !isTuned(entry));
  if (!trained) {
    if (models.length > 0 || [raw.data, raw.models, raw.serve, raw.gateway].some(part => part !== undefined)) return;
    throw baseErrors.fail("config", {
      place,
      expected: "one of data, models, serve, gateway",
      received: Object.keys(raw).length === 0 ? "nothing" : Object.keys(raw).join(", "),
      hint: "`loam init` writes a project; `loam data look FOLDER` writes a data set.",
    });
  }
  const [model, entry] = trained;
  const recipe = isRecord(entry) && isRecord(entry.train) ? entry.train : {};
  const on = typeof recipe.on === "string" ? recipe.on : "texts";
  const fail = (part: string, expected: string, example: string) =>
    baseErrors.fail("config", { place: `${place}: ${part}`, expected, received: "nothing", hint: `Add for example \`${example}\`.` });
  if (raw.data === undefined)
    throw fail("data", `the data set that models.${model} is trained on`, `data: { ${on}: { source: { folder: texts, reader: text } } }`);
  if (raw.tokenizer === undefined)
    throw fail("tokenizer", `the tokenizer of models.${model}, which is trained from scratch`, `tokenizer: { vocab: 4096, from: ${on} }`);
}

/** The gateway's part stays as it is written: it is read once more, with what the project knows, where it is used. */
function checkGateway(gateway: Readonly<Record<string, unknown>>, place: string): void {
  const { access } = check(gatewayPart, gateway, place);
  if (access !== undefined) check(accessPart, access, `${place}: access`);
}

/** Checks a file's keys and values; `place` names it in errors: base/config, base/unknownKey. */
export function checkDocument(raw: unknown, place: string): ProjectConfig {
  checkParts(raw ?? {}, place);
  const { trained, tuned } = divided(raw);
  const config = { ...check(projectSchema, trained, place), tuned: check(tunedSchema, tuned, place).models };
  if (config.gateway !== undefined) checkGateway(config.gateway, `${place}: gateway`);
  return config;
}
