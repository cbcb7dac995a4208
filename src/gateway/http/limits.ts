/** Bounds on what comes from outside, each with its reason. */

export const gatewayBounds = {
  /** A body's bytes: a prompt of a million tokens is about 4 MB, pictures in a message as much again each. */
  bodyBytes: 32 * 1024 * 1024,
  /** Nesting of a body; a tool's schema inside a message has about 20 levels. */
  jsonDepth: 64,
  /** Milliseconds in which headers and body must have come (slowloris): 32 MiB at 5 Mbit/s take 54 s. */
  requestMs: 60_000,
  /** Longer than clients keep idle connections by themselves (undici 4 s, httpx 5 s), so that none sends into one that is closing. */
  handOverIdleMs: 10_000,
  /** Milliseconds for a TLS handshake. */
  handshakeMs: 10_000,
  headerBytes: 16 * 1024,
  headerCount: 100,
  /** Longer than the idle time of common balancers (60 s), so that the balancer closes first. */
  keepAliveMs: 75_000,
  /** A client's own request id that is taken over. */
  requestIdCharacters: 128,
  /** A model's name. */
  modelCharacters: 256,
  /** Bytes of an answer that is not a stream: 2,048 embeddings of 3,072 numbers as text are about 70 MB. */
  answerBytes: 128 * 1024 * 1024,
  /** Bytes of an upstream's error that are read. */
  errorBytes: 64 * 1024,
  /** Bytes of one event of a stream. */
  eventBytes: 4 * 1024 * 1024,
  /** Characters of the prompt's beginning by which prompts are told apart for prefix affinity: about 256 tokens. */
  prefixCharacters: 1024,
  /** Requests under way at once; at 100 KiB each that is 1 GiB. */
  inFlight: 10_000,
} as const;
