/** What an address for administrators is made of: its methods, each with the right that it needs; and how queries and bodies are read. */

import type { z } from "zod";
import { check } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { readObject } from "../http/ask.ts";
import type { Answer } from "../http/exchange.ts";
import { asParameter } from "../identity/as-parameter.ts";
import type { Identity } from "../identity/contract.ts";
import type { GatewayPorts } from "../ports.ts";
import type { AdminPath } from "./paths.ts";
import type { Right } from "./roles.ts";

export interface AdminRequest {
  readonly gateway: GatewayPorts;
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

export const adminJson = (value: unknown, status = 200, headers: Answer["headers"] = {}): Answer => ({
  status,
  body: JSON.stringify(value),
  headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
});

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
export async function adminBody<S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>> {
  const { body } = await readObject(request);
  return asParameter(() => check(schema, body, "body"));
}
