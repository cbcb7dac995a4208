/** Limits on what comes from outside and on what is kept for it, each with its reason. */

export const limits = {
  /** A body's bytes. A prompt of 128,000 tokens is about 0.6 MB of text, up to six times that when JSON escapes every character. */
  bodyBytes: 4 * 1024 * 1024,
  /** Nesting of a JSON body. The deepest legal request (a tool's schema inside a message) has about 20 levels. */
  jsonDepth: 64,
  /** Milliseconds until a request's headers and body must have arrived: 4 MiB at 1 Mbit/s take 32 s. */
  requestMs: 60_000,
  headerBytes: 16 * 1024,
  /** The official clients send about 20 headers, proxies add a dozen. */
  headerCount: 100,
  /** Longer than the idle time of common balancers (60 s), so that the balancer closes first and no request meets a closed socket. */
  keepAliveMs: 75_000,
  /** OpenAI: up to 4 stop strings. */
  stops: 4,
  /** Characters of a stop string: all of it may have to be held back from a stream. */
  stopCharacters: 512,
  /** OpenAI: n up to 128; also the number of answers (prompts times n) to one request. */
  answers: 128,
  /** Messages of one chat; a context of 128,000 tokens holds fewer than this many turns of 30 tokens. */
  messages: 4096,
  /** Characters of prompt for each token of context. No token of the common vocabularies is longer, so a longer prompt cannot fit. */
  charactersPerToken: 128,
  /** OpenAI: up to 20 most likely tokens a place; 5 in the older completions. */
  topLogprobs: 20,
  completionLogprobs: 5,
  /** A client's own request id that is echoed. */
  requestIdCharacters: 128,
  /** Sequences that may wait for a slot. At 20 answers a second the last one waits 13 s. */
  queueSequences: 256,
  /** Prompt tokens that may wait, as a multiple of what all slots hold: bounds the wait by work and not by number alone. */
  queueTokensPerSlotRoom: 16,
  /** Events that wait for a slow client; beyond it the sequence pauses in its slot. About 64 KiB of stream. */
  bufferedEvents: 256,
  /** A paused sequence gives its slot up after this time. */
  stalledMs: 30_000,
  /** Comment lines keep idle streams open: gateways close after 30 s (AWS) to 230 s (Azure). */
  heartbeatMs: 15_000,
} as const;
