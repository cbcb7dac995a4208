/**
 * TensorFlow Serving's REST API: status, metadata, predict, classify and regress of models by name, version and label. Rows (`instances`) and
 * columns (`inputs`); one named output loses its name; errors are `{ "error": "..." }`. The status of a model without a version shares its
 * address with OpenAI's (`models.ts`). Bodies are read in its own JSON. No gRPC.
 */
import { errorBodies, rowOr } from "../../../protocols/index.ts";
import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";
import { type AnswerLengths, answering, type Contract, type ContractRoute, describing, get, post } from "../contract.ts";
import { type AppContext, askerOf, bodyOf, type Services } from "../exchange.ts";
import { isBytes, parseJson, stringifyJson, tensorText } from "./json.ts";
import { checkRows, type Signature, signatureOf, signaturesOf, type TensorRow } from "./signatures.ts";
import {
  servedCalibration,
  servedThresholds,
  targetEngine,
  targetModel,
  targetOf,
  targetVersions,
  versionOf,
  versionStates,
} from "./versions.ts";

type Body = Readonly<Record<string, unknown>>;
const isObject = (v: unknown): v is Body => typeof v === "object" && v !== null && !Array.isArray(v) && !isBytes(v);

/** Named inputs as a row. The text is the one that is needed. */
function rowOf(named: Body, place: string): TensorRow {
  const { text, ...options } = named;
  if (text === undefined) throw serveErrors.fail("missing", { place: `${place}.text`, message: "the input is needed: a text" });
  return { text: tensorText(text, `${place}.text`), options };
}

/** `instances`: a row each, named inputs or the text alone. */
function rowsOfInstances(instances: unknown): TensorRow[] {
  if (!Array.isArray(instances)) throw serveErrors.fail("type", { place: "instances", expected: "a list", received: typeof instances });
  return instances.map((row: unknown, i) => {
    const place = `instances[${i}]`;
    return isObject(row) ? rowOf(row, place) : { text: tensorText(row, place), options: {} };
  });
}

/** `inputs`: a column each, or the texts alone. Every column is as long as the texts. */
function rowsOfInputs(inputs: unknown): TensorRow[] {
  const columns = isObject(inputs) ? inputs : { text: inputs };
  const lists = Object.fromEntries(Object.entries(columns).map(([name, c]) => [name, Array.isArray(c) ? (c as unknown[]) : [c]]));
  const { text } = lists;
  if (!text) throw serveErrors.fail("missing", { place: "inputs.text", message: "the input is needed: texts" });
  for (const [name, list] of Object.entries(lists))
    if (list.length !== text.length)
      throw serveErrors.fail("parameter", {
        place: `inputs.${name}`,
        expected: `${text.length} values, as many as texts`,
        received: String(list.length),
      });
  return text.map((_, i) => rowOf(Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list[i]])), `inputs[${i}]`));
}

/** A feature of an example: a value, or a list of one. */
function rowsOfExamples({ examples, context }: Body): TensorRow[] {
  if (!Array.isArray(examples))
    throw serveErrors.fail("missing", { place: "examples", message: "the parameter is needed: a list of examples" });
  return examples.map((example: unknown, i) => {
    const place = `examples[${i}]`;
    if (!isObject(example)) throw serveErrors.fail("type", { place, expected: "an object of features", received: typeof example });
    const { text, group } = { ...(isObject(context) ? context : {}), ...example };
    if (text === undefined) throw serveErrors.fail("missing", { place: `${place}.text`, message: "the feature is needed: a text" });
    const single = (feature: unknown): unknown => (Array.isArray(feature) && feature.length === 1 ? feature[0] : feature);
    return { text: tensorText(single(text), `${place}.text`), options: group === undefined ? {} : { group: single(group) } };
  });
}

/** Of a body as it came: each row has its own, in rows as in columns. */
export const rowLengths: AnswerLengths = ({ instances, inputs }) => {
  if (Array.isArray(instances)) return instances.map(row => rowOr(row).max_tokens);
  if (inputs === undefined) return [];
  const column = rowOr(inputs).max_tokens;
  return Array.isArray(column) ? column : [column];
};

const json = (value: unknown): Response => new Response(stringifyJson(value), { headers: { "content-type": "application/json" } });
/** One named output loses its name. */
const unnamed = (row: Body): unknown => (Object.keys(row).length === 1 ? Object.values(row)[0] : row);

