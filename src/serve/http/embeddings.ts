/** POST /v1/embeddings and /v1/rerank: texts to vectors, and documents in the order of their likeness to a query. */
import type { z } from "zod";
import { base64Vector, embeddingsRequest, requestFields, rerankRequest } from "../../protocols/index.ts";
import { embedTexts } from "./embed-texts.ts";
import { type AppContext, newId, type Services } from "./exchange.ts";
import { parseBody } from "./parse.ts";
import { checkedBody } from "./request-fields.ts";

type Input = z.output<typeof embeddingsRequest>["input"];
const inputsOf = (input: Input): (string | number[])[] =>
  typeof input === "string" ? [input] : typeof input[0] === "number" ? [input as number[]] : (input as (string | number[])[]);

export async function embeddings(c: AppContext, { engines }: Services): Promise<Response> {
  const body = parseBody(embeddingsRequest, await checkedBody(c, requestFields.embeddings));
  const engine = engines.findEncoder(body.model);
  c.var.exchange.engine = engine;
  const { vectors, tokens: count } = await embedTexts({
    engine,
    inputs: inputsOf(body.input),
    truncate: body.truncate ?? false,
    signal: c.req.raw.signal,
    dimensions: body.dimensions ?? undefined,
  });
  c.var.exchange.inputTokens = count;
  const shown = body.encoding_format === "base64" ? base64Vector : (v: Float32Array) => Array.from(v);
  return c.json({
    object: "list",
    data: vectors.map((v, index) => ({ object: "embedding", index, embedding: shown(v) })),
    model: body.model,
    system_fingerprint: engine.fingerprint,
    usage: { prompt_tokens: count, total_tokens: count },
  });
}

/** The score is the cosine of query and document: an encoder's, not a cross-encoder's. */
export async function rerank(c: AppContext, { engines }: Services): Promise<Response> {
  const body = parseBody(rerankRequest, await checkedBody(c, requestFields.rerank));
  const engine = engines.findEncoder(body.model);
  c.var.exchange.engine = engine;
  const documents = body.documents.map(d => (typeof d === "string" ? d : d.text));
  const { vectors, tokens: count } = await embedTexts({
    engine,
    inputs: [body.query, ...documents],
    truncate: body.truncate ?? true,
    signal: c.req.raw.signal,
  });
  c.var.exchange.inputTokens = count;
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const [query, ...rest] = vectors as [Float32Array, ...Float32Array[]];
  const cosine = (v: Float32Array) => dot(query, v) / (Math.sqrt(dot(query, query) * dot(v, v)) || 1);
  const results = rest
    .map((v, index) => ({
      index,
      relevance_score: cosine(v),
      ...(body.return_documents ? { document: { text: documents[index]! } } : {}),
    }))
    .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
    .slice(0, body.top_n ?? rest.length);
  return c.json({ id: newId("rerank"), model: body.model, results, usage: { prompt_tokens: count, total_tokens: count } });
}
