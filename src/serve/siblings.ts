/** Which answers belong to one prompt of one request: its `n`. */
import type { GenerationRequest } from "./generation.ts";

/** The same object for all answers to one prompt. */
export interface Siblings {
  readonly count: number;
}

/** Those of each request: answers to one prompt share its tokens' very list. */
export function siblingsOf(requests: readonly GenerationRequest[]): Siblings[] {
  const counts = new Map<readonly number[], number>();
  for (const { tokens } of requests) counts.set(tokens, (counts.get(tokens) ?? 0) + 1);
  const made = new Map([...counts].map(([tokens, count]) => [tokens, { count }]));
  return requests.map(({ tokens }) => made.get(tokens)!);
}
