/**
 * What `/openapi.json` says of each route: a sentence, the schema by which its body is read, and what is answered. Keys are method and address as the
 * contracts' tables have them; a route that several addresses stand for has a row each (`at`). Loaded when the document is asked for.
 */
import { z } from "zod";
import {
  applyTemplateRequest,
  chatRequest,
  cohereEmbedRequest,
  compareRequest,
  completionsRequest,
  embeddingsRequest,
  feedbackInfo,
  feedbackRequest,
  generateRequest,
  inferRequest,
  infillRequest,
  loraScales,
  moderationsRequest,
  nativeCompletionRequest,
  nativeEmbeddingRequest,
  nativeTokenizeRequest,
  ollamaChatRequest,
  ollamaEmbedRequest,
  ollamaGenerateRequest,
  repositoryIndexRequest,
  repositoryModelRequest,
  rerankRequest,
  responsesRequest,
  teiRerankRequest,
} from "../../../protocols/index.ts";
import { loadAdapterRequest, unloadAdapterRequest } from "../adapters.ts";
import { attributionsRequest } from "../attributions.ts";
import { batchRequest } from "../files/batches.ts";
import { hostModelRequest } from "../sagemaker/multi-model.ts";
import { scoreRequest } from "../score.ts";
import { detokenizeRequest, tokenizeRequest } from "../tokenize.ts";
import { anyObject, deleted, listAnswer, plainText, refusalForms, wireForms } from "./wire-forms.ts";

export interface RouteDescription {
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly bodyType?: string;
  readonly answer: z.ZodType;
  readonly contentType?: string;
  /** A refusal's form where it is not the contract's. */
  readonly error?: z.ZodType;
  /** A request may ask for an answer in pieces, of this type. */
  readonly streamType?: string;
  readonly query?: z.ZodObject;
  /** Addresses that the route's pattern stands for, as OpenAPI writes them. */
  readonly at?: readonly string[];
}

const events = "text/event-stream";
const text = z.string();
const named = z.object({ model: text });
const nativeAnswer = z.union([wireForms.nativeCompletion, z.array(wireForms.nativeCompletion)]);
const ofModel = z.object({ model: text.optional().describe("default: the only one that is served") });
const page = z.object({ after: text.optional(), limit: text.optional(), order: z.enum(["asc", "desc"]).optional() });
const upload = z.object({ file: text.meta({ format: "binary" }), purpose: text });

const deletedFeedback = z.object({ id: text, object: text, deleted: z.boolean(), labels: z.int().describe("labels that were deleted") });
const inputTokens = z.object({ object: text, input_tokens: z.int() });
const eitherRefusal = z.union([refusalForms.openai, refusalForms.llamaCpp]);

/** Where a model's name stands in an address of TensorFlow's, the ways to say which version. */
const versions = ["", "/versions/{version}", "/labels/{label}"];
const instances = z.looseObject({
  instances: z.array(z.unknown()).optional(),
  inputs: z.unknown().optional(),
  examples: z.array(z.unknown()).optional(),
});

