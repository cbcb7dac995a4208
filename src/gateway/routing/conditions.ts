/**
 * Conditions on a request, as rules and priorities are written: every key an "and", every list an "or", a name exact or its beginning and `*`. Read
 * once from the configuration; asked of a request without looking at anything that no condition names.
 */
import { z } from "zod";
import { isRow } from "../../protocols/part.ts";
import { type Endpoint, endpoints } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import type { Identity } from "../identity/contract.ts";
import { fitsName, inBound, namesOf } from "../policy/decide.ts";
import { bound, whoKinds } from "../policy/rules.ts";

const pattern = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^*]*\*?$/, 'a name, or its beginning and "*"');
const patterns = z.array(pattern).min(1).max(1_000);
const who = patterns.optional();

/** Headers that hold secrets: a rule would have to hold them too. */
const secretHeaders = ["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"];
const header = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name")
  .refine(name => !secretHeaders.includes(name.toLowerCase()), "a header that holds no secret; say `keys`, `subjects` or `teams` instead")
  .transform(name => name.toLowerCase());
const tokens = z.int().min(0).max(1_000_000_000);

export const conditions = z.lazy(() =>
  z
    .strictObject({
      keys: who.describe("API keys."),
      subjects: who.describe("Users and service accounts."),
      teams: who.describe("Teams."),
      organisations: who.describe("Organisations."),
      roles: who.describe("Roles."),
      models: patterns.optional().describe("Models by public name."),
      endpoints: z.array(z.enum(endpoints)).min(1).optional().describe("Endpoints."),
      headers: z
        .record(header, z.union([pattern.transform(p => [p]), patterns]))
        .optional()
        .describe("Request headers; `*`: any value."),
      tags: patterns.optional().describe("Tags in `x-loam-tags` or `metadata.tags`."),
      metadata: z
        .record(z.string().min(1).max(64), z.union([pattern.transform(p => [p]), patterns]))
        .optional()
        .describe("Values of the body's `metadata`; `*`: any value."),
      parameters: z.record(z.string(), bound).optional().describe("Bounds on request parameters."),
      inputTokens: z
        .strictObject({
          from: tokens.default(0).describe("Minimum, inclusive."),
          to: tokens.optional().describe("Maximum, exclusive."),
        })
        .refine(t => t.to === undefined || t.from < t.to, "from below to")
        .optional()
        .describe("Prompt length in tokens."),
      stream: z.boolean().optional().describe("Streaming requests."),
    })
    .refine(c => Object.keys(c).length > 0, "at least one condition"),
);
export type Conditions = z.output<typeof conditions>;

/** What conditions are asked of. */
export interface Facts {
  readonly headers: { get(name: string): string | null };
  readonly identity: Identity;
  readonly endpoint: Endpoint;
  /** Public name. */
  readonly model: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly inputTokens: number;
  readonly isStream: boolean;
}

/** More tags, or longer ones, are no marks of a request but an attempt to make looking at them slow. */
const mostTags = 32;
const tagCharacters = 64;

/** Errors: gateway/parameter where there are too many, or one is too long. */
export function tagsOf({ headers, body }: Pick<Facts, "headers" | "body">): string[] {
  const { metadata } = body;
  const given = isRow(metadata) ? metadata.tags : undefined;
  const inBody = Array.isArray(given) ? given.filter(t => typeof t === "string") : typeof given === "string" ? given.split(",") : [];
  const tags = [...(headers.get("x-loam-tags") ?? "").split(","), ...inBody].map(t => t.trim()).filter(t => t !== "");
  const long = tags.find(t => t.length > tagCharacters);
  if (tags.length > mostTags || long !== undefined)
    throw gatewayErrors.fail("parameter", {
      place: "x-loam-tags",
      expected: `at most ${mostTags} tags of at most ${tagCharacters} characters`,
      received: long === undefined ? `${tags.length} tags` : `one of ${long.length}`,
    });
  return tags;
}

const some = (wanted: readonly string[], values: readonly string[]): boolean => wanted.some(p => values.some(v => fitsName(p, v)));

const simple = (value: unknown) =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean" ? value : undefined;

/** Whether a request fulfils all of them. Errors: those of `tagsOf`. */
export function holds(c: Conditions, f: Facts): boolean {
  for (const kind of whoKinds) {
    const wanted = c[kind];
    if (wanted !== undefined && !some(wanted, namesOf[kind](f.identity))) return false;
  }
  if (c.models !== undefined && !some(c.models, [f.model])) return false;
  if (c.endpoints !== undefined && !c.endpoints.includes(f.endpoint)) return false;
  if (c.stream !== undefined && c.stream !== f.isStream) return false;
  const { from = 0, to = Number.POSITIVE_INFINITY } = c.inputTokens ?? {};
  if (f.inputTokens < from || f.inputTokens >= to) return false;
  for (const [name, bounds] of Object.entries(c.parameters ?? {})) if (!inBound(bounds, simple(f.body[name]))) return false;
  for (const [name, wanted] of Object.entries(c.headers ?? {})) {
    const value = f.headers.get(name);
    if (value === null || !some(wanted, [value])) return false;
  }
  const metadata = isRow(f.body.metadata) ? f.body.metadata : {};
  for (const [name, wanted] of Object.entries(c.metadata ?? {})) {
    const value = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
    if (typeof value !== "string" || !some(wanted, [value])) return false;
  }
  return c.tags === undefined || some(c.tags, tagsOf(f));
}