async function predict(engine: AnyEngine, signature: Signature, body: Body, c: AppContext): Promise<Response> {
  const { instances, inputs } = body;
  if ((instances === undefined) === (inputs === undefined))
    throw serveErrors.fail("parameter", {
      place: "instances",
      expected: "either instances or inputs",
      received: instances === undefined ? "neither" : "both",
    });
  const rows = instances === undefined ? rowsOfInputs(inputs) : rowsOfInstances(instances);
  checkRows(rows.length, instances === undefined ? "inputs" : "instances", engine);
  const out = await signature.run(engine, rows, askerOf(c));
  if (instances !== undefined) return json({ predictions: out.map(unnamed) });
  const names = Object.keys(out[0]!);
  return json({ outputs: unnamed(Object.fromEntries(names.map(name => [name, out.map(row => row[name])]))) });
}

async function examples(engine: AnyEngine, signature: Signature, body: Body, c: AppContext): Promise<Response> {
  const rows = rowsOfExamples(body);
  checkRows(rows.length, "examples", engine);
  const out = await signature.run(engine, rows, askerOf(c));
  return json({ result: out.map(unnamed) });
}

async function ask(c: AppContext, { engines }: Services): Promise<Response> {
  const [, path = "", method = ""] = /^(.+):(predict|classify|regress)$/.exec(c.req.param("target") ?? "") ?? [];
  const engine = targetEngine(engines, targetOf(path));
  c.var.exchange.engine = engine;
  const body = await bodyOf(c);
  const name = body.signature_name;
  if (name != null && typeof name !== "string")
    throw serveErrors.fail("type", { place: "signature_name", expected: "a string", received: typeof name });
  const signature = signatureOf(engine, method as Signature["method"], name);
  return signature.method === "predict" ? predict(engine, signature, body, c) : examples(engine, signature, body, c);
}

/** Predict of one engine, for contracts that carry TensorFlow's bodies. */
export function predictWith(engine: AnyEngine, body: Body, c: AppContext): Promise<Response> {
  c.var.exchange.engine = engine;
  return predict(
    engine,
    signatureOf(engine, "predict", typeof body.signature_name === "string" ? body.signature_name : undefined),
    body,
    c,
  );
}

const tensors = (of: ReturnType<Signature["outputs"]>) =>
  Object.fromEntries(
    Object.entries(of).map(([name, { dtype, shape }]) => [
      name,
      { dtype, name: `${name}:0`, tensor_shape: { dim: shape.map(size => ({ name: "", size: String(size) })), unknown_rank: false } },
    ]),
  );

function metadata(c: AppContext, { engines }: Services): Response {
  const target = targetOf((c.req.param("target") ?? "").replace(/\/metadata$/, ""));
  const engine = targetModel(engines, target);
  const signatures = Object.entries(signaturesOf(engine)).map(([name, s]) => [
    name,
    { inputs: tensors(s.inputs), outputs: tensors(s.outputs(engine)), method_name: `tensorflow/serving/${s.method}` },
  ]);
  return c.json({
    model_spec: { name: target.model, signature_name: "", version: String(versionOf(engine)) },
    metadata: { signature_def: { signature_def: Object.fromEntries(signatures) } },
    ...servedCalibration(engine),
    ...servedThresholds(engine),
  });
}

const status = (c: AppContext, { engines }: Services): Response =>
  c.json(versionStates(targetVersions(engines, targetOf(c.req.param("target") ?? ""))));

const named = (route: ContractRoute, name: string): ContractRoute => ({ ...route, name });

export const tensorflow: Contract = {
  name: "tensorflow",
  endpoint: "models",
  takesUndeclared: true,
  parse: parseJson,
  routes: [
    named(answering("other", post("/v1/models/:target{.+:(?:predict|classify|regress)}", ask), rowLengths), "/v1/models/:model:predict"),
    named(describing("models", get("/v1/models/:target{.+/metadata}", metadata)), "/v1/models/:model/metadata"),
    named(describing("models", get("/v1/models/:target{.+/(?:versions|labels)/[^/]+}", status)), "/v1/models/:model/versions/:version"),
  ],
  errors: errorBodies.tensorflow,
};
