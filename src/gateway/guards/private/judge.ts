/** What a request's texts hold of private data, by data's recogniser, and the texts with placeholders for it. */
import { defined } from "../../../base/index.ts";
import { decodeNames, findPrivate, nameRecogniser } from "../../../data/index.ts";
import type { GuardJudging, JudgeInput, JudgePause, JudgeSpec, OpenJudge } from "../judge/judge-types.ts";
import { replaceSpans } from "./find.ts";
import { placeholderForm, Vault } from "./vault.ts";

const placeholders = new RegExp(`<${placeholderForm}>`, "g");
const spaced = (type: string): string => type.replace(/[A-Z]/g, c => ` ${c.toLowerCase()}`);
const listed = (types: Iterable<string>): string => [...types].map(spaced).join(", ");

export function privateJudge(spec: Extract<JudgeSpec, { kind: "private" }>, pause?: JudgePause): OpenJudge {
  const { minScore, regions, names, action } = spec;
  const types = new Set<string>(spec.types);
  const recogniser = names && nameRecogniser(decodeNames(Buffer.from(names.bytes), names.model), names.minScore);
  const options = { minScore, ...defined({ regions, recogniser, pause }) };
  const find = (text: string) => findPrivate(text, options).filter(s => types.has(s.type));

  function* judge({ texts, fixed, conversation }: JudgeInput): GuardJudging {
    const vault = new Vault(texts, conversation);
    const out: string[] = [];
    const found = new Set<string>();
    for (const text of texts) {
      const changed = replaceSpans(text, find, (type, value) => vault.placeholderOf(type, value), placeholders);
      for (const type of changed.types) found.add(type);
      out.push(changed.text);
      yield;
    }
    const inFixed = new Set<string>();
    for (const text of fixed) {
      for (const { type } of find(text)) inFixed.add(type);
      yield;
    }
    const values = [...vault.entries()];
    if (found.size + inFixed.size === 0) return { verdict: { kind: "pass" }, values: [] };
    if (action === "flag") return { verdict: { kind: "flag" }, values: [] };
    if (action === "block")
      return { verdict: { kind: "block", why: `it holds private data (${listed(new Set([...found, ...inFixed]))})` }, values: [] };
    if (inFixed.size > 0)
      return { verdict: { kind: "block", why: `it holds private data in a name or split over parts (${listed(inFixed)})` }, values: [] };
    return { verdict: { kind: "rewrite", texts: out }, values };
  }
  return { judge, find };
}
