/** POST /v1/embeddings, vLLM's /pooling and Cohere's /v2/embed: texts to vectors. */

import {
  base64Vector,
  cohereEmbedRequest,
  cohereInputTypes,
  embeddingInputs,
  embeddingsRequest,
  type Row,
  requestFields,
  signBits,
  vectorBytes,
} from "../../protocols/index.ts";
import { encodeChat } from "../../text/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import { serveErrors } from "../errors.ts";
import { asTemplateReads, turnsOf } from "./chat-messages.ts";
import { embedTexts, truncationOf } from "./embed-texts.ts";
import { type AppContext, newId, type Services } from "./exchange.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { templateVariables } from "./prompt.ts";
import { checkedBody } from "./request-fields.ts";

type EmbeddingsBody = ReturnType<(typeof embeddingsRequest)["parse"]>;

/** What is embedded: the inputs, or messages as the operator's template writes them. Errors: serve/missing, serve/parameter, serve/unsupported, text/template. */
function inputsOf({ model }: EmbeddingEngine, body: EmbeddingsBody) {
  const { input, messages, add_generation_prompt: adds, continue_final_message: isContinued } = body;
  if (messages == null) {
    if (input === undefined) throw serveErrors.fail("missing", { place: "input", message: "the parameter is needed" });
    return { inputs: embeddingInputs(input), addSpecialTokens: body.add_special_tokens ?? undefined };
  }
  if (input !== undefined)
    throw serveErrors.fail("parameter", { place: "messages", expected: "either input or messages", received: "both" });
  if (!model.chatTemplate)
    throw serveErrors.fail("unsupported", {
      place: "messages",
      message: `"${model.id}" has no chat template`,
      hint: "Send input, or start the server with --chat-template.",
    });
  if (body.add_special_tokens)
    throw serveErrors.fail("unsupported", {
      place: "add_special_tokens",
      message: "the template of messages writes the tokens around them",
    });
  if (isContinued && adds === true)
    throw serveErrors.fail("parameter", {
      place: "continue_final_message",
      expected: "add_generation_prompt: false beside it",
      received: "true for both",
    });
  const turns = asTemplateReads(model.chatTemplate, turnsOf(messages));
  const variables = templateVariables(model.chatTemplate, body.chat_template_kwargs);
  const options = { addGenerationPrompt: adds ?? false, continueFinalMessage: isContinued ?? false, variables };
  const ids = Array.from(encodeChat(model.tokenizer, model.chatTemplate, turns, options));
  return { inputs: [ids], addSpecialTokens: undefined };
}

/** A body's vectors and how they are written. */
async function vectorsOf(c: AppContext, { engines }: Services, raw: Row) {
  const body = parseBody(embeddingsRequest, withOnlyModel(raw, engines));
  const engine = engines.findEncoder(body.model);
  c.var.exchange.engine = engine;
  const { vectors, tokens } = await embedTexts({
    engine,
    ...inputsOf(engine, body),
    truncate: truncationOf(engine, body, false),
    signal: c.req.raw.signal,
    dimensions: body.dimensions ?? undefined,
    normalise: body.normalize ?? body.use_activation ?? undefined,
  });
  c.var.exchange.inputTokens = tokens;
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  const { encoding_format: format, embed_dtype: type, endianness: order } = body;
  const bytes = (v: Float32Array) => vectorBytes(v, type ?? "float32", order ?? "native");
  const shown = (v: Float32Array): readonly number[] | string => {
    if (format !== "base64") return Array.from(v);
    return type == null && order == null ? base64Vector(v) : Buffer.from(bytes(v)).toString("base64");
  };
  return { body, engine, vectors, usage, bytes, shown };
}
type Vectors = Awaited<ReturnType<typeof vectorsOf>>;

/** The vectors one after another; a header says where each is, unless that is not wanted. */
function bytesAnswer(c: AppContext, { body, vectors, usage, bytes }: Vectors, created: number): Response {
  const parts = vectors.map(bytes);
  const headers: Record<string, string> = { "content-type": "application/octet-stream" };
  if (body.encoding_format === "bytes") {
    let at = 0;
    const data = parts.map((part, index) => {
      const start = at;
      at += part.length;
      return {
        index,
        embed_dtype: body.embed_dtype ?? "float32",
        endianness: body.endianness ?? "native",
        start,
        end: at,
        shape: [vectors[index]!.length],
      };
    });
    headers.metadata = JSON.stringify({ id: newId("embd"), created, model: body.model, data, usage });
  }
  return c.body(Uint8Array.from(Buffer.concat(parts)), 200, headers);
}

