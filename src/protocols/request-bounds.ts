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
  /** OpenAI: up to 20 most likely tokens a place. */
  topLogprobs: 20,
  /** llama.cpp's `n_probs`: its own clients show at most 50. */
  nativeProbabilities: 100,
  /** OpenAI: -100 to 100 are as good as a ban and as the only token. */
  bias: 100,
  /** Of a request: each is added at every token. */
  biases: 1024,
  /** Bad words, and the characters of one or of a sequence breaker. */
  words: 256,
  wordCharacters: 256,
  breakers: 64,
  /** As many as large vocabularies have. */
  allowedTokens: 2 ** 20,
  /** vLLM: tokens whose log-probabilities are asked for by id. */
  likelihoodTokens: 128,
  /** Contexts are shorter. */
  lastTokens: 2 ** 24,
  /** A tenant's name or a digest of it. */
  cacheSaltCharacters: 256,
  /** OpenAI: completions of which the best are answered. */
  bestOf: 20,
  /** OpenAI: texts of one embeddings request. */
  embeddingTexts: 2048,
  /** Documents of one rerank request. */
  rerankDocuments: 1000,
  /** Ollama's conversation as tokens: the longest contexts of the common models have a million. */
  contextTokens: 2 ** 20,
  /** A chat template that a request brings: the longest known ones have 20,000 characters. */
  chatTemplateCharacters: 65_536,
  /** OpenAI: functions of one request. */
  tools: 128,
} as const;
