/** Speed of one answer as the page sees it: wait for the first token, then tokens a second between the first and the last. */

export interface Measure {
  readonly startMs: number;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  /** Pieces of text received; the server's count of tokens replaces it when it comes. */
  readonly pieces: number;
  readonly tokens: number | null;
  readonly promptTokens: number | null;
}

export const measureFrom = (startMs: number): Measure => ({
  startMs,
  firstMs: null,
  lastMs: null,
  pieces: 0,
  tokens: null,
  promptTokens: null,
});

export const withPiece = (m: Measure, nowMs: number): Measure => ({
  ...m,
  firstMs: m.firstMs ?? nowMs,
  lastMs: nowMs,
  pieces: m.pieces + 1,
});

export const withUsage = (m: Measure, tokens: number, promptTokens: number): Measure => ({ ...m, tokens, promptTokens });

export const tokensOf = (m: Measure): number => m.tokens ?? m.pieces;

export const firstTokenMs = (m: Measure): number | null => (m.firstMs === null ? null : m.firstMs - m.startMs);

/** Decoding speed: the first token is the prompt's work and is left out. Null with fewer than two tokens, or all at once. */
export function tokensPerSecond(m: Measure): number | null {
  if (m.firstMs === null || m.lastMs === null || m.lastMs <= m.firstMs || tokensOf(m) < 2) return null;
  return (tokensOf(m) - 1) / ((m.lastMs - m.firstMs) / 1000);
}
