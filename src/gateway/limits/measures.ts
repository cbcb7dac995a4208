/** What limits count. */
export const measures = ["requests", "inputTokens", "outputTokens", "tokens", "concurrency", "bytes", "cost"] as const;
export type Measure = (typeof measures)[number];
