/** Addresses that an operator may turn off: what tells of requests, or of the server, to whoever reaches it. */

/** `console`: the page, its API under /api and its login. `metrics`: /metrics. `sequences`: llama.cpp's /slots. */
export const optionalEndpoints = ["console", "metrics", "sequences"] as const;
export type OptionalEndpoint = (typeof optionalEndpoints)[number];
