/** The calls with one answer: each is put to its address of the HTTP form, and the answer becomes the method's message. */
import { status } from "@grpc/grpc-js";
import { isRow, type Row, rowOr } from "../../protocols/index.ts";
import { CallRefusal } from "./call-refusal.ts";
import { inferParameters, inferRequestOf, inferResponse } from "./infer-body.ts";
import { type InnerRequests, modelPath } from "./inner-request.ts";

type UnaryAnswer = { readonly value: Row; readonly response?: Response };
type Unary = (message: Row, requests: InnerRequests) => Promise<UnaryAnswer>;

const answerOf = async (value: Promise<unknown>): Promise<UnaryAnswer> => ({ value: rowOr(await value) });

/** A probe's answer: 503, and a model that nobody knows, are a no and no error. */
async function probed(requests: InnerRequests, path: string, name: string): Promise<UnaryAnswer> {
  const response = await requests.ask({ path });
  if (response.ok || response.status === 503 || response.status === 404) {
    await response.body?.cancel();
    return { value: { [name]: response.ok } };
  }
  return answerOf(requests.json({ path }));
}

const setting = (name: string, message: Row): string =>
  message.model_name ? `${modelPath(message.model_name, "")}/${name}` : `/v2/${name}`;
const settingsOf = (message: Row): Row => rowOr(message.settings);

/** What is told is refused, by any of the extension's addresses. */
const unimplemented = { 400: status.UNIMPLEMENTED };

/** Regions there are none of; what else is asked of them is refused. */
const regions = (kind: string, action: "status" | "register" | "unregister"): Unary => {
  const path = (name: unknown) => (name ? `/region/${encodeURIComponent(String(name))}` : action === "register" ? "/region/none" : "");
  return async ({ name }, requests) => {
    const address = `/v2/${kind}sharedmemory${path(name)}/${action}`;
    await (action === "status" ? requests.answer({ path: address, codes: unimplemented }) : requests.post(address, {}, unimplemented));
    return { value: {} };
  };
};

/** A change of the repository. A repository has no name here. */
function repository(action: "load" | "unload"): Unary {
  return async ({ repository_name, model_name, parameters }, requests) => {
    if (repository_name)
      throw new CallRefusal(status.UNIMPLEMENTED, "repository_name: expected none, since there is one record of models.");
    if (!model_name) throw new CallRefusal(status.INVALID_ARGUMENT, "model_name: expected the name of a model, got none.");
    // files are bytes, of which only the name is told
    const given = Object.fromEntries(
      Object.entries(inferParameters(parameters)).map(([name, v]) => [name, v instanceof Uint8Array ? "" : v]),
    );
    const path = `/v2/repository/models/${encodeURIComponent(String(model_name))}/${action}`;
    await requests.post(path, { parameters: given });
    return { value: {} };
  };
}

async function traceSetting(message: Row, requests: InnerRequests): Promise<UnaryAnswer> {
  const path = setting("trace/setting", message);
  const changes = Object.keys(settingsOf(message)).length > 0;
  const found = rowOr(await (changes ? requests.post(path, {}, unimplemented) : requests.json({ path })));
  const value = (v: unknown) => ({ value: Array.isArray(v) ? v.map(String) : [String(v)] });
  return { value: { settings: Object.fromEntries(Object.entries(found).map(([name, v]) => [name, value(v)])) } };
}

async function logSettings(message: Row, requests: InnerRequests): Promise<UnaryAnswer> {
  const path = "/v2/logging";
  const changes = Object.keys(settingsOf(message)).length > 0;
  const found = rowOr(await (changes ? requests.post(path, {}, unimplemented) : requests.json({ path })));
  const value = (v: unknown) =>
    typeof v === "boolean" ? { bool_param: v } : typeof v === "number" ? { uint32_param: v } : { string_param: String(v) };
  return { value: { settings: Object.fromEntries(Object.entries(found).map(([name, v]) => [name, value(v)])) } };
}

export const unaryMethods: Readonly<Record<string, Unary>> = {
  ServerLive: (_, requests) => probed(requests, "/v2/health/live", "live"),
  ServerReady: (_, requests) => probed(requests, "/v2/health/ready", "ready"),
  ModelReady: ({ name, version }, requests) => probed(requests, `${modelPath(name, version)}/ready`, "ready"),
  ServerMetadata: (_, requests) => answerOf(requests.json({ path: "/v2" })),
  ModelMetadata: ({ name, version }, requests) => answerOf(requests.json({ path: modelPath(name, version) })),
  ModelConfig: async ({ name, version }, requests) => ({
    value: { config: await requests.json({ path: `${modelPath(name, version)}/config` }) },
  }),
  ModelStatistics: ({ name, version }, requests) =>
    answerOf(requests.json({ path: name ? `${modelPath(name, version)}/stats` : "/v2/models/stats" })),
  RepositoryIndex: async ({ ready }, requests) => {
    const models = await requests.post("/v2/repository/index", { ready: ready === true });
    return { value: { models: Array.isArray(models) ? models.filter(isRow) : [] } };
  },
  RepositoryModelLoad: repository("load"),
  RepositoryModelUnload: repository("unload"),
  ModelInfer: async (message, requests) => {
    const response = await requests.answer(inferRequestOf(message));
    return { value: await inferResponse(response), response };
  },
  SystemSharedMemoryStatus: regions("system", "status"),
  SystemSharedMemoryRegister: regions("system", "register"),
  SystemSharedMemoryUnregister: regions("system", "unregister"),
  CudaSharedMemoryStatus: regions("cuda", "status"),
  CudaSharedMemoryRegister: regions("cuda", "register"),
  CudaSharedMemoryUnregister: regions("cuda", "unregister"),
  TraceSetting: traceSetting,
  LogSettings: logSettings,
};
