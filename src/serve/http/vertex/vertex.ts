/**
 * Vertex AI's container contract for predictions: POST /predict with `instances`, answered with `predictions` in their order. An instance with
 * `@requestFormat: "chatCompletions"` is a body of OpenAI's chat, as Google's vLLM containers and llama.cpp's server read it; others are TensorFlow's rows.
 * No streams, and one model a request. Health is GET /health or /ping; the platform is told both paths when the model is uploaded.
 */
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { chatCompletions, chatLengths } from "../chat.ts";
import { type AnswerLengths, answering, type Contract, post } from "../contract.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { modelOrOnly } from "../only-model.ts";
import { parseJson } from "../tensorflow/json.ts";
import { predictWith, rowLengths } from "../tensorflow/tensorflow.ts";

type Body = Readonly<Record<string, unknown>>;

const formatKey = "@requestFormat";
const chatFormat = "chatCompletions";
const isRow = (value: unknown): value is Body => typeof value === "object" && value !== null && !Array.isArray(value);
const formatOf = (instance: unknown): unknown => (isRow(instance) ? instance[formatKey] : undefined);
const rowsIn = ({ instances }: Body): readonly unknown[] => (Array.isArray(instances) ? instances : []);
const isOfChats = (body: Body): boolean => rowsIn(body).some(row => formatOf(row) !== undefined);

const lengths: AnswerLengths = body =>
  isOfChats(body) ? rowsIn(body).flatMap(row => (isRow(row) ? [...chatLengths(row)] : [])) : rowLengths(body);

/** An instance as a body of a chat. Errors: serve/parameter for another format, serve/unsupported for a stream or a second model. */
function chatOf(instance: unknown, place: string, model: string): Body {
  const format = formatOf(instance);
  if (!isRow(instance) || format !== chatFormat)
    throw serveErrors.fail("parameter", {
      place: `${place}.${formatKey}`,
      expected: `"${chatFormat}" in every instance, or in none`,
      received: JSON.stringify(format) ?? "none",
    });
  const { [formatKey]: _, ...body } = instance;
  if (body.stream === true)
    throw serveErrors.fail("unsupported", {
      place: `${place}.stream`,
      message: "predictions are answered when all are there",
      hint: "Leave stream out, or ask /v1/chat/completions.",
    });
  if (body.model != null && body.model !== model)
    throw serveErrors.fail("unsupported", {
      place: `${place}.model`,
      expected: `${JSON.stringify(model)}, the model of the first instance`,
      received: JSON.stringify(body.model).slice(0, 100),
      hint: "Send a request for each model.",
    });
  return { ...body, model };
}

async function predictChats(c: AppContext, services: Services, rows: readonly unknown[], given: unknown): Promise<Response> {
  if (rows.length > limits.answers)
    throw serveErrors.fail("parameter", { place: "instances", expected: `at most ${limits.answers}`, received: String(rows.length) });
  const [first] = rows;
  const model = modelOrOnly(isRow(first) ? (first.model ?? given) : given, services.engines);
  const bodies = rows.map((row, i) => chatOf(row, `instances[${i}]`, model));
  const { exchange } = c.var;
  const predictions: unknown[] = [];
  try {
    for (const body of bodies) {
      exchange.body = body;
      exchange.operation = "chat";
      predictions.push(await (await chatCompletions(c, services)).json());
    }
  } finally {
    // read again where the handler runs again, once a model has been loaded
    delete exchange.body;
  }
  return c.json({ predictions });
}

async function predict(c: AppContext, services: Services): Promise<Response> {
  const given = await bodyOf(c);
  if (isOfChats(given)) return predictChats(c, services, rowsIn(given), given.model);
  if (given.instances === undefined)
    throw serveErrors.fail("missing", { place: "instances", message: "the parameter is needed: a list of rows, or of chats" });
  const model = modelOrOnly(given.model, services.engines);
  return predictWith(services.engines.findAny(model), { ...given, model }, c);
}

export const vertex: Contract = {
  name: "vertex",
  endpoint: "other",
  parse: parseJson,
  routes: [answering("other", post("/predict", predict), lengths)],
};
