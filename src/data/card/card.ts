/**
 * A data card: what a data set is, where it comes from, what was done to it and what it lacks, as plain data. Numbers are the report's; the
 * rest is what the project says. Never a value of private data, never a text. Idea: Datasheets for Datasets (Gebru et al. 2018).
 */
import { defined } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { dataReport, type FunnelRow, type RuleReport } from "../report.ts";
import { findPrivate } from "../steps/private/find.ts";
import { gapsOf } from "./gaps.ts";
import type { CardPart } from "./part.ts";
import type { SourceFacts } from "./source-facts.ts";

export const cardFormat = "loam-card/1";

/** What the record knows of an artifact beside its files. */
export interface CardRecord {
  readonly name: string;
  readonly createdMs: number;
  /** The data stage's, as recorded. */
  readonly options: unknown;
  readonly sources: readonly SourceFacts[];
  /** Accountable owner, as a person reads it. */
  readonly owner?: string | undefined;
}

interface StepFacts {
  readonly step: string;
  readonly version: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seen: number;
  readonly dropped: number;
  readonly edited: number;
  readonly spared: number;
}

export interface KindFacts {
  readonly value: string;
  readonly train: number;
  readonly heldOut: number;
  readonly dropped: number;
  readonly bytes: number;
}

export interface DataCard extends Omit<CardPart, "gaps" | "creator" | "language"> {
  readonly format: typeof cardFormat;
  readonly name: string;
  readonly artifact: string;
  readonly digest: string;
  /** ISO date and time. */
  readonly made: string;
  readonly creator: readonly string[];
  /** Accountable owner. */
  readonly owner?: string;
  readonly sources: readonly SourceFacts[];
  readonly funnel: readonly FunnelRow[];
  readonly reasons: readonly { readonly reason: string; readonly documents: number }[];
  readonly steps: readonly StepFacts[];
  readonly thresholds: readonly Pick<RuleReport, "step" | "rule" | "option" | "keep" | "threshold" | "measured" | "beyond" | "dropped">[];
  /** What was found in the documents, or what the project says of them; empty where neither tells. */
  readonly languages: {
    readonly from: "documents" | "project" | "nothing";
    readonly values: readonly (KindFacts | { readonly value: string })[];
  };
  /** Sources' folders, labels and formats. */
  readonly kinds: readonly { readonly name: string; readonly values: readonly KindFacts[]; readonly others: number }[];
  readonly privateData: {
    readonly isSearched: boolean;
    /** Type -> what becomes of it. */
    readonly policy: Readonly<Record<string, string>>;
    readonly found: readonly { readonly type: string; readonly documents: number; readonly times: number }[];
  };
  readonly duplicates: { readonly dropped: readonly { readonly reason: string; readonly documents: number }[]; readonly clusters: number };
  readonly split: {
    readonly by: string;
    readonly seed: string;
    readonly train: { readonly documents: number; readonly bytes: number };
    readonly heldOut: { readonly documents: number; readonly bytes: number };
    /** Pairs of documents across the sides that are as alike as `threshold`, counted exactly. */
    /** `shortWords`: texts of at most this many words were compared by single words too. */
    readonly leakage: {
      readonly crossing: number;
      /** Held-out documents like a train one by words, of groups that were too large for one side; absent where there are none. */
      readonly templated?: number;
      readonly threshold: number | null;
      readonly shortWords: number;
    };
  };
  readonly keptByName: number;
  readonly forgotten: number;
  readonly gaps: readonly string[];
}

/** Share of the kept documents from which on a language is one of the data set's, and not a stray or a mistake. */
const mainShare = 0.01;

/** Languages that a catalogue should know of: those said, or those found in enough of the documents; the commonest first. */
export function mainLanguages({ languages, split }: Pick<DataCard, "languages" | "split">): string[] {
  const all = split.train.documents + split.heldOut.documents;
  return languages.values.flatMap(v => (("train" in v && v.train + v.heldOut < mainShare * all) || v.value === "und" ? [] : [v.value]));
}

