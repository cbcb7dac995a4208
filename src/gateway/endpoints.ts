/** What endpoints are called in policies and scopes. */
export const endpoints = [
  "chat",
  "completions",
  "responses",
  "embeddings",
  "messages",
  "models",
  "moderations",
  "rerank",
  "files",
  "batches",
  "fine-tuning",
  "other",
  "admin",
] as const;
export type Endpoint = (typeof endpoints)[number];
