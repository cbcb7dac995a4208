/**
 * The toxicity step: how much of a text is words of a weighted list, by category. It sees words, not what is meant: a quotation, a novel and
 * a report about insults score like the insult. Left out: a learned scorer.
 */

import type { z } from "zod";
import { dataErrors } from "../../errors.ts";
import type { StepVerdict } from "../../ledger.ts";
import type { Resources } from "../../resources.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { ToxicTermFinder } from "./finder.ts";
import { toxicityOptions, weight } from "./options.ts";
import { defaultWords, type WordTable } from "./words.ts";

type Options = z.output<typeof toxicityOptions>;

const rules = { toxicity: { option: "maxToxicity", keep: "atMost" } } as const satisfies Rules;

/** A text counts as having so many words at least: one word in a text of three is no density. */
const minWords = 50;

async function tableOf(o: Options, resources: Resources): Promise<WordTable> {
  const table: Record<string, Record<string, number>> = {};
  const add = (name: string, words: Readonly<Record<string, number>>) => {
    table[name] = { ...table[name], ...words };
  };
  if (o.defaults) for (const [name, words] of Object.entries(defaultWords)) add(name, words);
  for (const { file, category: name, weight: usual } of o.files) {
    const lines = (await resources.file(file)).toString("utf8").split(/\r?\n/);
    for (const [i, line] of lines.entries()) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const [word = "", given] = line.split("\t");
      const parsed = weight.safeParse(given === undefined ? usual : Number(given));
      if (word.trim() === "" || !parsed.success)
        throw dataErrors.fail("resource", {
          place: `${file}:${i + 1}`,
          expected: "a word and, behind a tab, a weight above 0 and at most 1",
          received: JSON.stringify(line.slice(0, 60)),
        });
      add(name, { [word.trim()]: parsed.data });
    }
  }
  for (const [name, words] of Object.entries(o.words)) add(name, words);
  for (const words of Object.values(table)) for (const word of o.except) delete words[word];
  return table;
}

export const toxicity = documentStep<typeof toxicityOptions, ToxicTermFinder>({
  name: "toxicity",
  version: 3,
  options: toxicityOptions,
  rules,
  needs: o => [...new Set(o.files.map(f => f.file))].map(path => ({ kind: "file", path })),
  prepare: async (o, resources) => new ToxicTermFinder(await tableOf(o, resources)),
  apply({ text }, o, finder) {
    const found = finder.find(text);
    const density = (sum: number) => (1000 * sum) / Math.max(found.words, minWords);
    const value = density(found.weight);
    const verdicts: StepVerdict[] = judgeByRules(rules, { toxicity: value }, o);
    for (const [name, threshold] of Object.entries(o.maxByCategory)) {
      if (threshold === null) continue;
      const of = density(found.categories.get(name)?.weight ?? 0);
      verdicts.push({ rule: `toxicity-${name}`, keep: of <= threshold, value: of, threshold });
    }
    const counts = [...found.categories].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { count }]) => `${name} ${count}`);
    return {
      attributes: { toxicity: Math.round(value * 100) / 100, ...(counts.length > 0 ? { toxicWords: counts } : {}) },
      verdicts,
    };
  },
});
