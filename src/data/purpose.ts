/**
 * Purpose and consent of documents, checked before something learns from them: the documents of a data set that may be used for a purpose, or an error that
 * counts those that lack it. Both sides are checked: held-out documents stop training and choose thresholds.
 */
import { z } from "zod";
import { formatCount } from "../base/index.ts";
import { type ArtifactReader, stage } from "../store/index.ts";
import { type Document, type DocumentAttribute, documentLine } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { mixtureColumnFile } from "./mixture/files.ts";
import { type PurposeRule, purposeRule } from "./purpose-rule.ts";
import { documentsOf, type SplitSide } from "./stage.ts";

/** Values of `consent` that say that there is none. */
const noConsent: ReadonlySet<string> = new Set(["", "0", "no", "false", "none", "denied", "refused", "withdrawn"]);

const listed = (value: DocumentAttribute | undefined): readonly string[] =>
  Array.isArray(value) ? value : typeof value === "string" ? value.split(",").map(one => one.trim()) : [];

const isConsent = (value: DocumentAttribute | undefined): boolean =>
  value !== undefined && value !== null && (Array.isArray(value) ? value.length > 0 : !noConsent.has(String(value).trim().toLowerCase()));

/** Why a document may not be used under a rule; undefined where it may. */
export function lacksPurpose({ attributes }: Pick<Document, "attributes">, rule: PurposeRule): "purpose" | "consent" | undefined {
  if (!listed(attributes.purpose).includes(rule.for)) return "purpose";
  return rule.consent && !isConsent(attributes.consent) ? "consent" : undefined;
}

const sides: readonly SplitSide[] = ["train", "held-out"];

interface Tally {
  read: number;
  purpose: number;
  consent: number;
  /** Purposes of documents that lack the wanted one. */
  readonly others: Map<string, number>;
  first: string | undefined;
}

async function tallyOf(documents: ArtifactReader, rule: PurposeRule, signal: AbortSignal): Promise<Tally> {
  const tally: Tally = { read: 0, purpose: 0, consent: 0, others: new Map(), first: undefined };
  for (const side of sides)
    for await (const d of documentsOf(documents, side)) {
      signal.throwIfAborted();
      tally.read++;
      const why = lacksPurpose(d, rule);
      if (why === undefined) continue;
      tally[why]++;
      tally.first ??= d.id;
      if (why !== "purpose") continue;
      const stated = listed(d.attributes.purpose).join(", ") || "none";
      tally.others.set(stated, (tally.others.get(stated) ?? 0) + 1);
    }
  return tally;
}

/** The commonest purposes that are stated instead, as errors list them. */
const othersLine = (others: ReadonlyMap<string, number>): string =>
  [...others]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([stated, times]) => `${stated.slice(0, 60)}: ${formatCount(times)}`)
    .join("; ");

function checkTally(place: string, rule: PurposeRule, { read, purpose, consent, others, first }: Tally, hasMixture: boolean): void {
  const lacking = purpose + consent;
  if (lacking === 0) return;
  const counted = `${formatCount(lacking)} of ${formatCount(read)} documents lack it`;
  const received = [
    counted,
    ...(purpose > 0 ? [`purpose of ${formatCount(purpose)} (${othersLine(others)})`] : []),
    ...(consent > 0 ? [`consent of ${formatCount(consent)}`] : []),
    `the first is ${first}`,
  ].join(", ");
  const expected = `documents with purpose "${rule.for}"${rule.consent ? " and consent" : ""}`;
  if (rule.lacking === "refuse" || lacking === read)
    throw dataErrors.fail("purpose", {
      place,
      expected,
      received,
      hint:
        lacking === read
          ? "Name the source's fields: `attributes: { purpose: FIELD, consent: FIELD }` (docs/privacy.md), or correct the purpose."
          : "Use another data set, state the purpose in the source, or leave such documents out: `purpose: { for: ..., lacking: drop }`.",
    });
  if (hasMixture)
    throw dataErrors.fail("purpose", {
      place,
      expected: `${expected}: a data set with \`mixture\` is weighed with all its documents`,
      received,
      hint: "Train on a data set without `mixture`, or one whose source holds only documents of the purpose.",
    });
}

const stageOptions = z.strictObject({ model: z.string(), rule: purposeRule });

/** Documents -> those that may be used for the purpose. Errors: data/purpose. */
export const purposeStage = stage({
  name: "purpose",
  version: 1,
  inputs: { documents: "documents" },
  options: stageOptions,
  output: "documents",
  async run({ inputs: { documents }, options: { model, rule }, output, signal }) {
    const tally = await tallyOf(documents, rule, signal);
    const hasMixture = documents.files.some(f => f.name === mixtureColumnFile);
    checkTally(`models.${model}.purpose`, rule, tally, hasMixture);
    const kept: Record<SplitSide, number> = { train: 0, "held-out": 0 };
    async function* linesOf(side: SplitSide): AsyncGenerator<string> {
      for await (const d of documentsOf(documents, side)) {
        if (lacksPurpose(d, rule) !== undefined) continue;
        kept[side]++;
        yield documentLine(d);
      }
    }
    for (const side of sides) await output.writeStream(`${side}.jsonl`, linesOf(side));
    // nothing is dropped where a mixture weighs the documents
    if (hasMixture)
      for (const { name } of documents.files.filter(f => f.name.startsWith("mixture.")))
        await output.write(name, await documents.read(name));
    return {
      ...documents.summary,
      trainDocuments: kept.train,
      heldOutDocuments: kept["held-out"],
      lackingPurpose: tally.purpose,
      lackingConsent: tally.consent,
    };
  },
});