export const descriptions: Readonly<Record<string, RouteDescription>> = {
  "POST /v1/completions": { summary: "Continues texts.", body: completionsRequest, answer: wireForms.completion, streamType: events },
  "POST /v1/chat/completions": { summary: "Answers a conversation.", body: chatRequest, answer: wireForms.chat, streamType: events },
  "POST /v1/chat/completions/input_tokens": { summary: "Counts the tokens of a conversation.", body: chatRequest, answer: inputTokens },
  "POST /v1/responses/input_tokens": { summary: "Counts the tokens of a response's input.", body: responsesRequest, answer: inputTokens },
  "POST /v1/responses": { summary: "Creates a response.", body: responsesRequest, answer: wireForms.response, streamType: events },
  "GET /v1/responses/:id": { summary: "Gives a response that is kept.", answer: wireForms.response },
  "GET /v1/responses/:id/input_items": { summary: "Lists the input of a response.", answer: listAnswer(anyObject), query: page },
  "DELETE /v1/responses/:id": { summary: "Deletes a response.", answer: deleted },
  "POST /v1/embeddings": { summary: "Gives the vectors of texts.", body: embeddingsRequest, answer: wireForms.embeddings },
  "POST /v1/moderations": {
    summary: "Tells which labels of a classifier hold of texts.",
    body: moderationsRequest,
    answer: wireForms.moderations,
  },
  "POST /v1/rerank": {
    summary: "Orders documents by their likeness to a query.",
    body: z.union([rerankRequest, teiRerankRequest]),
    answer: z.union([anyObject, z.array(anyObject)]),
  },
  "POST /v1/reranking": {
    summary: "Orders documents by their likeness to a query.",
    body: z.union([rerankRequest, teiRerankRequest]),
    answer: z.union([anyObject, z.array(anyObject)]),
  },
  "POST /v2/rerank": {
    summary: "Orders documents by their likeness to a query, as Cohere has it.",
    body: rerankRequest,
    answer: anyObject,
  },
  "POST /pooling": { summary: "Gives the vectors of texts, as vLLM has it.", body: embeddingsRequest, answer: anyObject },
  "POST /v2/embed": { summary: "Gives the vectors of texts, as Cohere has it.", body: cohereEmbedRequest, answer: anyObject },
  "POST /v1/score": {
    summary: "Gives the log-probabilities of a given text, or the likeness of two sides of texts.",
    body: z.union([scoreRequest, compareRequest]),
    answer: anyObject,
  },
  "POST /v1/attributions": { summary: "Says which tokens of the prompt an answer rests on.", body: attributionsRequest, answer: anyObject },
  "POST /v1/feedback": {
    summary: "Keeps a label or a score of a response; the second of a source replaces its first.",
    body: feedbackRequest,
    answer: feedbackInfo,
  },
  "GET /v1/feedback/:id": { summary: "Lists what was said of a response.", answer: listAnswer(feedbackInfo) },
  "DELETE /v1/feedback/:id": {
    summary: "Deletes the labels of a response, and what is remembered of its request.",
    answer: deletedFeedback,
  },
  "POST /tokenize": {
    summary: "Gives the tokens of a text: vLLM's form by prompt or messages, llama.cpp's by content.",
    body: z.union([tokenizeRequest, nativeTokenizeRequest]),
    answer: z.looseObject({ tokens: z.array(z.unknown()) }),
  },
  "POST /detokenize": {
    summary: "Gives the text of tokens: vLLM's form where a model is named, else llama.cpp's.",
    body: detokenizeRequest,
    answer: anyObject,
  },
  "GET /v1/models": { summary: "Lists each model once, with its other names.", answer: listAnswer(wireForms.model) },
  "GET /models": { summary: "Lists models, and for SageMaker those that the platform loaded.", answer: listAnswer(wireForms.model) },
  "GET /v1/models/:model{.+}": { summary: "Describes a model, with the states of its versions.", answer: wireForms.model },
  "GET /models/:model{.+}": { summary: "Describes a model.", answer: anyObject },
  "DELETE /v1/models/:model{.+}": { summary: "Deletes a model that a fine-tuning job made.", answer: deleted },
  "POST /v1/messages": {
    summary: "Answers a conversation in Anthropic's form.",
    body: anthropicBody(),
    answer: wireForms.message,
    streamType: events,
  },
  "POST /v1/messages/count_tokens": {
    summary: "Counts the tokens of a conversation.",
    body: anthropicBody(),
    answer: z.object({ input_tokens: z.int() }),
  },
  "POST /v1/files": { summary: "Uploads a file.", body: upload, bodyType: "multipart/form-data", answer: wireForms.file },
  "GET /v1/files": { summary: "Lists files.", answer: listAnswer(wireForms.file), query: page.extend({ purpose: text.optional() }) },
  "GET /v1/files/:id": { summary: "Describes a file.", answer: wireForms.file },
  "DELETE /v1/files/:id": { summary: "Deletes a file.", answer: deleted },
  "GET /v1/files/:id/content": { summary: "Gives the bytes of a file.", answer: plainText, contentType: "application/octet-stream" },
  "POST /v1/batches": { summary: "Creates a batch.", body: batchRequest, answer: wireForms.batch },
  "GET /v1/batches": { summary: "Lists batches.", answer: listAnswer(wireForms.batch), query: page },
  "GET /v1/batches/:id": { summary: "Describes a batch.", answer: wireForms.batch },
  "POST /v1/batches/:id/cancel": { summary: "Cancels a batch.", answer: wireForms.batch },
  "GET /v1/admin/adapters": { summary: "Lists adapters.", answer: listAnswer(anyObject) },
  "POST /v1/load_lora_adapter": { summary: "Loads an adapter.", body: loadAdapterRequest, answer: plainText, contentType: "text/plain" },
  "POST /v1/unload_lora_adapter": {
    summary: "Unloads an adapter.",
    body: unloadAdapterRequest,
    answer: plainText,
    contentType: "text/plain",
  },
  "POST /v1/models/:target{.+:(?:predict|classify|regress)}": {
    summary: "Runs a signature of a model on rows.",
    body: instances,
    answer: anyObject,
    at: ["predict", "classify", "regress"].flatMap(verb => versions.map(which => `/v1/models/{model}${which}:${verb}`)),
  },
  "GET /v1/models/:target{.+/metadata}": {
    summary: "Describes the signatures of a model.",
    answer: anyObject,
    at: versions.map(which => `/v1/models/{model}${which}/metadata`),
  },
  "GET /v1/models/:target{.+/(?:versions|labels)/[^/]+}": {
    summary: "Gives the state of a version.",
    answer: anyObject,
    at: versions.slice(1).map(which => `/v1/models/{model}${which}`),
  },
  "GET /v2": { summary: "Describes the server.", answer: anyObject },
  "GET /v2/health/live": { summary: "Says whether the process runs.", answer: anyObject },
  "GET /v2/health/ready": { summary: "Says whether every model is ready.", answer: anyObject },
  "GET /v2/models/stats": { summary: "Counts what models have done.", answer: anyObject },
  "POST /v2/repository/index": { summary: "Lists models and their states.", body: repositoryIndexRequest, answer: z.array(anyObject) },
  "POST /v2/repository/models/:model/load": { summary: "Loads a model.", body: repositoryModelRequest, answer: anyObject },
  "POST /v2/repository/models/:model/unload": { summary: "Unloads a model.", body: repositoryModelRequest, answer: anyObject },
  ...ofSharedMemory("system"),
  ...ofSharedMemory("cuda"),
  "GET /v2/trace/setting": { summary: "Gives the trace settings: off.", answer: anyObject },
  "POST /v2/trace/setting": { summary: "Is refused: nothing can be set.", body: anyObject, answer: anyObject },
  "GET /v2/logging": { summary: "Gives the log settings.", answer: anyObject },
  "POST /v2/logging": { summary: "Is refused: nothing can be set.", body: anyObject, answer: anyObject },
  "GET /ping": { summary: "Says whether every model is ready.", answer: wireForms.readiness },
  "POST /invocations": { summary: "Answers a body by what it holds.", body: anyObject, answer: z.unknown(), streamType: events },
  "POST /predict": {
    summary: "Answers instances, rows or chats, with predictions, as containers of Vertex AI do.",
    body: z.looseObject({ instances: z.array(z.unknown()) }),
    answer: z.object({ predictions: z.array(z.unknown()) }),
  },
  "POST /models": { summary: "Loads a model under a name of SageMaker's.", body: hostModelRequest, answer: anyObject },
  "DELETE /models/:name": { summary: "Takes a model of SageMaker's away.", answer: anyObject },
  "POST /models/:name/invoke": { summary: "Answers a body by what it holds.", body: anyObject, answer: z.unknown(), streamType: events },
  "POST /api/generate": {
    summary: "Continues a text.",
    body: ollamaGenerateRequest,
    answer: anyObject,
    streamType: "application/x-ndjson",
  },
  "POST /api/chat": { summary: "Answers a conversation.", body: ollamaChatRequest, answer: anyObject, streamType: "application/x-ndjson" },
  "POST /api/embed": { summary: "Gives the vectors of texts.", body: ollamaEmbedRequest, answer: anyObject },
  "POST /api/embeddings": { summary: "Gives the vector of a text.", body: named.extend({ prompt: text }), answer: anyObject },
  "GET /api/tags": { summary: "Lists models.", answer: z.looseObject({ models: z.array(anyObject) }) },
  "GET /api/ps": { summary: "Lists loaded models.", answer: z.looseObject({ models: z.array(anyObject) }) },
  "POST /api/show": { summary: "Describes a model.", body: named, answer: anyObject },
  "GET /api/version": { summary: "Gives the version of the server.", answer: wireForms.version },
  "POST /completion": { summary: "Continues a text.", body: nativeCompletionRequest, answer: nativeAnswer, streamType: events },
  "POST /completions": {
    summary: "Continues texts: OpenAI's form where a model is named, else llama.cpp's.",
    body: z.union([completionsRequest, nativeCompletionRequest]),
    answer: z.union([wireForms.completion, nativeAnswer]),
    error: eitherRefusal,
    streamType: events,
  },
  "POST /infill": {
    summary: "Writes the text between a prefix and a suffix.",
    body: infillRequest,
    answer: nativeAnswer,
    streamType: events,
  },
  "POST /embedding": { summary: "Gives the vectors of texts.", body: nativeEmbeddingRequest, answer: z.array(anyObject) },
  "POST /embeddings": {
    summary: "Gives the vectors of texts: OpenAI's form where a model is named, else llama.cpp's.",
    body: z.union([embeddingsRequest, nativeEmbeddingRequest]),
    answer: z.union([wireForms.embeddings, z.array(anyObject)]),
    error: eitherRefusal,
  },
  "POST /apply-template": {
    summary: "Gives the prompt of a conversation.",
    body: applyTemplateRequest,
    answer: z.object({ prompt: text }),
  },
  "GET /props": { summary: "Says what is served and its defaults.", answer: anyObject, query: ofModel },
  "POST /props": { summary: "Is refused: nothing can be set.", answer: anyObject },
  "GET /slots": { summary: "Lists the sequences that may run, and which do.", answer: z.array(anyObject), query: ofModel },
  "POST /slots/:slot": { summary: "Is refused: prompts are kept and found by themselves.", answer: anyObject },
  "GET /lora-adapters": { summary: "Lists adapters by their numbers.", answer: z.array(anyObject), query: ofModel },
  "POST /lora-adapters": {
    summary: "Sets which adapter answers requests that name none.",
    body: loraScales,
    answer: z.object({ success: z.literal(true) }),
  },
  "POST /v1/responses/:id/cancel": { summary: "Is refused unless a response runs in the background.", answer: wireForms.response },
  "GET /tokenizer_info": { summary: "Describes the tokenizer of a model.", answer: anyObject, query: ofModel },
  ...tritonRoutes(),
  ...Object.fromEntries(
    ["POST /api/pull", "DELETE /api/delete", "POST /api/create", "POST /api/copy", "POST /api/push"].map(key => [
      key,
      { summary: "Manages models as far as the server can.", body: z.looseObject({ model: text.optional() }), answer: anyObject },
    ]),
  ),
  "POST /api/blobs/:digest": { summary: "Is refused: models come from the registry.", answer: anyObject },
  ...ofVersions("GET", "/config", { summary: "Gives the configuration of a model in Triton's form.", answer: anyObject }),
  ...ofVersions("GET", "/stats", { summary: "Gives the statistics of a model in Triton's form.", answer: anyObject }),
  ...ofVersions("GET", "", { summary: "Describes a model.", answer: anyObject }),
  ...ofVersions("GET", "/ready", { summary: "Says whether a model is ready.", answer: anyObject }),
  ...ofVersions("GET", "/config", { summary: "Gives the configuration of a model.", answer: anyObject }),
  ...ofVersions("GET", "/stats", { summary: "Counts what a model has done.", answer: anyObject }),
  ...ofVersions("GET", "/trace/setting", { summary: "Gives the trace settings: off.", answer: anyObject }),
  ...ofVersions("POST", "/trace/setting", { summary: "Is refused: nothing can be set.", body: anyObject, answer: anyObject }),
  ...ofVersions("POST", "/infer", { summary: "Runs a model on tensors.", body: inferRequest, answer: anyObject }),
  ...ofVersions("POST", "/generate", { summary: "Continues a text.", body: generateRequest, answer: anyObject }),
  ...ofVersions("POST", "/generate_stream", {
    summary: "Continues a text in pieces.",
    body: generateRequest,
    answer: z.unknown(),
    contentType: events,
  }),
};

