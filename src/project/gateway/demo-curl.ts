/** A first request with the demo's key, ready to be pasted: of the contract that the model answers. */
import { type Engines, tells } from "../../serve/index.ts";

interface DemoRequest {
  readonly path: string;
  readonly body: object;
}

const requests: { readonly [T in ReturnType<typeof tells>]: (model: string) => DemoRequest } = {
  text: model => ({ path: "/v1/completions", body: { model, prompt: "Dear ", max_tokens: 40 } }),
  vectors: model => ({ path: "/v1/embeddings", body: { model, input: "Dear all" } }),
  classes: model => ({ path: `/v1/models/${model}:classify`, body: { examples: [{ text: "Dear all" }] } }),
  numbers: model => ({ path: `/v1/models/${model}:regress`, body: { examples: [{ text: "Dear all" }] } }),
};

/** Of the first of the names that the gateway routes, else of its first route. A model that nobody has loaded yet is taken for one that continues texts. */
export function demoRequest(engines: Engines, routes: ReadonlyMap<string, unknown>, names: readonly string[]): DemoRequest {
  const model = names.find(name => routes.has(name)) ?? [...routes.keys()][0] ?? "";
  const engine = engines.models().find(e => e.model.name === model || e.model.id === model);
  return requests[engine && "fingerprint" in engine ? tells(engine) : "text"](model);
}

export const demoCurl = (url: string, key: string, { path, body }: DemoRequest): string =>
  `curl ${url}${path} -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
