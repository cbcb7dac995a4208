/**
 * A guard of private data: what a request holds leaves as placeholders and comes back in the answer. The finding is data's (its step `private`);
 * values live in memory while the request does.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256 } from "../../../base/index.ts";
import type { PrivateType } from "../../../data/index.ts";
import type { Guard, GuardedRequest, TextFilter, TextForm, Verdict } from "../contract.ts";
import { joinedFilters } from "../joined.ts";
import type { JudgeSpec } from "../judge/judge-types.ts";
import { runnerOf } from "../judge/run.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { jsonPassageFilter, passageFilter } from "./passages.ts";
import { restoreFilter } from "./restore.ts";

/** Errors: gateway/config where the model of names is none; data/resource where the shipped one was changed. */
export async function openPrivate(opening: GuardOpening<GuardPartOf<"private">>): Promise<Guard> {
  const { part, place, folder } = opening;
  // only where there is such a guard
  const { decodeNames, privateTypes, shippedNamesBytes, shippedNamesFile } = await import("../../../data/index.ts");
  const types = part.types ?? (Object.keys(privateTypes) as PrivateType[]).filter(type => privateTypes[type] !== "keep");
  let names: Extract<JudgeSpec, { kind: "private" }>["names"];
  let digest: string | undefined;
  if (part.names) {
    const { model, minScore } = part.names === true ? { model: undefined, minScore: undefined } : part.names;
    let bytes: Buffer;
    try {
      bytes = model === undefined ? shippedNamesBytes() : await readFile(resolve(folder, model));
    } catch (error) {
      if (model === undefined) throw error;
      throw badGuard(`${place}.names.model`, "a file that `loam data private train` made", JSON.stringify(model));
    }
    digest = sha256(bytes);
    decodeNames(bytes, model ?? shippedNamesFile);
    names = { bytes, model: model ?? shippedNamesFile, minScore };
  } else if (part.types?.some(t => t === "name" || t === "place"))
    throw badGuard(`${place}.types`, "a recogniser of names and places: names: true", "none", "docs/data-private.md says what it finds.");
  const { minScore, regions, action, restore, answer } = part;
  const runner = await runnerOf({ kind: "private", types, minScore, regions, names, action });
  const find = runner.find!;

  return guardOf(opening, {
    more: digest,
    maxBytes: part.maxBytes,
    open: ({ identity }) => {
      let values: ReadonlyMap<string, string> = new Map();
      return {
        before: async ({ texts, fixed, conversation, stop }: GuardedRequest): Promise<Verdict> => {
          const result = await runner.run({ texts, fixed, conversation }, identity.keyId, stop);
          // nothing more is done for a client that left
          if (!result) return { kind: "pass" };
          values = new Map(result.values);
          return result.verdict;
        },
        filter: (form: TextForm): TextFilter | undefined => {
          const filters: TextFilter[] = [];
          if (answer !== "keep") filters.push((form === "json" ? jsonPassageFilter : passageFilter)({ find, action: answer }));
          // what is put back must not be looked at again
          if (restore && action === "redact" && values.size > 0) filters.push(restoreFilter({ valueOf: name => values.get(name) }, form));
          return filters.length === 0 ? undefined : joinedFilters(filters);
        },
      };
    },
    close: async () => runner.close(),
  });
}