/** Triton's extensions: what is loaded, and the shared memory, traces and logs of clients that ask for them. */
function tritonRoutes(): Record<string, RouteDescription> {
  const settings = ["trace/setting", "models/:model/trace/setting", "models/:model/versions/:version/trace/setting", "logging"];
  const memory = ["systemsharedmemory", "cudasharedmemory"];
  const row = (summary: string, body?: z.ZodType): RouteDescription => ({ summary, answer: z.unknown(), ...(body ? { body } : {}) });
  const entries: (readonly [string, RouteDescription])[] = [
    ["GET /v2/models/stats", row("Gives the statistics of all models in Triton's form.")],
    ["POST /v2/repository/index", row("Lists models and their states.", repositoryIndexRequest)],
    ["POST /v2/repository/models/:model/load", row("Loads a model.", repositoryModelRequest)],
    ["POST /v2/repository/models/:model/unload", row("Unloads a model.", repositoryModelRequest)],
    ...settings.flatMap(path => [
      [`GET /v2/${path}`, row("Gives settings of traces or logs.")] as const,
      [`POST /v2/${path}`, row("Is refused: settings are the server's own.", anyObject)] as const,
    ]),
    ...memory.flatMap(path => [
      [`GET /v2/${path}/status`, row("Lists registered regions: none.")] as const,
      [`GET /v2/${path}/region/:region/status`, row("Lists a registered region: none.")] as const,
      [`POST /v2/${path}/region/:region/register`, row("Is refused: memory is not shared.", anyObject)] as const,
      [`POST /v2/${path}/region/:region/unregister`, row("Unregisters a region.", anyObject)] as const,
      [`POST /v2/${path}/unregister`, row("Unregisters all regions.", anyObject)] as const,
    ]),
  ];
  return Object.fromEntries(entries);
}

