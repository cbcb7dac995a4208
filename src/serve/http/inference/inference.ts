/**
 * The Open Inference Protocol, version 2 (KServe), over REST: health, metadata and `infer` over named tensors, and its text extension
 * `generate` and `generate_stream`. Texts are tensors of BYTES; a decoder's answer is BYTES, an encoder's FP32. No binary tensor data.
 */
import type { z } from "zod";
import { errorBodies, generateRequest, inferRequest, plainEvents, requestFields, rowOr } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import type { EndEvent } from "../../generation.ts";
import { collectAll, merged } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { type AnswerLengths, answering, type Contract, describing, get, post, under } from "../contract.ts";
import { type AppContext, askerOf, type Services, streamAnswer } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { checkRows, signatureOf } from "../tensorflow/signatures.ts";
import { type AnyEngine, calibrationOf, targetEngine, versionOf } from "../tensorflow/versions.ts";

function targeted(c: AppContext, { engines }: Services): AnyEngine {
  const version = c.req.param("version");
  if (version !== undefined && !/^\d{1,15}$/.test(version))
    throw serveErrors.fail("parameter", { place: "version", expected: "a whole number", received: JSON.stringify(version.slice(0, 60)) });
  const engine = targetEngine(engines, {
    model: c.req.param("model") ?? "",
    ...(version === undefined ? {} : { version: Number(version) }),
  });
  c.var.exchange.engine = engine;
  return engine;
}

const identity = (c: AppContext, engine: AnyEngine) => ({
  model_name: c.req.param("model") ?? engine.model.id,
  model_version: String(versionOf(engine)),
});

/** The protocol's own place for what else is to be said, in metadata and responses. */
const temperatureIn = (engine: AnyEngine) => {
  const { calibration } = calibrationOf(engine);
  return calibration ? { parameters: { calibration: calibration.method, temperature: calibration.temperature } } : {};
};

const datatypes = { DT_STRING: "BYTES", DT_FLOAT: "FP32", DT_INT32: "INT32" } as const;

const server = (c: AppContext, { version }: Services): Response =>
  c.json({ name: "loam", version, extensions: ["generate", "generate_stream"] });

const ready = (c: AppContext, { engines }: Services): Response => c.json({ ready: engines.isReady }, engines.isReady ? 200 : 503);

function modelReady(c: AppContext, services: Services): Response {
  const engine = targeted(c, services);
  const isReady = engine.state === "ready";
  return c.json({ ...identity(c, engine), ready: isReady }, isReady ? 200 : 503);
}

