/** Embeddings in OpenAI's words: what of a request can be put elsewhere, and vectors as its clients read them. */
import { endianness } from "node:os";
import { ProtocolFault } from "../protocol-fault.ts";
import type { TranslationRequest } from "../translation.ts";
import type { Row } from "../values.ts";

/** Texts to embed. Errors: ProtocolFault `untranslated` for token ids, ProtocolFault `parameter`. */
export function textsOf({ input }: Row): string[] {
  const list: unknown[] = Array.isArray(input) ? input : [input];
  if (list.some(x => typeof x === "number" || Array.isArray(x))) throw ProtocolFault.untranslated("input", "token ids", "Send texts.");
  if (list.length === 0 || !list.every(x => typeof x === "string"))
    throw ProtocolFault.parameter("input", "a text, or a list of texts", input);
  return list as string[];
}

/** Little-endian float32 in base64: what OpenAI's clients ask for when they are told nothing. */
export function base64Vector(vector: ArrayLike<number>): string {
  const floats = Float32Array.from(vector);
  const bytes = Buffer.from(floats.buffer);
  return (endianness() === "LE" ? bytes : bytes.swap32()).toString("base64");
}

/** Errors: ProtocolFault `malformed` where there are not as many vectors of numbers as texts. */
export function embeddingsOf({ body, model }: TranslationRequest, vectors: unknown, tokens: number): Row {
  const count = textsOf(body).length;
  const isVector = (v: unknown): v is number[] => Array.isArray(v) && v.every(x => typeof x === "number");
  if (!Array.isArray(vectors) || vectors.length !== count || !vectors.every(isVector))
    throw ProtocolFault.malformed(`an answer that is not ${count} vectors of numbers`);
  const isPacked = body.encoding_format === "base64";
  return {
    object: "list",
    data: vectors.map((v: number[], index) => ({ object: "embedding", index, embedding: isPacked ? base64Vector(v) : v })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}
