/**
 * Amazon SageMaker's container contract: GET /ping, POST /invocations. What a body asks for is read off its keys: OpenAI's chat (`messages`),
 * completions (`prompt`) and embeddings (`input`), TensorFlow's `instances`, or Hugging Face's `inputs` with `parameters`. A server of one model
 * needs no `model`. Beside them the API of multi-model endpoints (`multi-model.ts`).
 */
import { z } from "zod";
import { requestFields, rowOr } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { TracedOperation } from "../../tracing/tracing.ts";
import { collectAll } from "../answers.ts";
import { continueTexts } from "../ask-text.ts";
import { chatCompletions, chatLengths } from "../chat.ts";
import { classifyTexts, textGroups } from "../classify-texts.ts";
import { completionLengths, completions } from "../completions.ts";
import { type AnswerLengths, answering, type Contract, get, post } from "../contract.ts";
import { embedTexts } from "../embed-texts.ts";
import { embeddings } from "../embeddings.ts";
import { type AppContext, askerOf, bodyOf, type Services } from "../exchange.ts";
import { modelOrOnly } from "../only-model.ts";
import { parseBody } from "../parse.ts";
import { checkFields, ignore } from "../request-fields.ts";
import { rerank } from "../rerank.ts";
import { parseJson } from "../tensorflow/json.ts";
import { predictWith, rowLengths } from "../tensorflow/tensorflow.ts";
import { multiModelRoutes } from "./multi-model.ts";

type Body = Readonly<Record<string, unknown>>;

const ping = (c: AppContext, { engines }: Services): Response =>
  c.json({ status: engines.isReady ? "ready" : "not ready" }, engines.isReady ? 200 : 503);

const text = z.string().min(1);
const schema = z.object({
  model: z.string(),
  inputs: z.union([text, z.array(text).min(1).max(limits.answers)], { error: `a text, or a list of up to ${limits.answers} texts` }),
  parameters: z
    .object({
      max_new_tokens: z.int().min(1).nullish(),
      temperature: z.number().min(0).max(2).nullish(),
      top_k: z.int().min(-1).nullish(),
      top_p: z.number().min(0).max(1).nullish(),
      repetition_penalty: z.number().gt(0).max(10).nullish(),
      do_sample: z.boolean().nullish(),
      return_full_text: z.boolean().nullish(),
      seed: z.int().nullish(),
      stop: z.array(z.string().min(1).max(limits.stopCharacters)).max(limits.stops).nullish(),
      truncate: z.boolean().nullish(),
      group: z.union([text, z.array(text.nullable())], { error: "a text, or a list of texts" }).nullish(),
    })
    .nullish(),
});
const defaultMaxTokens = 100;

/** Hugging Face's containers: texts in, `[{ generated_text }]`, `[{ label, score }]` or vectors out. Without `do_sample` the likeliest token is taken. */
async function huggingFace(c: AppContext, { engines }: Services, raw: Body): Promise<Response> {
  checkFields(c.var.exchange, requestFields.tgi, raw);
  const { model, inputs, parameters } = parseBody(schema, raw);
  const texts = typeof inputs === "string" ? [inputs] : inputs;
  const engine = engines.findAny(model);
  c.var.exchange.engine = engine;
  const { signal } = c.req.raw;
  const { max_new_tokens, do_sample, return_full_text, truncate, temperature, group, ...options } = parameters ?? {};
  if (!("room" in engine) && engine.model.config.classifier) {
    const groups = textGroups(group, texts.length, "parameters.group");
    const { labels, scores, told, decidedBy } = await classifyTexts(engine, texts, signal, { groups, place: "parameters.group" });
    if (decidedBy) askerOf(c).onDecided?.(decidedBy);
    else if (groups) ignore(c.var.exchange, ["parameters.group"]);
    return c.json(told.map((label, i) => ({ label: labels[label], score: scores[i]![label] })));
  }
  if (group != null) ignore(c.var.exchange, ["parameters.group"]);
  if (!("room" in engine)) {
    const { vectors } = await embedTexts({ engine, inputs: texts, truncate: truncate ?? true, signal });
    return c.json(vectors.map(v => Array.from(v)));
  }
  const { generations } = continueTexts({
    engine,
    texts,
    options: { ...options, temperature: do_sample ? temperature : 0 },
    maxTokens: max_new_tokens ?? defaultMaxTokens,
    ...askerOf(c),
  });
  const answers = await collectAll(generations);
  return c.json(answers.map((a, i) => ({ generated_text: (return_full_text ? texts[i]! : "") + a.text })));
}

interface Kind {
  /** The key that says it. */
  readonly key: string;
  readonly operation?: TracedOperation;
  readonly lengths?: AnswerLengths;
  handle(c: AppContext, services: Services, body: Body & { readonly model: string }): Response | Promise<Response>;
}

/** Messages are a chat for a decoder; a sentence encoder embeds them. */
const chatOrVectors: Kind["handle"] = (c, services, { model }) =>
  "room" in services.engines.findAny(model) ? chatCompletions(c, services) : embeddings(c, services);

const kinds: readonly Kind[] = [
  { key: "messages", operation: "chat", lengths: chatLengths, handle: chatOrVectors },
  { key: "prompt", operation: "text_completion", lengths: completionLengths, handle: completions },
  { key: "input", operation: "embeddings", handle: embeddings },
  { key: "query", operation: "embeddings", handle: rerank },
  { key: "instances", lengths: rowLengths, handle: (c, { engines }, body) => predictWith(engines.findAny(body.model), body, c) },
  { key: "inputs", lengths: ({ parameters }) => [rowOr(parameters).max_new_tokens], handle: huggingFace },
];

const kindOfBody = (body: Body): Kind | undefined => kinds.find(k => body[k.key] !== undefined);
/** Of a body as it came. */
const lengthsOfBody: AnswerLengths = body => kindOfBody(body)?.lengths?.(body) ?? [];

/** Answers a body by what it holds; for the model of an id, where the address names one. */
async function invoke(c: AppContext, services: Services, model?: string): Promise<Response> {
  const given = await bodyOf(c);
  const body = { ...given, model: model ?? modelOrOnly(given.model, services.engines) };
  const kind = kindOfBody(given);
  if (!kind) throw serveErrors.fail("missing", { place: "body", message: `expected one of ${kinds.map(k => k.key).join(", ")}` });
  c.var.exchange.body = body;
  c.var.exchange.operation = kind.operation;
  return kind.handle(c, services, body);
}

export const sagemaker: Contract = {
  name: "sagemaker",
  endpoint: "other",
  parse: parseJson,
  routes: [
    get("/ping", ping),
    answering(
      "other",
      post("/invocations", (c, services) => invoke(c, services)),
      lengthsOfBody,
    ),
    ...multiModelRoutes(invoke, lengthsOfBody),
  ],
};
