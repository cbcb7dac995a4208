/** Limits on what comes from outside and on what is kept for it, each with its reason. */
import { requestBounds } from "../protocols/index.ts";

export const limits = {
  ...requestBounds,
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
  /** Characters of prompt for each token of context. No token of the common vocabularies is longer, so a longer prompt cannot fit. */
  charactersPerToken: 128,
  /** Of a scored text more may be told: whoever learns from a model wants most of its distribution. */
  scoreLogprobs: 1024,
  /** And so many of all tokens of a request, where a place has more than 20: about 64 MiB. */
  scoredOutcomes: 2 ** 20,
  /** The same of chats, completions and responses, where the operator lets requests ask for more than 20: about 150 MB of JSON. */
  toldOutcomes: 2 ** 21,
  /** A client's own request id that is echoed. */
  requestIdCharacters: 128,
  /** Sequences that may wait for a slot. At 20 answers a second the last one waits 13 s. */
  queueSequences: 256,
  /** Prompt tokens that may wait, as a multiple of what all slots hold: bounds the wait by work and not by number alone. */
  queueTokensPerSlotRoom: 16,
  /** OpenAI: tokens of all texts of one embeddings request. */
  embeddingTokens: 300_000,
  /** Elements of all token vectors of one answer, where a model is served without pooling: about 90 MB of JSON. */
  tokenVectorElements: 2 ** 22,
  /** Texts that may wait to be embedded: four of the largest requests. At 500 texts a second the last one waits 16 s. */
  queueTexts: 8192,
  /** Of descriptions and schemas of the functions of one request, which all go into the prompt. */
  toolCharacters: 512 * 1024,
  /** Steps of a chat template that a request brings: a tenth of what the operator's own may take, some tenths of a second. */
  requestTemplateSteps: 100_000,
  /** JSON of the variables that a request gives to a template. */
  templateVariableCharacters: 64 * 1024,
  /** Responses kept of one owner for conversations that go on, and the characters of their JSON together. */
  storedResponses: 1000,
  storedResponseCharacters: 64 * 1024 * 1024,
  /** Characters of all owners' together, since they are in memory; beyond it the owner with most loses the oldest. */
  allResponseCharacters: 256 * 1024 * 1024,
  /** An uploaded file's bytes. OpenAI takes 200 MB for a batch; here a form is held in memory while it is read. */
  fileBytes: 64 * 1024 * 1024,
  /** Files kept of one owner, and their bytes together. */
  files: 1000,
  storedBytes: 1024 * 1024 * 1024,
  /** Batches of one owner that are not over, and those kept to be looked at. */
  openBatches: 100,
  keptBatches: 1000,
  /** OpenAI: requests of one batch. */
  batchLines: 50_000,
  /** Requests of a batch under way at once; free slots bound them too. */
  batchConcurrency: 16,
  /** Events that wait for a slow client; beyond it the sequence pauses in its slot. About 64 KiB of stream. */
  bufferedEvents: 256,
  /** A paused sequence gives its slot up after this time. */
  stalledMs: 30_000,
  /** A request waits so long for a model that sleeps: below the time-outs of most clients and gateways. */
  wakeMs: 60_000,
  /** Copies for shadows under way at once; further ones are left out, so that a slow shadow costs no memory. */
  shadowRequests: 64,
  /** Attributions of one model that run or wait; they run one at a time, some seconds to a minute each. */
  attributions: 4,
  /** Tokens of prompt and answer of one: attention's gradient takes memory by the square of them (12 heads, 1,024 tokens: 48 MiB a block). */
  attributionTokens: 1024,
  /** Tokens of an answer that are attributed by themselves. */
  attributionTargets: 64,
  attributionSteps: 512,
  /** Parts of a text that occlusion takes away by themselves; more words than these are taken away several at once. */
  attributionUnits: 256,
  /** Steps x targets x tokens: what one request may compute. At 1,000 tokens a second forwards and backwards, four minutes. */
  attributionWork: 262_144,
  /** Comment lines keep idle streams open: gateways close after 30 s (AWS) to 230 s (Azure). */
  heartbeatMs: 15_000,
  /** Event streams of the console that are open at once: one a browser profile, so a team. Each is a socket and some hundred bytes. */
  changeStreams: 64,
  /** A stream of changes ends after this time; its page opens another, for which access is checked again. */
  changeStreamMs: 600_000,
  /** Between looks at what has changed, while a page is open. */
  changesEveryMs: 1_000,
} as const;
