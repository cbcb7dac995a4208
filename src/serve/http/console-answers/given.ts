/** Bodies and queries of what the console and administrators send. */
import { z } from "zod";

export const person = z.string().regex(/^[^\p{Cc}]{1,64}$/u, "a name of 1 to 64 characters");
const className = z.string().min(1).max(64);
const range = z.strictObject({ start: z.int().min(0), end: z.int().min(1), label: className });
export const givenLabel = z.object({
  id: z.string().min(1).max(256),
  label: z
    .union([className, z.array(className).max(9), z.array(range).max(1_000)])
    .nullable()
    .describe("a class, several, or ranges in UTF-16 code units, by the kind of the set; null takes it back"),
  by: person.optional().describe("who labels; by default, and where requests have accounts only, the account of the request"),
  adjudicated: z.literal(true).optional().describe("decides a text on which people differ"),
});

const model = z.string().min(1).max(256);
const name = z.string().min(1).max(256);
const version = z.int().min(0);
const keepAlive = z.union([z.string(), z.number()], { error: "seconds, or a time such as 5m" }).nullish();
const weights = z.record(z.string().regex(/^\d{1,15}$/), z.int().min(0), { error: "versions with whole numbers" });

/** Of /v1/admin, by the last part of the path. */
export const adminBodies = {
  load: z.object({ model, keep_alive: keepAlive }),
  unload: z.object({ model, force: z.boolean().nullish() }),
  label: z.object({ name, label: z.string(), version: version.nullable() }),
  follow: z.object({ name: name.nullish() }),
  split: z.object({ name, weights: weights.nullish(), shadow: weights.nullish() }),
  policy: z.object({
    name,
    policy: z.union(
      [z.object({ latest: z.int().min(1) }), z.object({ all: z.literal(true) }), z.object({ versions: z.array(version).min(1) })],
      { error: 'one of {"latest": 2}, {"all": true}, {"versions": [1, 3]}' },
    ),
  }),
};
