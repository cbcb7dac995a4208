/**
 * A guard of private data: what a request holds leaves as placeholders and comes back in the answer. The finding is data's (its step `private`);
 * values live in memory while the request does.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256 } from "../../../base/index.ts";
import type { PrivateType, Recogniser } from "../../../data/index.ts";
import type { Guard, GuardedRequest, TextFilter, TextForm, Verdict } from "../contract.ts";
import { joined } from "../joined.ts";
import { badGuard, type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { replaceSpans } from "./find.ts";
import { jsonPassageFilter, passageFilter } from "./passages.ts";
import { restoreFilter } from "./restore.ts";
import { placeholderForm, Vault } from "./vault.ts";

/** Characters that are looked through before other requests get their turn. */
const turnCharacters = 200_000;
const placeholders = new RegExp(`<${placeholderForm}>`, "g");

const spaced = (type: string): string => type.replace(/[A-Z]/g, c => ` ${c.toLowerCase()}`);

/** Errors: gateway/config where the model of names is none. */
export async function openPrivate(opening: GuardOpening<GuardPartOf<"private">>): Promise<Guard> {
  const { part, place, folder } = opening;
  // only where there is such a guard
  const { decodeNames, findPrivate, nameRecogniser, privateTypes } = await import("../../../data/index.ts");
  const types = new Set<PrivateType>(
    part.types ?? (Object.keys(privateTypes) as PrivateType[]).filter(type => privateTypes[type] !== "keep"),
  );
  let recogniser: Recogniser | undefined;
  let digest: string | undefined;
  if (part.names) {
    const { model, minScore } = part.names;
    let bytes: Buffer;
    try {
      bytes = await readFile(resolve(folder, model));
    } catch {
      throw badGuard(`${place}.names.model`, "a file that `loam data private train` made", JSON.stringify(model));
    }
    digest = sha256(bytes);
    recogniser = nameRecogniser(decodeNames(bytes, model), minScore);
  } else if (part.types?.some(t => t === "name" || t === "place"))
    throw badGuard(`${place}.types`, "a model for names and places: names: { model: FILE }", "none", "Train one: docs/data-private.md.");
  const { minScore, regions, action, restore, answer } = part;
  const options = { minScore, ...(regions ? { regions } : {}), ...(recogniser ? { recogniser } : {}) };
  const find = (text: string) => findPrivate(text, options).filter(s => types.has(s.type));

  const before = async (texts: readonly string[], vault: Vault): Promise<Verdict> => {
    const out: string[] = [];
    const found = new Set<string>();
    let turn = 0;
    for (const text of texts) {
      turn += text.length;
      if (turn > turnCharacters) {
        turn = 0;
        await new Promise(resume => setImmediate(resume));
      }
      const changed = replaceSpans(text, find, (type, value) => vault.placeholderOf(type, value), placeholders);
      for (const type of changed.types) found.add(type);
      out.push(changed.text);
    }
    if (found.size === 0) return { kind: "pass" };
    if (action === "flag") return { kind: "flag" };
    if (action === "redact") return { kind: "rewrite", texts: out };
    return { kind: "block", why: `it holds private data (${[...found].map(spaced).join(", ")})` };
  };

  return guardOf(opening, {
    more: digest,
    open: () => {
      let vault: Vault | undefined;
      return {
        before: ({ texts, conversation }: GuardedRequest) => {
          vault = new Vault(texts, conversation);
          return before(texts, vault);
        },
        filter: (form: TextForm): TextFilter | undefined => {
          const filters: TextFilter[] = [];
          if (answer !== "keep") filters.push((form === "json" ? jsonPassageFilter : passageFilter)({ find, action: answer }));
          // what is put back must not be looked at again
          if (restore && action === "redact" && vault && !vault.isEmpty) filters.push(restoreFilter(vault, form));
          return filters.length === 0 ? undefined : joined(filters);
        },
      };
    },
  });
}
