/** What an address for administrators is made of: its methods, each with the right that it needs; and how queries and bodies are read. */

import type { z } from "zod";
import { check } from "../../base/index.ts";
import type { Identity } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { readObject } from "../http/ask.ts";
import { admitted } from "../http/door.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import { asParameter } from "../identity/as-parameter.ts";
import type { AdminPath } from "./paths.ts";
import { mayAdminister, type Right } from "./roles.ts";

export interface AdminRequest {
  readonly gateway: Gateway;
  readonly identity: Identity;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** What stands in the path where the pattern has its first `:name`. */
  readonly key: string;
  /** And where it has its others. */
  readonly params: Readonly<Record<string, string>>;
  /** For the list of changes. */
  readonly by: string;
}

export interface AdminMethod {
  readonly right: Right;
  readonly answer: (asked: AdminRequest) => Promise<Answer>;
}

export interface AdminPage {
  readonly path: AdminPath;
  readonly methods: Readonly<Partial<Record<"GET" | "POST" | "PUT" | "DELETE", AdminMethod>>>;
}

export const json = (value: unknown, status = 200, headers: Answer["headers"] = {}): Answer => ({
  status,
  body: JSON.stringify(value),
  headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
});

/** Errors: gateway/parameter. */
function paramsOf(pattern: string, pathname: string): Record<string, string> {
  const given = pathname.split("/");
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.split("/").entries())
    if (part.startsWith(":"))
      try {
        params[part.slice(1)] = decodeURIComponent(given[i] ?? "");
      } catch {
        throw gatewayErrors.fail("parameter", { place: pattern, expected: "an id", received: "broken percent-encoding" });
      }
  return params;
}

/** As the handler of an address; errors are the gateway's. */
export const administered =
  (gateway: Gateway, path: string, { right, answer }: AdminMethod) =>
  async (request: Request, exchange: Exchange): Promise<Answer> => {
    const identity = await admitted(gateway.control, request.headers, exchange);
    mayAdminister(gateway.control, identity, right);
    const url = new URL(request.url);
    const params = paramsOf(path, url.pathname);
    const key = Object.values(params)[0] ?? "";
    const by = `${identity.subject} (${identity.keyId})`;
    return answer({ gateway, identity, request, query: url.searchParams, key, params, by });
  };

const wrong = (place: string, expected: string, received: string) =>
  gatewayErrors.fail("parameter", { place, expected, received: JSON.stringify(received.slice(0, 60)) });

/** Errors: gateway/parameter. */
export function numberOf(query: URLSearchParams, key: string, otherwise: number, least: number, most: number): number {
  const text = query.get(key);
  if (text === null) return otherwise;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrong(key, `a whole number from ${least} to ${most}`, text);
}

/** `2026-11-26` or a whole time, as milliseconds. Errors: gateway/parameter. */
export function timeOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null) return undefined;
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw wrong(key, "a day such as 2026-11-26, or a time such as 2026-11-26T10:00:00Z", text);
}

/** A query key that an address does not know is a mistake, not noise. Errors: gateway/parameter. */
export function onlyKeys(query: URLSearchParams, known: readonly string[]): void {
  for (const key of query.keys()) if (!known.includes(key)) throw wrong("query", `only ${known.join(", ") || "no parameter"}`, key);
}

/** Errors: those of `readObject`, gateway/parameter with the key's place. */
export async function bodyOf<S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>> {
  const { body } = await readObject(request);
  return asParameter(() => check(schema, body, "body"));
}
