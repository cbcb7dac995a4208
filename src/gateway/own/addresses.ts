/**
 * What the addresses of a server behind the gateway are called in policies, where the gateway has none of its own for them: Loam's other contracts
 * (Ollama, TensorFlow Serving, Open Inference Protocol, SageMaker, files, batches, fine-tuning), its administration and its console. The first
 * row that fits counts; what none fits is `other`.
 */
import type { Endpoint } from "../contract.ts";

export interface OwnAddress {
  /** For the log and the metrics: no part that a client chose. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** As the path says it, without a label. */
  readonly model: string | null;
  readonly label: string | null;
  /** A model is asked: its input and output count as tokens. */
  readonly asksModel: boolean;
}

interface Row {
  /** Its group `model` is the model, `label` a label. */
  readonly path: RegExp;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly asksModel?: true;
}

const rows: readonly Row[] = [
  { path: /^\/api\/chat$/, name: "/api/chat", endpoint: "chat", asksModel: true },
  { path: /^\/api\/generate$/, name: "/api/generate", endpoint: "completions", asksModel: true },
  { path: /^\/api\/embed(dings)?$/, name: "/api/embed", endpoint: "embeddings", asksModel: true },
  { path: /^\/api\/(tags|ps|show|version)$/, name: "/api/tags", endpoint: "models" },
  // what is left below /api is the console's: the record, the labels
  { path: /^\/api(\/|$)/, name: "/api", endpoint: "admin" },
  { path: /^\/v1\/admin(\/|$)/, name: "/v1/admin", endpoint: "admin" },
  { path: /^\/v1\/(un)?load_lora_adapter$/, name: "/v1/load_lora_adapter", endpoint: "admin" },
  { path: /^\/v1\/files(\/|$)/, name: "/v1/files", endpoint: "files" },
  { path: /^\/v1\/batches(\/|$)/, name: "/v1/batches", endpoint: "batches" },
  { path: /^\/v1\/fine_tuning(\/|$)/, name: "/v1/fine_tuning", endpoint: "fine-tuning" },
  { path: /^\/v1\/responses\//, name: "/v1/responses/:id", endpoint: "responses" },
  { path: /^\/v1\/rerank$/, name: "/v1/rerank", endpoint: "embeddings", asksModel: true },
  { path: /^\/v1\/(score|attributions)$/, name: "/v1/score", endpoint: "other", asksModel: true },
  {
    path: /^\/v1\/models\/(?<model>[^/:]+)(?:\/versions\/[^/:]+|\/labels\/(?<label>[^/:]+))?:(predict|classify|regress)$/,
    name: "/v1/models/:model:predict",
    endpoint: "other",
    asksModel: true,
  },
  { path: /^\/v1\/models\/(?<model>[^/:]+)(\/|$)/, name: "/v1/models/:model", endpoint: "models" },
  {
    path: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/[^/]+)?\/generate(_stream)?$/,
    name: "/v2/models/:model/generate",
    endpoint: "completions",
    asksModel: true,
  },
  {
    path: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/[^/]+)?\/infer$/,
    name: "/v2/models/:model/infer",
    endpoint: "other",
    asksModel: true,
  },
  { path: /^\/v2\/models\/(?<model>[^/]+)/, name: "/v2/models/:model", endpoint: "models" },
  { path: /^\/models\/(?<model>[^/]+)\/invoke$/, name: "/models/:model/invoke", endpoint: "other", asksModel: true },
  { path: /^\/models(\/|$)/, name: "/models", endpoint: "admin" },
  { path: /^\/invocations$/, name: "/invocations", endpoint: "other", asksModel: true },
];

/** `mail@canary` as its name and its label; Ollama's `mail:latest` as its name. */
export function namedModel(text: string): { readonly model: string; readonly label: string | null } {
  const at = text.lastIndexOf("@");
  if (at > 0) return { model: text.slice(0, at), label: text.slice(at + 1) };
  return { model: text.replace(/(.):[^/:]*$/, "$1"), label: null };
}

/** Deleting a model is for administrators, whatever may be read of it. */
const deletesModel = (method: string, path: string): boolean => method === "DELETE" && path.startsWith("/v1/models/");

/** `pathname` as in a URL: percent-encoded. */
export function ownAddress(pathname: string, method = "GET"): OwnAddress {
  let path: string;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    path = pathname;
  }
  for (const { path: pattern, name, endpoint, asksModel = false } of rows) {
    const found = pattern.exec(path);
    if (!found) continue;
    const given = found.groups?.model;
    const named = given === undefined ? { model: null, label: null } : namedModel(given);
    return {
      name,
      endpoint: deletesModel(method, path) ? "admin" : endpoint,
      asksModel,
      model: named.model,
      label: found.groups?.label ?? named.label,
    };
  }
  return { name: "server", endpoint: "other", asksModel: false, model: null, label: null };
}
