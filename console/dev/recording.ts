/**
 * Answers of a real server as the console would get them, kept to be given again (`fake.ts`): every address of the server's own OpenAPI document that is
 * read, with every id that its lists name. Changes nothing on the server, and leaves out streams and completions.
 */
import type { OpenApiDocument } from "../../src/base/index.ts";

export interface Recording {
  /** When it was made, in milliseconds since 1970: times are moved by what has passed since. */
  readonly atMs: number;
  /** By address with its query. */
  readonly answers: Readonly<Record<string, unknown>>;
  /** The address of the document that each follows: `GET /api/data/{artifact}`. */
  readonly operations: Readonly<Record<string, string>>;
}

type Headers = Readonly<Record<string, string>>;
interface Item {
  readonly id?: string;
  readonly artifact?: string;
  readonly name?: string;
}

/** Lists whose entries an address is about, with the fields that name one. */
const sources: Readonly<Record<string, readonly [list: string, ...fields: (keyof Item)[]]>> = {
  "/api/runs/{artifact}/metrics": ["/api/runs", "artifact"],
  "/api/runs/{artifact}/examples": ["/api/runs", "artifact"],
  "/api/runs/{artifact}/cost": ["/api/runs", "artifact"],
  "/api/runs/{artifact}/profile": ["/api/runs", "artifact"],
  "/api/logged/{artifact}": ["/api/runs", "artifact"],
  "/api/data/{artifact}": ["/api/data", "artifact"],
  "/api/labels/{name}": ["/api/labels", "name"],
  "/api/releases/{version}": ["/api/models", "id"],
  "/api/reports/{version}": ["/api/models", "id"],
  "/api/graph": ["/api/models", "id", "artifact"],
  "/v1/fine_tuning/jobs/{id}": ["/v1/fine_tuning/jobs", "id"],
  "/v1/fine_tuning/jobs/{id}/events": ["/v1/fine_tuning/jobs", "id"],
  "/v1/fine_tuning/jobs/{id}/checkpoints": ["/v1/fine_tuning/jobs", "id"],
};
/** Streams, the document itself, and who asks. */
const notRecorded: readonly string[] = ["/api/events", "/api/openapi.json", "/api/session"];
/** Entries of a list that are recorded. */
const mostOfList = 20;
/** Queries that addresses cannot be read without. */
const queries: Readonly<Record<string, (id: string) => string>> = {
  "/api/graph": id => `?id=${encodeURIComponent(id)}`,
  "/api/labels/{name}": () => "?by=ann",
};

/** `headers` sign in. Errors: what fetch throws; a server that refuses its own list. */
export async function record(url: string, headers: Headers): Promise<Recording> {
  const answers: Record<string, unknown> = {};
  const operations: Record<string, string> = {};
  const read = async (path: string): Promise<Response> => fetch(new URL(path, url), { headers: { ...headers } });
  const document = (await (await read("/api/openapi.json")).json()) as OpenApiDocument;
  const keep = async (template: string, path: string): Promise<unknown> => {
    const response = await read(path);
    // an id may have nothing of this kind: a run that was trained on plain text has no masked examples
    if (!response.ok || !response.headers.get("content-type")?.startsWith("application/json")) return undefined;
    answers[path] = await response.json();
    operations[path] = `GET ${template}`;
    return answers[path];
  };
  const templates = Object.keys(document.paths).filter(
    path => document.paths[path]!.get && !notRecorded.includes(path) && !path.startsWith("/v1/admin"),
  );
  for (const template of templates.filter(t => !t.includes("{") && !(t in queries))) await keep(template, template);
  for (const template of templates.filter(t => t in sources)) {
    const [list, ...fields] = sources[template]!;
    const said = answers[list];
    const items = (Array.isArray(said) ? said : ((said as { readonly data?: readonly Item[] } | undefined)?.data ?? [])) as readonly Item[];
    for (const id of items.slice(0, mostOfList).flatMap(item => fields.map(field => String(item[field])))) {
      const path = template.replace(/\{\w+\}/, encodeURIComponent(id)) + (queries[template]?.(id) ?? "");
      await keep(template, path);
    }
  }
  return { atMs: Date.now(), answers, operations };
}

const dayMs = 86_400_000;

/** The answer to an address; undefined where it was not recorded. A query that the recording has not is left away. */
export function replayed({ atMs, answers }: Recording, pathAndQuery: string, nowMs: number): unknown {
  const found = answers[pathAndQuery] ?? answers[pathAndQuery.split("?")[0]!];
  if (found === undefined) return undefined;
  const isTime = (value: number) => Math.abs(value - atMs) < 3650 * dayMs && Number.isInteger(value) && value > 1e12;
  const moved = (_: string, value: unknown) => (typeof value === "number" && isTime(value) ? value + nowMs - atMs : value);
  return JSON.parse(JSON.stringify(found, moved));
}