export async function embeddings(c: AppContext, services: Services): Promise<Response> {
  const found = await vectorsOf(c, services, await checkedBody(c, requestFields.embeddings));
  const { body, engine, vectors, usage, shown } = found;
  if (body.encoding_format === "bytes" || body.encoding_format === "bytes_only") return bytesAnswer(c, found, services.created());
  return c.json({
    object: "list",
    data: vectors.map((v, index) => ({ object: "embedding", index, embedding: shown(v) })),
    model: body.model,
    system_fingerprint: engine.fingerprint,
    usage,
  });
}

/** vLLM's /pooling, of which a sentence encoder has one task. Errors as of `embeddings`; serve/unsupported for another task. */
export async function pooling(c: AppContext, services: Services): Promise<Response> {
  const raw = await checkedBody(c, requestFields.pooling);
  const { task } = raw;
  if (task != null && task !== "embed")
    // vLLM's sentences, by which its clients know them
    throw serveErrors.fail("unsupported", {
      message: task === "plugin" ? "No IOProcessor plugin installed" : `Unsupported task: '${String(task).slice(0, 60)}'`,
      hint: 'The task of a sentence encoder is "embed". Ask a classifier at /v1/models/NAME:classify.',
    });
  const found = await vectorsOf(c, services, raw);
  const { body, vectors, usage, shown } = found;
  if (body.encoding_format === "bytes" || body.encoding_format === "bytes_only") return bytesAnswer(c, found, services.created());
  return c.json({
    id: newId("pool"),
    object: "list",
    created: services.created(),
    model: body.model,
    data: vectors.map((v, index) => ({ object: "pooling", index, data: shown(v) })),
    usage,
  });
}

type CohereType = NonNullable<ReturnType<(typeof cohereEmbedRequest)["parse"]>["embedding_types"]>[number];
const cohereForms: { readonly [T in CohereType]: (v: Float32Array) => readonly number[] | string } = {
  float: v => Array.from(v),
  binary: v => signBits(v, true),
  ubinary: v => signBits(v, false),
  base64: base64Vector,
};

/** How Cohere's `truncate` and `max_tokens` cut. */
function cohereCut({ model }: EmbeddingEngine, truncate: "NONE" | "START" | "END", maxTokens: number | undefined) {
  if (truncate === "NONE") return false;
  return { most: Math.min(maxTokens ?? model.longest, model.longest), side: truncate === "START" ? "left" : "right" } as const;
}

/** Errors: serve/missing, serve/type, serve/parameter, those of `embedTexts`. */
export async function cohereEmbed(c: AppContext, { engines }: Services): Promise<Response> {
  const raw = await checkedBody(c, requestFields.cohereEmbed);
  if (raw.images != null) throw serveErrors.fail("unsupported", { place: "images", message: "pictures are not read", hint: "Send texts." });
  const body = parseBody(cohereEmbedRequest, withOnlyModel(raw, engines));
  const kinds: readonly string[] = cohereInputTypes;
  if (body.input_type != null && !kinds.includes(body.input_type))
    throw serveErrors.fail("parameter", {
      place: "input_type",
      message: `Unsupported input_type ${JSON.stringify(body.input_type.slice(0, 60))}`,
      hint: `Known are ${kinds.join(", ")}.`,
    });
  const texts = body.texts ?? body.inputs?.map(one => one.content.map(part => part.text).join(""));
  if (!texts || (body.texts != null && body.inputs != null))
    throw serveErrors.fail("parameter", { place: "texts", expected: "either texts or inputs", received: texts ? "both" : "none" });
  const engine = engines.findEncoder(body.model);
  c.var.exchange.engine = engine;
  const { vectors, tokens } = await embedTexts({
    engine,
    inputs: texts,
    truncate: cohereCut(engine, body.truncate ?? "END", body.max_tokens ?? undefined),
    signal: c.req.raw.signal,
    dimensions: body.output_dimension ?? undefined,
  });
  c.var.exchange.inputTokens = tokens;
  const types = body.embedding_types ?? ["float"];
  return c.json({
    id: newId("embd"),
    embeddings: Object.fromEntries(types.map(type => [type, vectors.map(cohereForms[type])])),
    texts,
    meta: { api_version: { version: "2" }, billed_units: { input_tokens: tokens, image_tokens: 0 } },
    response_type: "embeddings_by_type",
  });
}
