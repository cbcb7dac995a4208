/**
 * Labels, shares and policies that were set while a server ran, over its restart: one file beside the record, written whole or not at all.
 * What loam.yaml says of a model goes first again as soon as it says something else than when the file was written.
 */
import { existsSync } from "node:fs";
import { z } from "zod";
import { check, hashOf, parseYaml, readText, writeFileAtomic } from "../../base/index.ts";
import type { RulesData } from "../../serve/index.ts";

const numbers = z.record(z.string(), z.number().int().min(0));
const policy = z.union([
  z.strictObject({ kind: z.literal("latest"), count: z.number().int().min(1) }),
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({ kind: z.literal("specific"), versions: z.array(z.number().int().min(0)) }),
]);
const schema = z.strictObject({
  format: z.literal("loam-serving"),
  version: z.literal(1),
  models: z.record(
    z.string(),
    z.strictObject({
      /** Of what the project file said of the model then. */
      written: z.string(),
      rules: z.strictObject({ labels: numbers, weights: numbers, shadow: numbers, policy: policy.optional() }),
    }),
  ),
});
type Kept = z.output<typeof schema>["models"];

export interface KeptRules {
  /** What was set for a model after the project file said this of it; undefined where nothing was, or the file has changed since. */
  of(name: string, written: RulesData | undefined): RulesData | undefined;
  /** Writes down what holds from now on. */
  keep(name: string, written: RulesData | undefined, rules: RulesData): void;
}

const digestOf = (written: RulesData | undefined): string => hashOf(written ?? null);

/** Errors: base/syntax, base/config where the file is none of ours; without it, labels and shares start anew. */
export function keptRules(file: string): KeptRules {
  const read = (): Kept => {
    if (!existsSync(file)) return {};
    return check(schema, parseYaml(readText(file), file), file).models;
  };
  return {
    of: (name, written) => {
      const kept = read()[name];
      return kept?.written === digestOf(written) ? kept.rules : undefined;
    },
    keep: (name, written, rules) => {
      const models: Kept = { ...read(), [name]: { written: digestOf(written), rules: rules as Kept[string]["rules"] } };
      writeFileAtomic(file, `${JSON.stringify({ format: "loam-serving", version: 1, models }, null, 2)}\n`);
    },
  };
}
