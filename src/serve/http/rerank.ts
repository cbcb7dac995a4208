/**
 * POST /v1/rerank and vLLM's /score: documents in the order of their likeness to a query, and the likeness of pairs. The score is the cosine of two
 * vectors: an encoder's, not a cross-encoder's. A body with `texts` is Text Embeddings Inference's (TEI), and answered with its list.
 */
import { compareRequest, type Row, requestFields, rerankRequest, teiRerankRequest } from "../../protocols/index.ts";
import type { EmbeddingEngine } from "../embedding/embedding-engine.ts";
import type { TextCut } from "../embedding/text-tokens.ts";
import { serveErrors } from "../errors.ts";
import { embedTexts, truncationOf } from "./embed-texts.ts";
import { type AppContext, bodyOf, newId, type Services } from "./exchange.ts";
import { withOnlyModel } from "./only-model.ts";
import { parseBody } from "./parse.ts";
import { checkedBody, checkFields } from "./request-fields.ts";

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / (Math.sqrt(dot(a, a) * dot(b, b)) || 1);

interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** Documents by their likeness to the query, the likest first. */
async function ranked(
  c: AppContext,
  engine: EmbeddingEngine,
  {
    query,
    documents,
    truncate,
    cutsQuery = true,
    top,
  }: { query: string; documents: readonly string[]; truncate: boolean | TextCut; cutsQuery?: boolean; top: number | undefined },
): Promise<{ readonly results: readonly Ranked[]; readonly tokens: number }> {
  c.var.exchange.engine = engine;
  const { vectors, tokens } = await embedTexts({
    engine,
    inputs: [query, ...documents],
    truncate,
    uncut: cutsQuery ? 0 : 1,
    signal: c.req.raw.signal,
  });
  c.var.exchange.inputTokens = tokens;
  const [asked, ...rest] = vectors as [Float32Array, ...Float32Array[]];
  const results = rest
    .map((v, index) => ({ index, score: cosine(asked, v) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, top ?? rest.length);
  return { results, tokens };
}

/** TEI's form. Its scores are from 0 to 1 unless raw ones are asked for: here (1 + cosine) / 2, which keeps their order. */
async function teiRerank(c: AppContext, { engines }: Services, raw: Row): Promise<Response> {
  const {
    model,
    query,
    texts,
    raw_scores,
    return_text,
    truncate,
    truncation_direction: direction,
    top_n,
  } = parseBody(teiRerankRequest, withOnlyModel(raw, engines));
  const engine = engines.findEncoder(model);
  const side = direction?.toLowerCase() === "left" ? "left" : "right";
  const cut = truncate ? { most: engine.model.longest, side: side as TextCut["side"] } : false;
  const { results } = await ranked(c, engine, { query, documents: texts, truncate: cut, top: top_n ?? undefined });
  return c.json(
    results.map(({ index, score }) => ({
      index,
      ...(return_text ? { text: texts[index]! } : {}),
      score: raw_scores ? score : (1 + score) / 2,
    })),
  );
}

/** `returnsDocuments`: where the body does not say, as Cohere's second version has it (no) or Jina and vLLM (yes). */
const rerankWith =
  (returnsDocuments: boolean) =>
  async (c: AppContext, services: Services): Promise<Response> => {
    const raw = await bodyOf(c);
    const isTei = raw.texts !== undefined && raw.documents === undefined;
    checkFields(c.var.exchange, isTei ? requestFields.teiRerank : requestFields.rerank, raw);
    if (isTei) return teiRerank(c, services, raw);
    const body = parseBody(rerankRequest, withOnlyModel(raw, services.engines));
    const engine = services.engines.findEncoder(body.model);
    const documents = body.documents.map(d => (typeof d === "string" ? d : d.text));
    const truncate = truncationOf(engine, body, true);
    // the start of a document tells what it is about; of half a question every score would be wrong
    const cutsQuery = body.truncate != null || body.truncate_prompt_tokens != null;
    const top = body.top_n ?? undefined;
    const { results, tokens } = await ranked(c, engine, { query: body.query, documents, truncate, cutsQuery, top });
    return c.json({
      id: newId("rerank"),
      model: body.model,
      results: results.map(({ index, score }) => ({
        index,
        relevance_score: score,
        ...((body.return_documents ?? returnsDocuments) ? { document: { text: documents[index]! } } : {}),
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    });
  };
export const rerank = rerankWith(true);
export const cohereRerank = rerankWith(false);

/** The names of the two sides, as vLLM takes them. */
const sides = [
  ["queries", "documents"],
  ["queries", "items"],
  ["text_1", "text_2"],
  ["data_1", "data_2"],
] as const;
/** A body that compares texts; others of /v1/score say how likely a text is. */
export const compares = (body: Readonly<Record<string, unknown>>): boolean => sides.flat().some(name => body[name] !== undefined);

const listOf = (side: string | readonly string[]): readonly string[] => (typeof side === "string" ? [side] : side);

/** One text beside each of many, or pairs. Errors: serve/parameter where the sides do not fit, those of `embedTexts`. */
export async function compareTexts(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(compareRequest, withOnlyModel(await checkedBody(c, requestFields.compare), services.engines));
  const names = sides.find(([first, second]) => body[first] != null && body[second] != null);
  if (!names)
    throw serveErrors.fail("missing", { place: "documents", message: "two sides are needed: queries and documents, or text_1 and text_2" });
  const [first, second] = names.map(name => listOf(body[name]!)) as [readonly string[], readonly string[]];
  if (first.length !== 1 && first.length !== second.length)
    throw serveErrors.fail("parameter", {
      place: names[1],
      expected: `as many texts as ${names[0]} (${first.length}), or one text in ${names[0]}`,
      received: String(second.length),
    });
  const engine = services.engines.findEncoder(body.model);
  c.var.exchange.engine = engine;
  const { vectors, tokens } = await embedTexts({
    engine,
    inputs: [...first, ...second],
    truncate: truncationOf(engine, body, false),
    signal: c.req.raw.signal,
  });
  c.var.exchange.inputTokens = tokens;
  return c.json({
    id: newId("score"),
    object: "list",
    created: services.created(),
    model: body.model,
    data: second.map((_, index) => ({
      index,
      object: "score",
      score: cosine(vectors[first.length === 1 ? 0 : index]!, vectors[first.length + index]!),
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}
