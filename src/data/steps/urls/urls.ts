/**
 * The urls step: documents by the address they come from, and by the addresses in their text, against lists of domains and beginnings of
 * addresses. Subdomains are meant with their domain. Left out: words in addresses, and lists of advertising filters (`||name^`).
 */

import type { z } from "zod";
import type { StepVerdict } from "../../ledger.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { addressesIn, parseAddress, type UrlAddress } from "./address.ts";
import { type Entry, parseEntry } from "./entry.ts";
import { readList } from "./list-file.ts";
import { Lists } from "./lists.ts";
import { urlsOptions } from "./options.ts";

type Options = z.output<typeof urlsOptions>;

const rules = {
  "max-urls": { option: "maxUrls", keep: "atMost" },
  "max-url-share": { option: "maxUrlShare", keep: "atMost" },
  "max-blocked-urls": { option: "maxBlockedUrls", keep: "atMost" },
  "max-blocked-url-share": { option: "maxBlockedUrlShare", keep: "atMost" },
} as const satisfies Rules;

/** Files of a list, each with the name that its hits are told by. */
const filesOf = (o: Options["block"]): { readonly path: string; readonly name: string }[] => [
  ...o.files.map(path => ({ path, name: path })),
  ...o.folders.flatMap(({ folder, categories, kinds }) =>
    categories.flatMap(category => kinds.map(kind => ({ path: `${folder.replace(/\/+$/, "")}/${category}/${kind}`, name: category }))),
  ),
];

/** By the document's own address. */
function verdictsOf(own: UrlAddress | undefined, o: Options, lists: Lists): StepVerdict[] {
  if (!own) return o.withoutUrl === "drop" ? [{ rule: "without-url", keep: false, value: 0, threshold: 1 }] : [];
  const hit = lists.find(own);
  const verdicts: StepVerdict[] = [
    {
      rule: "blocked-domain",
      keep: hit?.action !== "block",
      value: hit?.action === "block" ? `${hit.entry} (${hit.list})` : own.host,
      threshold: "on no block list",
    },
  ];
  if (o.others === "drop")
    verdicts.push({ rule: "not-allowed", keep: hit?.action === "allow", value: own.host, threshold: "on an allow list" });
  return verdicts;
}

export const urls = documentStep<typeof urlsOptions, Lists>({
  name: "urls",
  version: 1,
  options: urlsOptions,
  rules,
  needs: o => [...new Set([...filesOf(o.block), ...filesOf(o.allow)].map(f => f.path))].map(path => ({ kind: "file", path })),
  async prepare(o, resources) {
    const lists = new Lists();
    for (const action of ["block", "allow"] as const) {
      lists.add(
        action,
        o[action].entries.map(e => parseEntry(e) as Entry),
        "entries",
      );
      for (const { path, name } of filesOf(o[action])) lists.add(action, readList(await resources.file(path), path), name);
    }
    return lists;
  },
  apply({ text, source, attributes }, o, lists) {
    const given = attributes[o.attribute];
    const own = parseAddress(typeof given === "string" ? given : source);
    let [count, characters, blocked] = [0, 0, 0];
    const named = new Set<string>();
    for (const written of addressesIn(text)) {
      const address = parseAddress(written.text);
      if (!address) continue;
      count++;
      characters += written.text.length;
      const hit = lists.find(address);
      if (hit?.action !== "block") continue;
      blocked++;
      named.add(hit.list);
    }
    const values = {
      "max-urls": count,
      "max-url-share": text.length === 0 ? 0 : characters / text.length,
      "max-blocked-urls": blocked,
      "max-blocked-url-share": count === 0 ? 0 : blocked / count,
    };
    return {
      attributes: {
        ...(own ? { host: own.host } : {}),
        urls: count,
        ...(blocked > 0 ? { blockedUrls: blocked, blockedLists: [...named].sort() } : {}),
      },
      verdicts: [...verdictsOf(own, o, lists), ...judgeByRules(rules, values, o)],
    };
  },
});
