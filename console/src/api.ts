/** The typed client of the server: one function a path. Paths are relative to the page, so it works behind a prefix too. */
import { reportConnection } from "./connection.ts";
import * as contract from "./contract.ts";
import * as ofLabels from "./contract-labels.ts";
import * as ofReleases from "./contract-releases.ts";
import { credentials, isKnown, sessionOf, wasRefused } from "./credentials.ts";
import { FailureError, failureOfResponse, unreachable, wrongShape } from "./failure.ts";
import type { Shape } from "./shape.ts";

/** Where the server's root is, seen from the page: the page is `/` or `/prefix/`. */
export const serverUrl = (path: string): string => new URL(`.${path}`, new URL(".", document.baseURI)).href;

/** As whoever the page is. */
async function asked(path: string, init: RequestInit): Promise<Response> {
  const session = await sessionOf(serverUrl("/api/session"));
  if (!isKnown(session)) return new Response(null, { status: 401 });
  const headers = { ...(init.headers as Record<string, string>), ...credentials(session) };
  const response = await fetch(serverUrl(path), { ...init, headers });
  if (response.status === 401) wasRefused();
  return response;
}

/** Errors: FailureError (nobody answers, not ok); the signal's reason when aborted. */
export async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await asked(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    reportConnection(false);
    throw new FailureError(unreachable("The server does not answer."));
  }
  reportConnection(true);
  if (!response.ok) throw new FailureError(failureOfResponse(await response.text(), response.status));
  return response;
}

export const get = <T>(path: string, shape: Shape<T>, signal: AbortSignal): Promise<T> =>
  answerOf(path, shape, { signal, headers: { accept: "application/json" } });
export const post = <T>(path: string, body: object, shape: Shape<T>, signal?: AbortSignal): Promise<T> =>
  answerOf(path, shape, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });

export async function answerOf<T>(path: string, shape: Shape<T>, init: RequestInit): Promise<T> {
  const response = await call(path, init);
  let body: unknown;
  try {
    body = JSON.parse(await response.text());
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new FailureError(wrongShape(`${path}: expected JSON, got something else.`));
  }
  const result = shape.safeParse(body);
  if (result.success) return result.data;
  throw new FailureError(wrongShape(`${path}: ${result.error.message}.`));
}

const of = encodeURIComponent;

export const api = {
  overview: (signal: AbortSignal) => get("/api/overview", contract.overview, signal),
  models: (signal: AbortSignal) => get("/api/models", contract.models, signal),
  runs: (signal: AbortSignal) => get("/api/runs", contract.runs, signal),
  metrics: (artifact: string, signal: AbortSignal) => get(`/api/runs/${of(artifact)}/metrics`, contract.metrics, signal),
  examples: (artifact: string, signal: AbortSignal) => get(`/api/runs/${of(artifact)}/examples`, contract.maskedExamples, signal),
  evaluations: (signal: AbortSignal) => get("/api/evaluations", contract.evaluations, signal),
  graph: (id: string, signal: AbortSignal) => get(`/api/graph?id=${of(id)}`, contract.graph, signal),
  dataSets: (signal: AbortSignal) => get("/api/data", contract.dataSets, signal),
  dataReport: (artifact: string, signal: AbortSignal) => get(`/api/data/${of(artifact)}`, contract.dataReport, signal),
  releases: (signal: AbortSignal) => get("/api/releases", ofReleases.releases, signal),
  verdicts: (version: string, signal: AbortSignal) => get(`/api/releases/${of(version)}`, ofReleases.verdicts, signal),
  report: (version: string, against: string | null, signal: AbortSignal) =>
    get(`/api/reports/${of(version)}${against === null ? "" : `?against=${of(against)}`}`, ofReleases.report, signal),
  logged: (artifact: string, signal: AbortSignal) => get(`/api/logged/${of(artifact)}`, ofReleases.logged, signal),
  labelSets: (signal: AbortSignal) => get("/api/labels", ofLabels.labelSets, signal),
  labelBatch: (name: string, by: string, signal: AbortSignal) => get(`/api/labels/${of(name)}?by=${of(by)}`, ofLabels.labelBatch, signal),
  /** Kept by the server when this has answered; a null takes it back. */
  label: (name: string, given: { readonly id: string; readonly label: string | null; readonly by: string }) =>
    post(`/api/labels/${of(name)}`, given, ofLabels.labelState),
  /** Of one version, or of the first that runs. */
  engine: (model: string | null, signal: AbortSignal) =>
    get(model === null ? "/api/engine" : `/api/engine?model=${of(model)}`, contract.engine, signal),
  serving: (signal: AbortSignal) => get("/api/serving", contract.serving, signal),
  /** Prometheus text. */
  metricsText: async (signal: AbortSignal) => (await call("/metrics", { signal })).text(),
  served: (signal: AbortSignal) => get("/v1/models", contract.served, signal),
  /** What a model that continues nothing tells of a text. */
  told: (model: string, tells: "classes" | "numbers", text: string) =>
    post(
      `/v1/models/${of(model)}:${tells === "classes" ? "classify" : "regress"}`,
      { examples: [{ text }] },
      tells === "classes" ? contract.classified : contract.measuredNumber,
    ),
};
