/** Bounds of what one request may hold, each with its reason. */

export const requestBounds = {
  /** OpenAI: up to 4 stop strings. */
  stops: 4,
  /** Characters of a stop string: all of it may have to be held back from a stream. */
  stopCharacters: 512,
  /** OpenAI: n up to 128; also the number of answers (prompts times n) to one request. */
  answers: 128,
  /** Messages of one chat; a context of 128,000 tokens holds fewer than this many turns of 30 tokens. */
  messages: 4096,
  /** OpenAI: up to 20 most likely tokens a place; 5 in the older completions. */
  topLogprobs: 20,
  completionLogprobs: 5,
  /** A tenant's name or a digest of it. */
  cacheSaltCharacters: 256,
  /** OpenAI: completions of which the best are answered. */
  bestOf: 20,
  /** OpenAI: texts of one embeddings request. */
  embeddingTexts: 2048,
  /** Documents of one rerank request. */
  rerankDocuments: 1000,
  /** A chat template that a request brings: the longest known ones have 20,000 characters. */
  chatTemplateCharacters: 65_536,
  /** OpenAI: functions of one request. */
  tools: 128,
} as const;
