/** A guard with a list of words, phrases and patterns, in what is asked and in what is answered. */
import { readBlocklist } from "../../../text/index.ts";
import type { Guard } from "../contract.ts";
import { runnerOf } from "../judge/run.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { listFilter } from "./filter.ts";

/** Errors: gateway/config with the word's or pattern's place, base/missingFile. */
export async function openBlocklist(opening: GuardOpening<GuardPartOf<"blocklist">>): Promise<Guard> {
  const { place, part, folder } = opening;
  const { action, mask, wholeWords, maxBytes, patterns } = part;
  const { words, finders, digests } = await readBlocklist(part, folder, place, badGuard);
  const runner = await runnerOf({ kind: "blocklist", words, patterns, wholeWords, action, mask });
  return guardOf(opening, {
    more: digests,
    maxBytes,
    open: ({ identity }) => ({
      // a client that left gets nothing
      before: async ({ texts, fixed, conversation, stop }) =>
        (await runner.run({ texts, fixed, conversation }, identity.keyId, stop))?.verdict ?? { kind: "pass" },
      filter: form => listFilter({ finders, action, mask, form }),
    }),
    close: async () => runner.close(),
  });
}
