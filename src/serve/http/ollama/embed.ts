/** /api/embed and the older /api/embeddings. A request without a text loads the model, as Ollama has it. */
import { ollamaEmbeddingsRequest, ollamaEmbedRequest, requestFields } from "../../../protocols/index.ts";
import { embedTexts } from "../embed-texts.ts";
import type { AppContext, Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { nanoseconds } from "./answer.ts";
import { findOllama } from "./names.ts";

function encoderOf(c: AppContext, { engines }: Services, name: string) {
  const engine = engines.findEncoder(findOllama(engines, name).model.id);
  c.var.exchange.engine = engine;
  return engine;
}

export async function ollamaEmbed(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaEmbedRequest, await checkedBody(c, requestFields.ollamaEmbed));
  const engine = encoderOf(c, services, body.model);
  const { loadMs = 0 } = c.var.exchange;
  const startMs = services.clock.monotonic();
  const inputs = typeof body.input === "string" ? [body.input].filter(text => text !== "") : (body.input ?? []);
  const { vectors, tokens } =
    inputs.length === 0
      ? { vectors: [], tokens: 0 }
      : await embedTexts({
          engine,
          inputs,
          truncate: body.truncate ?? true,
          signal: c.req.raw.signal,
          dimensions: body.dimensions ?? undefined,
        });
  c.var.exchange.inputTokens = tokens;
  return c.json({
    model: body.model,
    embeddings: vectors.map(v => Array.from(v)),
    total_duration: nanoseconds(loadMs + services.clock.monotonic() - startMs),
    load_duration: nanoseconds(loadMs),
    prompt_eval_count: tokens,
  });
}

export async function ollamaEmbeddings(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(ollamaEmbeddingsRequest, await checkedBody(c, requestFields.ollamaEmbeddings));
  const engine = encoderOf(c, services, body.model);
  if (!body.prompt) return c.json({ embedding: [] });
  const { vectors } = await embedTexts({ engine, inputs: [body.prompt], truncate: true, signal: c.req.raw.signal });
  return c.json({ embedding: Array.from(vectors[0]!) });
}
