/** Bodies and queries of what the console and administrators send. */
import { z } from "zod";

export const person = z.string().regex(/^[^\p{Cc}]{1,64}$/u, "a name of 1 to 64 characters");
export const givenLabel = z.object({ id: z.string().min(1).max(256), label: z.string().min(1).max(64).nullable(), by: person });

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