/** The Open Inference Protocol has each address with and without a version. */
function ofVersions(method: string, rest: string, row: RouteDescription): Record<string, RouteDescription> {
  return { [`${method} /v2/models/:model${rest}`]: row, [`${method} /v2/models/:model/versions/:version${rest}`]: row };
}

/** Of Triton's extension there are the addresses, and no region. */
function ofSharedMemory(kind: "system" | "cuda"): Record<string, RouteDescription> {
  const path = `/v2/${kind}sharedmemory`;
  const refused: RouteDescription = { summary: "Is refused: shared memory is not supported.", body: anyObject, answer: anyObject };
  return {
    [`GET ${path}/status`]: { summary: "Lists regions of shared memory: none.", answer: z.array(anyObject) },
    [`GET ${path}/region/:region/status`]: { summary: "Is refused: shared memory is not supported.", answer: anyObject },
    [`POST ${path}/region/:region/register`]: refused,
    [`POST ${path}/region/:region/unregister`]: refused,
    [`POST ${path}/unregister`]: { summary: "Forgets all regions, of which there are none.", body: anyObject, answer: anyObject },
  };
}

/** Anthropic's body is put into a chat's words, whose schema then reads it. */
function anthropicBody() {
  return z.looseObject({
    model: text,
    messages: z.array(z.looseObject({ role: z.enum(["user", "assistant"]), content: z.unknown() })),
    max_tokens: z.int().min(1).optional(),
  });
}
