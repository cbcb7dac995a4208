/**
 * llama.cpp's own API (`tools/server`), for the editors and programs that speak only it: completions with `timings`, infilling, templates, adapters, and what
 * the server says of itself. A request without a model means the only one that is served.
 */
import { errorBodies } from "../../../protocols/index.ts";
import { completionLengths, completions } from "../completions.ts";
import { type AnswerLengths, answering, type Contract, describing, get, post, under } from "../contract.ts";
import { embeddings } from "../embeddings.ts";
import { type AppContext, bodyOf, type Services } from "../exchange.ts";
import { applyTemplate } from "./apply-template.ts";
import { nativeCompletion, nativeLengths } from "./completion.ts";
import { infill } from "./infill.ts";
import { listAdapters, setAdapters } from "./lora.ts";
import { nativeEmbeddings } from "./native-embeddings.ts";
import { props, setProps, slotAction, slots } from "./props.ts";

/** A body that names its model is OpenAI's, whose clients always do; llama.cpp's have none to name. */
const isOpenAi = (body: Readonly<Record<string, unknown>>): boolean => typeof body.model === "string";

/** Where both are at home, the body says which is meant; the answer and its errors follow. */
const eitherAt =
  (openai: typeof completions, native: typeof completions) =>
  async (c: AppContext, services: Services): Promise<Response> => {
    if (!isOpenAi(await bodyOf(c))) return native(c, services);
    // errors in OpenAI's form, which is the application's own
    delete c.var.exchange.contract;
    return openai(c, services);
  };
const eitherLengths: AnswerLengths = body => (isOpenAi(body) ? completionLengths(body) : nativeLengths(body));

/** A list, which /lora-adapters takes, is the field `list` of a body. */
function parse(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? { list: value } : value;
}

export const llamaCpp: Contract = {
  name: "llama.cpp",
  endpoint: "models",
  parse,
  routes: [
    answering("completions", post("/completion", nativeCompletion, "text_completion"), nativeLengths),
    answering("completions", post("/completions", eitherAt(completions, nativeCompletion), "text_completion"), eitherLengths),
    answering("completions", post("/infill", infill, "text_completion"), nativeLengths),
    answering("embeddings", post("/embedding", nativeEmbeddings, "embeddings")),
    answering("embeddings", post("/embeddings", eitherAt(embeddings, nativeEmbeddings), "embeddings")),
    describing("other", post("/apply-template", applyTemplate)),
    describing("models", get("/props", props)),
    ...under("admin", [post("/props", setProps)]),
    describing("models", get("/slots", slots)),
    ...under("admin", [post("/slots/:slot", slotAction)]),
    describing("models", get("/lora-adapters", listAdapters)),
    ...under("admin", [post("/lora-adapters", setAdapters)]),
  ],
  errors: errorBodies.llamaCpp,
};