function metadata(c: AppContext, services: Services): Response {
  const engine = targeted(c, services);
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

/** The texts of the one tensor that is taken. Its data may be nested as its shape says, or flat. */
function textsOf(inputs: z.output<typeof inferRequest>["inputs"]): string[] {
  const [input, more] = inputs;
  if (input!.name !== "text" || more)
    throw serveErrors.fail("parameter", {
      place: "inputs",
      expected: "one tensor, text",
      received: inputs.map(i => JSON.stringify(i.name.slice(0, 40))).join(", "),
    });
  const { shape, datatype, data } = input!;
  if (datatype !== "BYTES")
    throw serveErrors.fail("parameter", {
      place: "inputs[0].datatype",
      expected: "BYTES",
      received: JSON.stringify(datatype.slice(0, 20)),
    });
  const flat = (data as unknown[]).flat(8);
  const size = shape.reduce((n, d) => n * d, 1);
  if (size !== flat.length)
    throw serveErrors.fail("parameter", {
      place: "inputs[0].data",
      expected: `${size} values, as the shape says`,
      received: String(flat.length),
    });
  return flat.map((value, i) => {
    if (typeof value === "string") return value;
    throw serveErrors.fail("type", { place: `inputs[0].data[${i}]`, expected: "a text", received: typeof value });
  });
}

async function infer(c: AppContext, services: Services): Promise<Response> {
  const engine = targeted(c, services);
  const body = parseBody(inferRequest, await checkedBody(c, requestFields.infer));
  const texts = textsOf(body.inputs);
  checkRows(texts.length, "inputs[0].shape", engine);
  const signature = signatureOf(engine, "predict", undefined);
  const known = signature.outputs(engine);
  const strange = body.outputs?.find(o => !(o.name in known));
  if (strange)
    throw serveErrors.fail("parameter", {
      place: "outputs",
      expected: `one of ${Object.keys(known).join(", ")}`,
      received: JSON.stringify(strange.name.slice(0, 40)),
    });
  const rows = await signature.run(
    engine,
    texts.map(text => ({ text, options: body.parameters ?? {} })),
    askerOf(c),
  );
  const wanted = body.outputs?.map(o => o.name) ?? Object.keys(known);
  return c.json({
    ...identity(c, engine),
    ...(body.id == null ? {} : { id: body.id }),
    ...temperatureIn(engine),
    outputs: wanted.map(name => ({
      name,
      datatype: datatypes[known[name]!.dtype],
      shape: [rows.length, ...known[name]!.shape.slice(1)],
      data: rows.flatMap(row => row[name]),
    })),
  });
}

/** The extension's default. */
const defaultMaxTokens = 20;

async function startGenerate(c: AppContext, services: Services) {
  const { id, text_input: text, parameters: given } = parseBody(generateRequest, await checkedBody(c, requestFields.generate));
  const engine = services.engines.find(targeted(c, services).model.id);
  const { max_tokens, details = false, ...options } = given ?? {};
  const { generations } = continueTexts({
    engine,
    texts: [text],
    options,
    maxTokens: max_tokens ?? defaultMaxTokens,
    likelihoods: details ? 0 : undefined,
    ...askerOf(c),
  });
  const head = { ...identity(c, engine), ...(id == null ? {} : { id }) };
  const reasonOf = ({ finishReason, stop }: Pick<EndEvent, "finishReason" | "stop">) =>
    finishReason === "length" ? "length" : stop === undefined ? "eos_token" : "stop_sequence";
  const logprobs = (tokens: EndEvent["tokens"]) =>
    tokens.flatMap(({ likelihood: l }) =>
      l ? [{ id: l.token, text: engine.model.tokenizer.decode([l.token]), logprob: l.logProbability }] : [],
    );
  return { generations, head, reasonOf, logprobs, details };
}

async function generate(c: AppContext, services: Services): Promise<Response> {
  const { generations, head, reasonOf, logprobs, details } = await startGenerate(c, services);
  const [answer] = await collectAll(generations);
  const told = details ? { details: { finish_reason: reasonOf(answer!), logprobs: logprobs(answer!.tokens) } } : {};
  return c.json({ ...head, text_output: answer!.text, ...told });
}

async function generateStream(c: AppContext, services: Services): Promise<Response> {
  const { generations, head, reasonOf, logprobs, details } = await startGenerate(c, services);
  async function* chunks(): AsyncGenerator<unknown, void, undefined> {
    for await (const { event } of merged(generations)) {
      const reason = event.kind === "end" ? { finish_reason: reasonOf(event) } : {};
      yield { ...head, text_output: event.text, ...(details ? { details: { ...reason, logprobs: logprobs(event.tokens) } } : {}) };
    }
  }
  return streamAnswer(c, services, generations, chunks(), plainEvents(errorBodies.inference));
}

const of = (path: string) => [`/v2/models/:model${path}`, `/v2/models/:model/versions/:version${path}`];

/** Of a body as it came. */
const parameterLengths: AnswerLengths = ({ parameters }) => [rowOr(parameters).max_tokens];

export const inference: Contract = {
  name: "open inference protocol",
  endpoint: "models",
  prefix: "/v2",
  routes: [
    ...under("other", [get("/v2", server), get("/v2/health/live", c => c.json({ live: true })), get("/v2/health/ready", ready)]),
    ...of("").map(path => describing("models", get(path, metadata))),
    ...of("/ready").map(path => describing("models", get(path, modelReady))),
    ...of("/infer").map(path => answering("other", post(path, infer), parameterLengths)),
  ],
  errors: errorBodies.inference,
};

/** The text extension has statuses of its own: 422 for what a request says wrongly, 424 for a generation that failed. */
const textStatus: Readonly<Record<number, number>> = { 400: 422, 500: 424 };
export const inferenceText: Contract = {
  name: "open inference protocol, text",
  endpoint: "completions",
  routes: [
    ...of("/generate").map(path => answering("completions", post(path, generate), parameterLengths)),
    ...of("/generate_stream").map(path => answering("completions", post(path, generateStream), parameterLengths)),
  ],
  errors: errorBodies.inference,
  statuses: textStatus,
};
