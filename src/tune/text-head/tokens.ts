/** Texts as tokens, as a model with a head reads them. */
import type { Tokenizer } from "../../text/index.ts";
import { headTokens } from "./batches.ts";
import type { HeadTexts } from "./fit.ts";

/** The event loop has its turn between texts. */
export async function headTexts(
  tokenizer: Pick<Tokenizer, "encode">,
  texts: readonly { readonly id: string; readonly text: string }[],
  longest: number,
  signal?: AbortSignal,
): Promise<HeadTexts> {
  const tokens: Uint32Array[] = [];
  for (const [i, { text }] of texts.entries()) {
    if (i % 500 === 0) {
      signal?.throwIfAborted();
      await new Promise(resolve => setImmediate(resolve));
    }
    tokens.push(Uint32Array.from(headTokens(tokenizer, text, longest)));
  }
  return { ids: texts.map(t => t.id), tokens };
}
