/**
 * Which form `auto` chose for a model, so that later starts measure nothing: a small file per weights, processor, number of sequences and version of
 * Loam in the user's folder (`~/.loam/forms`, or below LOAM_HOME). It is a cache: what is damaged, of another user or of another machine is not read,
 * and is written anew.
 */
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { hashOf, makePrivateFolder, privateFileMode, writeFileAtomic } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import { environmentOf, runEnvironment } from "../environment.ts";
import { homeFolder } from "../home-folder.ts";

/** Everything that the quickest form may depend on. */
const conditionsSchema = z.strictObject({
  /** Digest of the files of the weights. */
  weights: z.string(),
  /** Sequences at once. */
  slots: z.number(),
  /** Processor, vector units, machine code, threads, versions of Loam, Node and ONNX Runtime. */
  environment: runEnvironment,
});
type FormConditions = z.output<typeof conditionsSchema>;

export function formConditions(weights: string, { name, capabilities: { details } }: Device, slots: number): FormConditions {
  const threads = typeof details.threads === "number" ? details.threads : undefined;
  return { weights, slots, environment: environmentOf({ name, threads })() };
}

const amount = z.number().min(0);
const schema = z.strictObject({
  format: z.literal("loam-form"),
  version: z.literal(1),
  conditions: conditionsSchema,
  /** Raised when forms give other numbers. */
  revision: z.number(),
  form: z.string(),
  cost: z.strictObject({
    tokens: z.number().int().min(1),
    perplexity: amount,
    fullPerplexity: amount,
    divergence: z.number(),
    agreement: amount.max(1),
  }),
});
type KeptForm = Pick<z.output<typeof schema>, "form" | "cost">;

/** A file of this size or more is none of ours. */
const mostBytes = 64 * 1024;
const others = 0o022;

const pathOf = (conditions: FormConditions): string => join(homeFolder(), ".loam", "forms", `${hashOf(conditions)}.json`);

/** Of this user, and written by nobody else. */
function isOwn(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size >= mostBytes) return false;
  return process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & others) === 0);
}

/** The choice that was kept under these conditions; undefined where there is none that can be trusted. */
export function keptForm(conditions: FormConditions, revision: number): KeptForm | undefined {
  const path = pathOf(conditions);
  try {
    if (!isOwn(path)) return undefined;
    const { data } = schema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    // by the content too: a file that was copied here has another machine's
    if (!data || data.revision !== revision || hashOf(data.conditions) !== hashOf(conditions)) return undefined;
    return { form: data.form, cost: data.cost };
  } catch {
    return undefined;
  }
}

/** Keeps a choice; false where the folder cannot be written, and the next start measures again. */
export function keepForm(conditions: FormConditions, revision: number, { form, cost }: KeptForm): boolean {
  const path = pathOf(conditions);
  try {
    makePrivateFolder(join(path, ".."));
    const text = JSON.stringify({ format: "loam-form", version: 1, conditions, revision, form, cost } satisfies z.output<typeof schema>);
    writeFileAtomic(path, `${text}\n`, { mode: privateFileMode });
    return true;
  } catch {
    return false;
  }
}
