/** `serve.blocked` of `loam.yaml`: words, phrases and patterns that no answer of a served model has, its own and those of guards of the gateway. */
import { z } from "zod";
import { serveErrors } from "../../serve/index.ts";
import { type Blocklist, type BlocklistWords, readBlocklist } from "../../text/index.ts";
import { type ProjectFile, projectFile } from "../project-file.ts";

const place = `${projectFile}: serve.blocked`;

/** What is read here of a guard; the gateway checks all of it. */
const guardOfList = z.looseObject({
  kind: z.literal("blocklist"),
  words: z.array(z.string()).default([]),
  files: z.array(z.string()).default([]),
  patterns: z.array(z.string()).default([]),
  wholeWords: z.boolean().default(true),
});
const withGuards = z.looseObject({ guards: z.record(z.string(), z.unknown()).default({}) });

export const blocklistFault = (at: string, expected: string, received: string, hint?: string) =>
  serveErrors.fail("blocklist", { place: at, expected, received, ...(hint === undefined ? {} : { hint }) });

/** What a response is searched with. */
export type BlockedFinders = Pick<Blocklist, "finders">;

export const withFinders = (lists: readonly BlockedFinders[]): BlockedFinders => ({ finders: () => lists.flatMap(list => list.finders()) });

/** The lists as they are written: the project's own, and those of guards that it names. Errors: serve/blocklist for a guard that there is none of. */
export function blockedLists({ config }: Pick<ProjectFile, "config">): readonly BlocklistWords[] {
  const blocked = config.serve?.blocked;
  if (!blocked) return [];
  const { guards, ...own } = blocked;
  const known = withGuards.safeParse(config.gateway ?? {}).data?.guards ?? {};
  const named = guards.map((name, i) => {
    const guard = guardOfList.safeParse(known[name]);
    if (guard.success) return guard.data;
    const names = Object.keys(known).filter(other => guardOfList.safeParse(known[other]).success);
    throw blocklistFault(
      `${place}.guards[${i}]`,
      `a guard of the kind blocklist of gateway.guards (${names.join(", ") || "there is none"})`,
      `"${name}"`,
    );
  });
  const isEmpty = own.words.length + own.files.length + own.patterns.length === 0 && named.length > 0;
  return [...(isEmpty ? [] : [own]), ...named];
}

/** Undefined where nothing is blocked. Errors: serve/blocklist with the word's, pattern's or guard's place, base/missingFile. */
export async function servedBlocklist(project: ProjectFile): Promise<BlockedFinders | undefined> {
  if (!project.config.serve?.blocked) return undefined;
  return withFinders(await Promise.all(blockedLists(project).map(list => readBlocklist(list, project.folder, place, blocklistFault))));
}
