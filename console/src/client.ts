/** Calls of the server: as whoever the page is, with answers checked against what its OpenAPI description says. Paths are relative to the page. */
import { reportConnection } from "./connection.ts";
import { credentials, isKnown, sessionOf, wasRefused } from "./credentials.ts";
import { FailureError, failureOfResponse, unreachable, wrongShape } from "./failure.ts";
import type { Infer, Shape } from "./shape.ts";

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

async function answerOf<T>(path: string, shape: Shape<T>, init: RequestInit): Promise<T> {
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

/** Names in braces of an address. */
type ParameterName<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | ParameterName<Rest> : never;

export interface CallOptions {
  /** What is absent (undefined, null) is left out. */
  readonly query?: Readonly<Record<string, string | number | null | undefined>> | URLSearchParams;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** An address with its parameters and query. */
function pathOf(template: string, parameters: Readonly<Record<string, string>>, query: CallOptions["query"] = {}): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));
  const given = query instanceof URLSearchParams ? [...query] : Object.entries(query).filter(([, value]) => value != null);
  return given.length === 0 ? path : `${path}?${given.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join("&")}`;
}

/** A function that calls any address of a table (`generated/`): `ask("GET /api/runs/{artifact}/metrics", { artifact }, { signal })`. */
export const caller =
  <A extends Readonly<Record<string, Shape<unknown>>>>(answers: A) =>
  <K extends keyof A & string>(
    operation: K,
    parameters: Readonly<Record<ParameterName<K>, string>>,
    { query, body, signal }: CallOptions = {},
  ): Promise<Infer<A[K]>> => {
    const [method = "", template = ""] = operation.split(" ");
    // the table's shape gives the table's type
    const shape = answers[operation] as Shape<Infer<A[K]>>;
    return answerOf(pathOf(template, parameters, query), shape, {
      method,
      ...(body === undefined
        ? { headers: { accept: "application/json" } }
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  };
