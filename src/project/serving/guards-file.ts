/**
 * Guards of responses as a deployment carries them: block lists and a classifier beside one JSON file, which names the digest of each. What `serve.blocked` and
 * `serve.moderate` of loam.yaml are for a project, this file is for an image: the same lists, read by the same code.
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { check, readText } from "../../base/index.ts";
import { moderatePart } from "../../serve/part.ts";
import { readBlocklist } from "../../text/index.ts";
import { wrongArgument } from "../errors.ts";
import type { BlockedFinders } from "./served-blocklist.ts";
import { blocklistFault, withFinders } from "./served-blocklist.ts";

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

const guardsSchema = z.strictObject({
  format: z.literal(1),
  blocked: z.array(
    z.strictObject({
      words: z.array(z.string()),
      /** Beside this file. */
      files: z.array(z.string()),
      patterns: z.array(z.string()),
      wholeWords: z.boolean(),
      /** SHA-256 of each file. */
      digests: z.array(hex64),
    }),
  ),
  /** `model` is a folder beside this file, of the digest. */
  moderate: moderatePart.extend({ digest: hex64 }).nullable(),
});

/** What the file holds. */
export type GuardsFile = z.output<typeof guardsSchema>;

interface ReadGuards {
  readonly blocklist: BlockedFinders | undefined;
  readonly moderate: NonNullable<GuardsFile["moderate"]> | null;
}

/** Errors: base/missingFile, base/config, serve/blocklist; project/argument for a list of other bytes. */
export async function readGuards(path: string): Promise<ReadGuards> {
  const text = await readText(path);
  const place = `loam serve: --guards ${path}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrongArgument(place, "JSON that `loam deploy` wrote", (error as Error).message);
  }
  const { blocked, moderate } = check(guardsSchema, value, path);
  const folder = dirname(path);
  const lists = await Promise.all(
    blocked.map(async ({ digests, ...list }) => {
      const read = await readBlocklist(list, folder, place, blocklistFault);
      const changed = list.files.find((_, i) => read.digests[i] !== digests[i]);
      if (changed !== undefined) throw wrongArgument(`${place}: ${changed}`, "the list that was deployed", "other bytes", "Deploy again.");
      return read;
    }),
  );
  return {
    blocklist: lists.length === 0 ? undefined : withFinders(lists),
    moderate: moderate && { ...moderate, model: resolve(folder, moderate.model) },
  };
}
