/** `/openapi.json`: every address of the application, from the tables of its contracts, with the schemas by which bodies are read. */
import { defined } from "../../../base/index.ts";
import { type ApiOperation, type OpenApiDocument, openApiDocument, pathTemplate } from "../../../base/openapi.ts";
import { isRestricted } from "../access.ts";
import { operations as consoleOperations, consoleRefusal } from "../console-operations.ts";
import { type Contract, type ContractRoute, withoutPrefix } from "../contract.ts";
import { contracts } from "../contracts.ts";
import { descriptions, type RouteDescription } from "./descriptions.ts";
import { anyObject, plainText, refusalForms, wireForms } from "./wire-forms.ts";

/** Contracts whose refusals have another form than OpenAI's. */
const refusals: Readonly<Record<string, (typeof refusalForms)[keyof typeof refusalForms]>> = {
  tensorflow: refusalForms.sentence,
  "open inference protocol": refusalForms.sentence,
  "open inference protocol, text": refusalForms.sentence,
  ollama: refusalForms.sentence,
  anthropic: refusalForms.anthropic,
  "llama.cpp": refusalForms.llamaCpp,
  vllm: refusalForms.vllm,
};

const methodOf = (method: string): ApiOperation["method"] => method as ApiOperation["method"];
const keyOf = ({ method, path }: { readonly method: string; readonly path: string }): string => `${method} ${pathTemplate(path)}`;

/** Of what the console reads there are schemas already. */
const known = new Map(consoleOperations.map(o => [keyOf(o), o]));

const plain = (method: string): RouteDescription => ({
  summary: "Has no description yet.",
  answer: anyObject,
  ...(method === "POST" ? { body: anyObject } : {}),
});

/** Routes of the contracts for which neither this table nor the console's has a row; none, as a test says. */
export const undescribed = (): string[] =>
  contracts.flatMap(k => k.routes.map(r => `${r.method} ${r.path}`).filter(key => !descriptions[key] && !known.has(pathTemplate(key))));

function operationsOf(contract: Contract, route: ContractRoute, isOpen: boolean): ApiOperation[] {
  const name = route.name?.startsWith("/v1") && !route.path.startsWith("/v1") ? route.name : route.path;
  const own = known.get(`${route.method} ${pathTemplate(name)}`);
  const { at, ...row }: RouteDescription = descriptions[`${route.method} ${name}`] ?? own ?? plain(route.method);
  const error = refusals[contract.name] ?? refusalForms.openai;
  const paths = at && name === route.path ? at : [route.path];
  return paths.map(path => ({
    error,
    ...row,
    method: methodOf(route.method),
    path,
    isOpen: isOpen && !isRestricted(route.handle),
  }));
}

/** Addresses that are no contract's. */
const ofServer = (isOpen: boolean): ApiOperation[] => {
  const get = (path: string, summary: string, answer: ApiOperation["answer"], contentType?: string): ApiOperation => ({
    ...{ method: "GET", path, summary, answer, isOpen, error: refusalForms.openai },
    ...defined({ contentType }),
  });
  return [
    { ...get("/healthz", "Says whether the process runs.", wireForms.readiness), isOpen: true },
    ...["/readyz", "/health", "/v1/health"].map(path => ({
      ...get(path, "Says whether every model is ready.", wireForms.readiness),
      status: [200, 503],
      isOpen: true,
    })),
    get("/version", "Gives the version of the server.", wireForms.version),
    get("/load", "Gives the number of requests under way that a model answers.", wireForms.load),
    get("/metrics", "Gives Prometheus' metrics.", plainText, "text/plain"),
    get("/openapi.json", "Gives this description.", anyObject),
  ];
};

/** One of each method and address: templates that differ in names alone are the same address. */
function distinct(all: readonly ApiOperation[]): ApiOperation[] {
  const paths = new Map<string, string>();
  const seen = new Set<string>();
  return all.flatMap(o => {
    const path = pathTemplate(o.path);
    const shape = path.replace(/\{\w+\}/g, "{}");
    const written = paths.get(shape) ?? path;
    paths.set(shape, written);
    const key = `${o.method} ${written}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...o, path: written }];
  });
}

/** `isOpen`: requests for models need no credentials, since no gateway stands before the server. */
export function serverDocument(version: string, isOpen: boolean): OpenApiDocument {
  const routes = contracts.flatMap(k => [...k.routes, ...withoutPrefix(k, contracts)].flatMap(r => operationsOf(k, r, isOpen)));
  const consoles = consoleOperations.filter(o => o.path.startsWith("/api/")).map(o => ({ ...o, error: consoleRefusal }));
  return openApiDocument({
    title: "Loam server",
    version,
    error: refusalForms.openai,
    operations: distinct([...ofServer(isOpen), ...routes, ...consoles]),
  });
}
