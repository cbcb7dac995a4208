/** POST /api/generate, /api/chat, /api/embed, /api/embeddings. Read beside: Ollama's `docs/api.md` and its Python client. */
import { always, done, type FieldTable, harmless, notEmpty, type RequestFields, refused, unless } from "./field.ts";

const loading = "It says how a model is loaded; the server's own settings count.";
const options: FieldTable = {
  num_predict: done("ollama"),
  temperature: done("ollama"),
  top_k: done("ollama"),
  top_p: done("ollama"),
  min_p: done("ollama"),
  repeat_penalty: done("ollama"),
  presence_penalty: done("ollama"),
  frequency_penalty: done("ollama"),
  seed: done("ollama"),
  stop: done("ollama"),
  typical_p: done("ollama"),
  tfs_z: refused("ollama", unless(1), "Use min_p."),
  mirostat: done("ollama"),
  mirostat_tau: done("ollama"),
  mirostat_eta: done("ollama"),
  repeat_last_n: done("ollama"),
  penalize_newline: refused("ollama", unless(true), "Leave it out: line ends are penalised as other tokens are."),
  num_keep: harmless("ollama", "A context is not shifted: it ends the response when it is full."),
  ...Object.fromEntries(
    [
      ...["numa", "num_ctx", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mmap", "use_mlock"],
      ...["embedding_only", "num_thread"],
    ].map(name => [name, harmless("ollama", loading)]),
  ),
};

const common: FieldTable = {
  model: done("ollama"),
  keep_alive: done("ollama"),
};
const embedded: FieldTable = { ...common, options: harmless("ollama", "Nothing is drawn, and the server says how its models are loaded.") };
const generated: FieldTable = {
  ...common,
  options: done("ollama", options),
  stream: done("ollama"),
  format: done("ollama"),
  think: done("ollama"),
  logprobs: done("ollama"),
  top_logprobs: done("ollama"),
  truncate: harmless("ollama", "A prompt that is too long is refused."),
  shift: harmless("ollama", "A context is not shifted: it ends the response when it is full."),
};

export const ollamaGenerateFields: RequestFields = {
  request: "POST /api/generate",
  fields: {
    ...generated,
    prompt: done("ollama"),
    system: done("ollama"),
    raw: done("ollama"),
    images: refused("ollama", notEmpty, "Only text is read."),
    suffix: done("ollama"),
    template: refused("ollama", notEmpty, "Use raw, and write the prompt as the model reads it."),
    context: done("ollama"),
    width: refused("ollama", always, "Only text is answered."),
    height: refused("ollama", always, "Only text is answered."),
    steps: refused("ollama", always, "Only text is answered."),
  },
};

export const ollamaChatFields: RequestFields = {
  request: "POST /api/chat",
  fields: { ...generated, messages: done("ollama"), tools: done("ollama") },
};

export const ollamaEmbedFields: RequestFields = {
  request: "POST /api/embed",
  fields: { ...embedded, input: done("ollama"), truncate: done("ollama"), dimensions: done("ollama") },
};

export const ollamaEmbeddingsFields: RequestFields = {
  request: "POST /api/embeddings",
  fields: { ...embedded, prompt: done("ollama") },
};
