/** The server as the console uses it: one function an address. */
import { call, caller } from "./client.ts";
import { answers } from "./generated/server.ts";

const ask = caller(answers);

/** A class, several, or ranges of UTF-16 code units, by the kind of the set; null takes it back. */
export interface GivenLabel {
  readonly id: string;
  readonly label: string | readonly string[] | readonly { readonly start: number; readonly end: number; readonly label: string }[] | null;
  readonly by: string;
  /** Decides a text on which people differ. */
  readonly adjudicated?: true;
}

export const api = {
  overview: (signal: AbortSignal) => ask("GET /api/overview", {}, { signal }),
  models: (signal: AbortSignal) => ask("GET /api/models", {}, { signal }),
  runs: (signal: AbortSignal) => ask("GET /api/runs", {}, { signal }),
  metrics: (artifact: string, signal: AbortSignal) => ask("GET /api/runs/{artifact}/metrics", { artifact }, { signal }),
  examples: (artifact: string, signal: AbortSignal) => ask("GET /api/runs/{artifact}/examples", { artifact }, { signal }),
  runCost: (artifact: string, signal: AbortSignal) => ask("GET /api/runs/{artifact}/cost", { artifact }, { signal }),
  runProfile: (artifact: string, signal: AbortSignal) => ask("GET /api/runs/{artifact}/profile", { artifact }, { signal }),
  evaluations: (signal: AbortSignal) => ask("GET /api/evaluations", {}, { signal }),
  graph: (id: string, signal: AbortSignal) => ask("GET /api/graph", {}, { query: { id }, signal }),
  dataSets: (signal: AbortSignal) => ask("GET /api/data", {}, { signal }),
  dataReport: (artifact: string, signal: AbortSignal) => ask("GET /api/data/{artifact}", { artifact }, { signal }),
  documents: (artifact: string, query: Readonly<Record<string, string | number | null>>, signal: AbortSignal) =>
    ask("GET /api/data/{artifact}/documents", { artifact }, { query, signal }),
  document: (artifact: string, id: string, against: string | null, signal: AbortSignal) =>
    ask("GET /api/data/{artifact}/document", { artifact }, { query: { id, against }, signal }),
  clusters: (artifact: string, cursor: number, signal: AbortSignal) =>
    ask("GET /api/data/{artifact}/clusters", { artifact }, { query: { cursor, limit: 100 }, signal }),
  releases: (signal: AbortSignal) => ask("GET /api/releases", {}, { signal }),
  verdicts: (version: string, signal: AbortSignal) => ask("GET /api/releases/{version}", { version }, { signal }),
  /** Under whose name actions are recorded, and why the project cannot be changed. */
  actions: (signal: AbortSignal) => ask("GET /api/actions", {}, { signal }),
  promote: (version: string, given: { readonly alias: string; readonly reason?: string }) =>
    ask("POST /api/releases/{version}/promote", { version }, { body: given }),
  rollback: (model: string, given: { readonly alias: string; readonly reason?: string }) =>
    ask("POST /api/releases/{model}/rollback", { model }, { body: given }),
  approve: (
    version: string,
    given: { readonly alias: string; readonly role: string; readonly note?: string; readonly withdraw?: boolean },
  ) => ask("POST /api/releases/{version}/approve", { version }, { body: given }),
  parts: (signal: AbortSignal) => ask("GET /api/project/parts", {}, { signal }),
  part: (path: string, labels: string | null, signal: AbortSignal) =>
    ask("GET /api/project/parts/{path}", { path }, { query: { labels }, signal }),
  /** What changes make of loam.yaml; nothing is written. */
  checkPart: (path: string, given: object, signal: AbortSignal) => ask("POST /api/project/parts/{path}", { path }, { body: given, signal }),
  editPart: (path: string, given: object) => ask("POST /api/project/parts/{path}", { path }, { body: given }),
  run: (signal: AbortSignal) => ask("GET /api/project/run", {}, { signal }),
  startRun: (path: string, force: boolean) => ask("POST /api/project/run", {}, { body: { path, force } }),
  stopRun: () => ask("POST /api/project/run/stop", {}, { body: {} }),
  report: (version: string, against: string | null, signal: AbortSignal) =>
    ask("GET /api/reports/{version}", { version }, { query: { against }, signal }),
  logged: (artifact: string, signal: AbortSignal) => ask("GET /api/logged/{artifact}", { artifact }, { signal }),
  labelSets: (signal: AbortSignal) => ask("GET /api/labels", {}, { signal }),
  labelBatch: (name: string, by: string, signal: AbortSignal) => ask("GET /api/labels/{name}", { name }, { query: { by }, signal }),
  labelDisagreements: (name: string, signal: AbortSignal) => ask("GET /api/labels/{name}/disagreements", { name }, { signal }),
  /** Kept by the server when this has answered; a null takes it back. */
  label: (name: string, given: GivenLabel) => ask("POST /api/labels/{name}", { name }, { body: given }),
  /** Of one version, or of the first that runs. */
  engine: (model: string | null, signal: AbortSignal) => ask("GET /api/engine", {}, { query: { model }, signal }),
  serving: (signal: AbortSignal) => ask("GET /api/serving", {}, { signal }),
  /** Prometheus text. */
  metricsText: async (signal: AbortSignal) => (await call("/metrics", { signal })).text(),
  served: (signal: AbortSignal) => ask("GET /v1/models", {}, { signal }),
  /** Of a text its classes with scores, the predicted one first. */
  classify: async (model: string, text: string) =>
    (await ask("POST /v1/models/{model}:classify", { model }, { body: { examples: [{ text }] } })).result[0] ?? [],
  regress: async (model: string, text: string) =>
    (await ask("POST /v1/models/{model}:regress", { model }, { body: { examples: [{ text }] } })).result,
};