/** Attributes whose values describe kinds of documents, not people. */
const openKinds = ["source", "origin", "label", "format", "language", "licence", "license", "domain", "category"];
const languageNames = ["language", "lang"];
const duplicateSteps = ["deduplicate", "semantic", "semantic-duplicates"];

interface StageOptions {
  readonly split?: {
    readonly by?: unknown;
    readonly seed?: unknown;
    readonly near?: { readonly threshold?: number; readonly shortWords?: number };
  };
  readonly keep?: readonly string[];
  readonly forget?: readonly string[];
}

const isOpen = (value: string): boolean => findPrivate(value).length === 0;
const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;

/** The card of a documents artifact. */
export async function dataCard(artifact: ArtifactReader, record: CardRecord, part: CardPart): Promise<DataCard> {
  const report = await dataReport(artifact, { examples: 1, clusters: 0, bins: 1 });
  const o = (record.options ?? {}) as StageOptions;
  const facet = (names: readonly string[]) => report.facets.find(f => names.includes(f.name));
  const found = facet(languageNames);
  const said = list(part.language);
  const by = o.split?.by;
  const side = (what: "train" | "held-out") => {
    const row = report.funnel.find(r => r.what === what);
    return { documents: row?.documents ?? 0, bytes: row?.bytes ?? 0 };
  };
  const masking = report.steps.filter(s => s.step === "private");
  const card: Omit<DataCard, "gaps"> = {
    format: cardFormat,
    name: record.name,
    ...part,
    creator: list(part.creator),
    ...defined({ owner: record.owner }),
    artifact: artifact.id,
    digest: artifact.digest,
    made: new Date(record.createdMs).toISOString(),
    sources: record.sources,
    funnel: report.funnel,
    reasons: report.reasons,
    steps: report.steps.map(({ step, version, options, seen, dropped, edited, spared }) => ({
      step,
      version,
      options: withoutSecrets(options),
      seen,
      dropped,
      edited,
      spared,
    })),
    thresholds: report.rules.map(({ step, rule, option, keep, threshold, measured, beyond, dropped }) => ({
      step,
      rule,
      ...defined({ option, keep }),
      threshold,
      measured,
      beyond,
      dropped,
    })),
    languages: found
      ? { from: "documents", values: found.values }
      : { from: said.length > 0 ? "project" : "nothing", values: said.map(value => ({ value })) },
    kinds: report.facets
      .filter(f => openKinds.includes(f.name) && f !== found)
      .map(({ name, values, others }) => {
        const open = values.filter(v => isOpen(v.value));
        return { name, values: open, others: others + values.length - open.length };
      }),
    privateData: {
      isSearched: masking.length > 0,
      policy: Object.assign({}, ...masking.map(s => s.options.policy)) as Record<string, string>,
      found: report.edits
        .filter(e => e.step === "private")
        .map(e => ({ type: e.rule, documents: e.documents, times: e.times ?? e.documents })),
    },
    duplicates: {
      dropped: report.reasons.filter(r => duplicateSteps.some(s => r.reason.startsWith(`${s}/`))),
      clusters: report.clusters.count,
    },
    split: {
      by: typeof by === "string" ? by : by === undefined ? "near-duplicate" : `the attribute ${(by as { attribute?: string }).attribute}`,
      seed: String(o.split?.seed ?? 1),
      train: side("train"),
      heldOut: side("held-out"),
      leakage: {
        crossing: Number(artifact.summary.crossing ?? 0),
        ...(Number(artifact.summary.templated ?? 0) > 0 ? { templated: Number(artifact.summary.templated) } : {}),
        threshold: o.split?.near?.threshold ?? null,
        shortWords: o.split?.near?.shortWords ?? 0,
      },
    },
    keptByName: o.keep?.length ?? 0,
    forgotten: o.forget?.length ?? 0,
  };
  return { ...card, gaps: [...gapsOf(card), ...part.gaps] };
}

/** Options as they are shown: a seed of surrogates would let its reader try values. */
const withoutSecrets = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([k, v]) => [k, k === "seed" && typeof v === "string" ? "(not shown)" : v]));
