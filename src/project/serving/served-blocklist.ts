/** `serve.blocked` of `loam.yaml`: words, phrases and patterns that no answer of a served model has, its own and those of guards of the gateway. */
import { z } from "zod";
import { serveErrors } from "../../serve/index.ts";
import { type Blocklist, readBlocklist } from "../../text/index.ts";
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

const fault = (at: string, expected: string, received: string, hint?: string) =>
  serveErrors.fail("blocklist", { place: at, expected, received, ...(hint === undefined ? {} : { hint }) });

/** Undefined where nothing is blocked. Errors: serve/blocklist with the word's, pattern's or guard's place, base/missingFile. */
export async function servedBlocklist({ folder, config }: ProjectFile): Promise<Pick<Blocklist, "finders"> | undefined> {
  const blocked = config.serve?.blocked;
  if (!blocked) return undefined;
  const { guards, ...own } = blocked;
  const known = withGuards.safeParse(config.gateway ?? {}).data?.guards ?? {};
  const named = guards.map((name, i) => {
    const guard = guardOfList.safeParse(known[name]);
    if (guard.success) return guard.data;
    const names = Object.keys(known).filter(other => guardOfList.safeParse(known[other]).success);
    throw fault(
      `${place}.guards[${i}]`,
      `a guard of the kind blocklist of gateway.guards (${names.join(", ") || "there is none"})`,
      `"${name}"`,
    );
  });
  const isEmpty = own.words.length + own.files.length + own.patterns.length === 0 && named.length > 0;
  const lists = await Promise.all([...(isEmpty ? [] : [own]), ...named].map(list => readBlocklist(list, folder, place, fault)));
  return { finders: () => lists.flatMap(list => list.finders()) };
}
