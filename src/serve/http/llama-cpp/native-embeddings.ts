/** POST /embedding of llama.cpp: texts to vectors, as a list with a list of one vector each; of a model without pooling one a token. */
import { type NativePrompt, nativeEmbeddingRequest, requestFields } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { embedTexts } from "../embed-texts.ts";
import type { AppContext, Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { nativeEncoder } from "./native-model.ts";
import { isPromptList, mixedTokens } from "./native-prompts.ts";

/** A text stays one, since the encoder's own tokens stand around it; what has token ids is taken as it is. */
function inputsOf(prompt: NativePrompt, encode: (mixed: readonly (string | number)[]) => number[]): (string | readonly number[])[] {
  const all = isPromptList(prompt) ? (prompt as readonly NativePrompt[]) : [prompt];
  return all.map(one => {
    if (typeof one === "string") return one;
    if (Array.isArray(one)) return encode(one as (string | number)[]);
    const { prompt_string: text, multimodal_data: data } = one as {
      prompt_string: string | (string | number)[];
      multimodal_data?: unknown;
    };
    if (data != null)
      throw serveErrors.fail("unsupported", { place: "content.multimodal_data", message: "the served model reads text only" });
    return typeof text === "string" ? text : encode(text);
  });
}

const vectorRows = (vectors: Float32Array, length: number): number[][] =>
  Array.from({ length: vectors.length / length }, (_, row) => Array.from(vectors.subarray(row * length, (row + 1) * length)));

export async function nativeEmbeddings(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(nativeEmbeddingRequest, await checkedBody(c, requestFields.nativeEmbedding));
  const engine = nativeEncoder(c, services, body.model);
  const content = body.content ?? body.input;
  if (content == null) throw serveErrors.fail("missing", { place: "content", message: "the parameter is needed: a text" });
  const { vectors, tokens } = await embedTexts({
    engine,
    inputs: inputsOf(content, mixed => mixedTokens(engine.model.tokenizer, mixed)),
    truncate: false,
    takesTokenVectors: true,
    signal: c.req.raw.signal,
  });
  c.var.exchange.inputTokens = tokens;
  return c.json(vectors.map((v, index) => ({ index, embedding: vectorRows(v, engine.dimensions) })));
}
