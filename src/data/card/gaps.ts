/** What a data set lacks, said by itself: each row is a question that a careful user asks, and the sentence where the answer is no. */
import { formatCount } from "../../base/index.ts";
import type { DataCard } from "./card.ts";

type Facts = Omit<DataCard, "gaps">;

const has = (c: Facts, ...names: readonly string[]): boolean => c.steps.some(s => names.includes(s.step));

const questions: readonly ((c: Facts) => string | undefined | false)[] = [
  c => !c.licence && "No licence is named for the data set (`card.licence` in loam.yaml).",
  c => {
    const unknown = c.sources.filter(s => !s.licence).map(s => s.origin);
    return unknown.length > 0 && `No licence is known of the sources: ${unknown.join(", ")}.`;
  },
  c => !c.contact && "No contact is named for questions and requests to remove a document (`card.contact`).",
  c => c.languages.from === "nothing" && "Languages were not determined.",
  c => c.languages.from === "project" && "Languages are what the project says; no step looked.",
  c =>
    !c.privateData.isSearched
      ? "Private data and secrets were not looked for."
      : c.privateData.policy.name !== "keep" &&
        !c.privateData.found.some(f => f.type === "name") &&
        "Names of people and places were not found by any recogniser; they may stand in the texts.",
  c => !has(c, "deduplicate") && "Copies were not looked for.",
  c =>
    has(c, "deduplicate") &&
    c.steps.every(s => s.step !== "deduplicate" || !s.options.fuzzy) &&
    "Only exact copies were removed; documents that are nearly alike may stand several times.",
  c => !has(c, "decontaminate", "contamination") && "Evaluation sets were not searched for in the documents (contamination).",
  c => c.split.heldOut.documents === 0 && "No documents are held out.",
  c =>
    c.split.heldOut.documents > 0 && c.split.leakage.threshold === null && "It is not known how alike documents of the two sides may be.",
  c =>
    c.split.leakage.crossing > 0 &&
    `${formatCount(c.split.leakage.crossing)} ${c.split.leakage.crossing === 1 ? "pair" : "pairs"} of documents across the sides are alike (similarity ${c.split.leakage.threshold} and more).`,
  c =>
    c.split.leakage.templated !== undefined &&
    `${formatCount(c.split.leakage.templated)} held-out documents are like a train document by their words: short texts of one template, whose group was too large for one side (near.largestGroup).`,
  c => !has(c, "toxicity", "perplexity", "quality") && "No model judged the texts; what is offensive, wrong or dull was not looked for.",
  c => {
    const aside = c.funnel.find(r => r.what === "set aside")?.documents ?? 0;
    return (
      aside > 0 &&
      `${formatCount(aside)} ${aside === 1 ? "record" : "records"} could not be read and ${aside === 1 ? "is" : "are"} no part of it.`
    );
  },
  c => c.steps.length === 0 && "What the steps measured was not kept when it was made.",
];

export const gapsOf = (facts: Facts): string[] => questions.flatMap(ask => ask(facts) || []);
