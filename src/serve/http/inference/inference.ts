/**
 * The Open Inference Protocol, version 2 (KServe), over REST: health, metadata and `infer` over named tensors, its text extension `generate` and `generate_stream`,
 * and Triton's extensions for binary tensor data, configuration, statistics and the model repository. Texts are tensors of BYTES; a decoder's answer is BYTES,
 * an encoder's FP32. `grpc/` puts the protocol's gRPC form to these addresses.
 */
import { errorBodies, rowOr } from "../../../protocols/index.ts";
import { restricted } from "../access.ts";
import { type AnswerLengths, answering, type Contract, describing, get, post, under } from "../contract.ts";
import type { AppContext, Services } from "../exchange.ts";
import { signatureOf } from "../tensorflow/signatures.ts";
import { versionOf } from "../tensorflow/versions.ts";
import { absentExtensions } from "./absent.ts";
import { splitGenerate, splitTensors } from "./bodies.ts";
import { answerGenerate, streamGenerate } from "./generate.ts";
import { datatypes, infer } from "./infer.ts";
import { modelConfig } from "./model-config.ts";
import { repositoryIndex, repositoryLoad, repositoryUnload } from "./repository.ts";
import { modelIdentity, ofModel, targetedModel, temperatureIn } from "./target.ts";

const extensions = [
  "generate",
  "generate_stream",
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "model_repository",
  "statistics",
  "parameters",
];

const server = (c: AppContext, { version }: Services): Response => c.json({ name: "loam", version, extensions });

const ready = (c: AppContext, { engines }: Services): Response => c.json({ ready: engines.isReady }, engines.isReady ? 200 : 503);

/** A model that sleeps is ready: the next request wakes it, and no probe does. */
function modelReady(c: AppContext, services: Services): Response {
  const engine = targetedModel(c, services);
  const isReady = services.engines.isReadyNow(engine);
  return c.json({ ...modelIdentity(c, engine), ready: isReady }, isReady ? 200 : 503);
}

function metadata(c: AppContext, services: Services): Response {
  const engine = targetedModel(c, services);
  const signature = signatureOf(engine, "predict", undefined);
  const tensors = (of: ReturnType<typeof signature.outputs>) =>
    Object.entries(of).map(([name, { dtype, shape }]) => ({ name, datatype: datatypes[dtype], shape }));
  return c.json({
    name: c.req.param("model"),
    versions: [String(versionOf(engine))],
    platform: "loam_onnxruntime",
    inputs: tensors(signature.inputs),
    outputs: tensors(signature.outputs(engine)),
    ...temperatureIn(engine),
  });
}

function config(c: AppContext, services: Services): Response {
  const engine = targetedModel(c, services);
  return c.json(modelConfig(engine, modelIdentity(c, engine).model_name));
}

function modelStatistics(c: AppContext, services: Services): Response {
  const engine = targetedModel(c, services);
  return c.json({ model_stats: [services.statistics.of(engine, modelIdentity(c, engine).model_name)] });
}

const allStatistics = (c: AppContext, { engines, statistics }: Services): Response =>
  c.json({
    model_stats: engines.models().flatMap(e => (engines.namesToTell(e).length === 0 ? [] : [statistics.of(e, e.model.name ?? e.model.id)])),
  });

/** Of a body as it came. */
const parameterLengths: AnswerLengths = ({ parameters }) => [rowOr(parameters).max_tokens];

export const inference: Contract = {
  name: "open inference protocol",
  endpoint: "models",
  prefix: "/v2",
  takesUndeclared: true,
  split: splitTensors,
  routes: [
    ...under("other", [get("/v2", server), get("/v2/health/live", c => c.json({ live: true })), get("/v2/health/ready", ready)]),
    ...under("models", [get("/v2/models/stats", allStatistics), post("/v2/repository/index", repositoryIndex)]),
    ...under("admin", [
      post("/v2/repository/models/:model/load", restricted(repositoryLoad)),
      post("/v2/repository/models/:model/unload", restricted(repositoryUnload)),
    ]),
    ...absentExtensions,
    ...ofModel("").map(path => describing("models", get(path, metadata))),
    ...ofModel("/ready").map(path => describing("models", get(path, modelReady))),
    ...ofModel("/config").map(path => describing("models", get(path, config))),
    ...ofModel("/stats").map(path => describing("models", get(path, modelStatistics))),
    ...ofModel("/infer").map(path => answering("other", post(path, infer), parameterLengths)),
  ],
  errors: errorBodies.inference,
};

/** The text extension has statuses of its own: 422 for what a request says wrongly, 424 for a generation that failed. */
const textStatus: Readonly<Record<number, number>> = { 400: 422, 500: 424 };
export const inferenceText: Contract = {
  name: "open inference protocol, text",
  endpoint: "completions",
  takesUndeclared: true,
  split: splitGenerate,
  routes: [
    ...ofModel("/generate").map(path => answering("completions", post(path, answerGenerate), parameterLengths)),
    ...ofModel("/generate_stream").map(path => answering("completions", post(path, streamGenerate), parameterLengths)),
  ],
  errors: errorBodies.inference,
  statuses: textStatus,
};
