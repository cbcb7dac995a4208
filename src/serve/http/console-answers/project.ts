/** Answers about the project: session, overview, models, runs with their curves, lineage, data sets. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { summary, timeMs } from "./measured.ts";

export const session = z
  .strictObject({
    gateway: z.boolean().describe("whether a gateway decides on requests for a model too"),
    record: z.boolean().describe("whether there is an artifact store: a gateway alone has none"),
    access: z.enum(["none", "session", "open"]).describe("open: the server asks nobody (--admin)"),
    csrf: z.string().nullable(),
    demo: z
      .strictObject({ key: z.string(), path: z.string(), body: z.unknown() })
      .nullable()
      .describe("a key to try the gateway with, and a request"),
  })
  .meta({ id: "Session" });

export const consoleMachine = z.strictObject({
  cores: z.int(),
  processor: z.string(),
  memoryBytes: z.int(),
  vector: z.array(z.string()).describe("vector instructions of the processor"),
});

const servedModel = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    version: z.union([z.number(), z.string()]).nullable().describe("null where the model was loaded from a folder"),
    artifact: z.string().nullable(),
    family: z.string(),
    parameters: z.int(),
    context: z.int().describe("tokens"),
    vocab: z.int(),
    layers: z.int(),
    width: z.int(),
  })
  .meta({ id: "ServedModel" });

export const overview = z
  .strictObject({
    loam: z.string().describe("version of Loam"),
    project: z.string().nullable(),
    model: servedModel.nullable().describe("the first that is served"),
    models: z.array(z.string()),
    noModels: z.string().nullable().describe("why no model is served, and what to run; null where one is"),
    startedAt: timeMs,
    machine: consoleMachine,
  })
  .meta({ id: "Overview" });

export const consoleModel = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    version: z.union([z.number(), z.string()]),
    artifact: z.string(),
    createdAt: timeMs,
    aliases: z.array(z.string()),
    scores: z.record(z.string(), measured),
  })
  .meta({ id: "ModelVersion" });

export const consoleRun = z
  .strictObject({
    artifact: z.string().describe("what the run makes, or made"),
    stage: z.string(),
    lossUnit: z.string().describe("what its loss is counted in"),
    startedAt: timeMs.nullable(),
    endedAt: timeMs.nullable().describe("null while it is under way"),
    done: z.number().optional().describe("share that is done, of a run under way that knows it"),
    finishesAt: timeMs.optional().describe("when a run under way is expected to end"),
    summary,
  })
  .meta({ id: "Run" });

export const metricPoint = z
  .object({
    step: z.int(),
    tokens: z.number(),
    loss: measured.describe("nats per token"),
    heldOut: measured.optional(),
    learningRate: measured.optional(),
    tokensPerSecond: measured.optional(),
    gradientNorm: measured.optional(),
  })
  .meta({ id: "Point", description: "A logged step; what a run did not measure is absent." });
export const metrics = z.strictObject({ points: z.array(metricPoint) }).meta({ id: "Metrics" });

export const maskedExamples = z
  .object({
    of: z.int().describe("examples in all"),
    looked: z.int().describe("the first ones, which the figures are of"),
    tokens: z.int(),
    trainedTokens: z.int(),
    shown: z.array(
      z.object({
        place: z.string(),
        tokens: z.int(),
        trained: z.int(),
        cut: z.int().describe("tokens cut off at the end"),
        runs: z.array(z.object({ trained: z.boolean(), tokens: z.int(), text: z.string() })),
      }),
    ),
  })
  .meta({ id: "MaskedExamples", description: "Tokens of a tuned model's first examples, and which of them are trained." });

const graphNode = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    stage: z.string(),
    stageVersion: z.number().optional(),
    digest: z.string().optional(),
    options: z.unknown().optional(),
    summary,
    createdAt: timeMs,
    relation: z.enum(["self", "ancestor", "descendant"]),
    files: z.array(z.strictObject({ name: z.string(), sizeBytes: z.int() })).optional(),
  })
  .meta({ id: "GraphNode" });
const graphEdge = z
  .strictObject({ from: z.string(), to: z.string(), name: z.string() })
  .meta({ id: "GraphEdge", description: "`to` was made from `from`, its input `name`." });
export const graph = z.strictObject({ root: z.string(), nodes: z.array(graphNode), edges: z.array(graphEdge) }).meta({ id: "Graph" });

export const dataSet = z
  .strictObject({ name: z.string(), artifact: z.string().describe("the documents of the newest run"), createdAt: timeMs, summary })
  .meta({ id: "DataSet" });
