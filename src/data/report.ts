/**
 * What curation did, as plain data for a terminal, a page or another program: the funnel, how every measured value lies beside its
 * threshold, reasons, copies with what they differ in, sources, labels and sizes, and a few examples of each rule. Read from the artifact
 * alone; texts are streamed, a few examples stay.
 */
import type { ArtifactReader } from "../store/index.ts";
import { type Distribution, distributionOf } from "./distribution.ts";
import { type Document, textBytes } from "./document.ts";
import { clusterKey, findDocuments, ledgerLines, readMeasures } from "./explain.ts";
import { type Facet, facets } from "./facets.ts";
import type { LedgerEntry, LedgerMeasure, SetAside } from "./ledger.ts";
import { type DiffLine, lineDiff } from "./line-diff.ts";
import { type ColumnInfo, decodeColumn, type MeasuresInfo, type StepCount } from "./measures.ts";
import { type RepresentationSlice, representation } from "./representation.ts";
import { type Shown, shownBy } from "./shown.ts";
import type { StepName } from "./steps/step-entry.ts";
import { steps as allSteps } from "./steps/steps.ts";

export interface ReportExample {
  readonly id: string;
  readonly value: LedgerMeasure;
  readonly text: string;
}

export interface FunnelRow {
  readonly what: "read" | "set aside" | "step" | "kept" | "train" | "held-out";
  /** The step's name. */
  readonly step?: string;
  /** Left after it; for `set aside`, those that went. */
  readonly documents: number;
  readonly dropped?: number;
  readonly edited?: number;
  readonly spared?: number;
  /** UTF-8 bytes of text, where known. */
  readonly bytes?: number;
}

export interface RuleReport {
  readonly position: number;
  readonly step: string;
  readonly rule: string;
  /** The option that holds the threshold, where the step says so. */
  readonly option?: string;
  readonly keep?: "atLeast" | "atMost";
  /** Null where each document has its own. */
  readonly threshold: LedgerMeasure | null;
  /** Documents with a value. */
  readonly measured: number;
  /** Those on the wrong side. One that several rules refuse counts in each. */
  readonly beyond: number;
  /** Those that it is the first to refuse. */
  readonly dropped: number;
  readonly distribution?: Distribution;
  /** Where values are texts or yes and no: the commonest. */
  readonly commonest?: readonly (readonly [value: string, count: number])[];
  readonly examples: readonly ReportExample[];
}

export interface EditReport {
  readonly step: string;
  readonly rule: string;
  readonly documents: number;
  /** Sum of what the rule counts, where it counts. */
  readonly times: number | null;
  readonly examples: readonly ReportExample[];
}

export interface ClusterReport {
  /** The one that stays for most. */
  readonly survivor: string;
  /** How many stay: alike over several links, not all to one. */
  readonly stay: number;
  /** With those that stay. */
  readonly size: number;
  readonly members: readonly { readonly id: string; readonly rule: string; readonly value: LedgerMeasure }[];
  /** The survivor and the one of its copies least like it, line by line. */
  readonly diff: { readonly first: string; readonly second: string; readonly lines: readonly DiffLine[] } | null;
}

export interface DataReport {
  readonly artifact: string;
  readonly steps: readonly StepCount[];
  readonly funnel: readonly FunnelRow[];
  readonly reasons: readonly { readonly reason: string; readonly documents: number }[];
  readonly setAside: readonly { readonly reason: string; readonly records: number; readonly examples: readonly SetAside[] }[];
  readonly rules: readonly RuleReport[];
  readonly edits: readonly EditReport[];
  /** `stay` documents stay for `copies` that went, in `count` clusters. */
  readonly clusters: { readonly count: number; readonly stay: number; readonly copies: number; readonly largest: readonly ClusterReport[] };
  readonly facets: readonly Facet[];
  /** UTF-8 bytes of the kept documents' texts. */
  readonly sizes: Distribution | null;
  /** Where it was asked for: which groups the kept documents mention, by split and source. */
  readonly representation?: readonly RepresentationSlice[];
  /** What could not be told, in sentences. */
  readonly notes: readonly string[];
}

interface ReportOptions {
  /** Examples of each rule. */
  readonly examples?: number;
  /** Bins of a distribution. */
  readonly bins?: number;
  /** Clusters of copies. */
  readonly clusters?: number;
  /** Counts which groups the kept documents mention. */
  readonly groups?: boolean;
}

/** Members of a cluster that are named. */
const namedMembers = 5;
/** Lines of a difference that are shown. */
const diffLines = 24;

/** The few that stay of many: the nearest to a threshold first, and one that is far from it. */
class Few<T> {
  readonly #size: number;
  readonly #distance: (item: T) => number;
  near: T[] = [];
  far: T | undefined;
  constructor(size: number, distance: (item: T) => number) {
    this.#size = size;
    this.#distance = distance;
  }
  add(item: T): void {
    if (this.#size === 0) return;
    const { near } = this;
    const d = this.#distance(item);
    if (this.far === undefined || d > this.#distance(this.far)) this.far = item;
    if (near.length >= this.#size && d >= this.#distance(near.at(-1)!)) return;
    const at = near.findIndex(n => this.#distance(n) > d);
    near.splice(at < 0 ? near.length : at, 0, item);
    if (near.length > this.#size) near.pop();
  }
  all(): T[] {
    if (this.far === undefined || this.near.includes(this.far)) return this.near;
    return [...this.near.slice(0, Math.max(0, this.#size - 1)), this.far];
  }
}

interface Ledger {
  readonly drops: Map<string, number>;
  readonly edits: Map<string, { step: string; rule: string; documents: number; times: number; isCount: boolean; few: Few<LedgerEntry> }>;
  readonly clusters: Map<string, LedgerEntry[]>;
}

async function readLedger(artifact: ArtifactReader, examples: number): Promise<Ledger> {
  const drops = new Map<string, number>();
  const edits: Ledger["edits"] = new Map();
  const clusters = new Map<string, LedgerEntry[]>();
  for await (const line of ledgerLines(artifact, "ledger.jsonl")) {
    const e = JSON.parse(line) as LedgerEntry;
    const key = `${e.step}/${e.rule}`;
    if (e.action === "drop") drops.set(key, (drops.get(key) ?? 0) + 1);
    const cluster = clusterKey(e);
    if (cluster !== undefined) {
      const members = clusters.get(cluster);
      if (members) members.push(e);
      else clusters.set(cluster, [e]);
    }
    if (e.action !== "edit") continue;
    let edit = edits.get(key);
    if (!edit) {
      // The most often edited is the "far" one; the first few are the others.
      const few = new Few<LedgerEntry>(examples, x => (typeof x.value === "number" ? x.value : 0));
      edit = { step: e.step, rule: e.rule, documents: 0, times: 0, isCount: true, few };
      edits.set(key, edit);
    }
    edit.documents++;
    if (typeof e.value === "number") edit.times += e.value;
    else edit.isCount = false;
    edit.few.add(e);
  }
  return { drops, edits, clusters };
}

interface DroppedLine extends Document {
  readonly dropped: { readonly step: string; readonly rule: string; readonly value: LedgerMeasure; readonly threshold: LedgerMeasure };
}

const distanceOf = ({ value, threshold }: DroppedLine["dropped"]): number =>
  typeof value === "number" && typeof threshold === "number" ? Math.abs(value - threshold) : 0;

/** Sizes and facets of all documents, and examples of what was dropped, in one look at the texts. */
async function readTexts(artifact: ArtifactReader, shown: Shown, examples: number) {
  const few = new Map<
    string,
    Few<{ readonly distance: number; readonly id: string; readonly value: LedgerMeasure; readonly text: string }>
  >();
  const seen = facets();
  const sizes: number[] = [];
  const bytes = { train: 0, "held-out": 0, dropped: 0 };
  for (const side of ["train", "held-out", "dropped"] as const)
    for await (const line of ledgerLines(artifact, `${side}.jsonl`)) {
      const d = JSON.parse(line) as Document;
      const size = textBytes(d.text);
      bytes[side] += size;
      seen.add(d, side, size);
      if (side !== "dropped") {
        sizes.push(size);
        continue;
      }
      const { dropped } = d as DroppedLine;
      const key = `${dropped.step}/${dropped.rule}`;
      if (!few.has(key)) few.set(key, new Few(examples, x => x.distance));
      few.get(key)!.add({ distance: distanceOf(dropped), id: d.id, value: dropped.value, text: d.text });
    }
  const examplesOf = (step: string, rule: string): ReportExample[] =>
    (few.get(`${step}/${rule}`)?.all() ?? []).map(({ id, value, text }) => ({
      id,
      value: shown.value(value),
      text: shown.line(text, step),
    }));
  return { facets: seen.all(shown), sizes, bytes, examplesOf };
}

/** The step's table of rules, where it has one. */
const ruleOf = (step: string, rule: string) => allSteps[step as StepName]?.rules?.[rule];

async function ruleReport(
  artifact: ArtifactReader,
  c: ColumnInfo,
  shown: Shown,
  bins: number,
): Promise<Pick<RuleReport, "distribution" | "commonest">> {
  const { values } = decodeColumn(c, await artifact.read(c.file));
  if (c.type === "json" || c.type === "boolean") {
    const counts = new Map<string, number>();
    for (const v of values as readonly LedgerMeasure[]) counts.set(String(v), (counts.get(String(v)) ?? 0) + 1);
    const commonest = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 8);
    return { commonest: commonest.map(([v, n]) => [String(shown.value(v)), n] as const) };
  }
  const distribution = distributionOf(values as ArrayLike<number>, bins, typeof c.threshold === "number" ? c.threshold : undefined);
  return distribution ? { distribution } : {};
}

/** Rules of a step in the order in which its table lists them, else by name. */
function inOrder(columns: readonly ColumnInfo[]): ColumnInfo[] {
  const rank = (c: ColumnInfo) => {
    const names = Object.keys(allSteps[c.step as StepName]?.rules ?? {});
    return names.includes(c.rule) ? names.indexOf(c.rule) : names.length;
  };
  return [...columns].sort((a, b) => a.position - b.position || rank(a) - rank(b) || (a.rule < b.rule ? -1 : 1));
}

function funnelOf(artifact: ArtifactReader, info: MeasuresInfo | undefined, bytes: Readonly<Record<string, number>>): FunnelRow[] {
  const n = (key: string) => Number(artifact.summary[key] ?? 0);
  let left = n("read") - n("setAside") - n("forgotten");
  const steps = (info?.steps ?? []).map((s): FunnelRow => {
    left -= s.dropped;
    return { what: "step", step: s.step, documents: left, dropped: s.dropped, edited: s.edited, spared: s.spared };
  });
  return [
    { what: "read", documents: n("read") },
    { what: "set aside", documents: n("setAside") },
    ...steps,
    { what: "kept", documents: n("kept"), dropped: n("dropped"), bytes: bytes.train! + bytes["held-out"]! },
    { what: "train", documents: n("trainDocuments"), bytes: bytes.train! },
    { what: "held-out", documents: n("heldOutDocuments"), bytes: bytes["held-out"]! },
  ];
}

const likeness = (e: LedgerEntry): number => (typeof e.value === "number" ? e.value : 1);
const survivorsOf = (members: readonly LedgerEntry[]): string[] => {
  const counts = new Map<string, number>();
  for (const { survivor } of members) counts.set(survivor!, (counts.get(survivor!) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([id]) => id);
};

async function clustersOf(
  artifact: ArtifactReader,
  clusters: Ledger["clusters"],
  shown: Shown,
  most: number,
): Promise<DataReport["clusters"]> {
  const largest = [...clusters]
    .sort(([a, m], [b, n]) => n.length - m.length || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([, unsorted]) => {
      const members = [...unsorted].sort((a, b) => likeness(a) - likeness(b) || (a.document < b.document ? -1 : 1));
      const survivors = survivorsOf(members);
      return { members, survivors, second: members.find(m => m.survivor === survivors[0])!.document };
    });
  const texts = await findDocuments(artifact, new Set(largest.flatMap(c => [c.survivors[0]!, c.second])));
  const all = [...clusters.values()];
  return {
    count: clusters.size,
    stay: all.reduce((sum, m) => sum + new Set(m.map(e => e.survivor)).size, 0),
    copies: all.reduce((sum, m) => sum + m.length, 0),
    largest: largest.map(({ members, survivors, second }) => {
      const survivor = survivors[0]!;
      const [a, b] = [texts.get(survivor), texts.get(second)];
      const lines =
        a && b
          ? lineDiff(shown.masked(a.document.text), shown.masked(b.document.text))
              .slice(0, diffLines)
              .map(l => ({ ...l, text: l.text.length <= 160 ? l.text : `${l.text.slice(0, 157)}...` }))
          : null;
      return {
        survivor,
        stay: survivors.length,
        size: members.length + survivors.length,
        members: members.slice(0, namedMembers).map(e => ({ id: e.document, rule: e.rule, value: e.value })),
        diff: lines && { first: survivor, second, lines },
      };
    }),
  };
}

async function setAsideOf(artifact: ArtifactReader, shown: Shown, examples: number): Promise<DataReport["setAside"]> {
  const groups = new Map<string, { records: number; examples: SetAside[] }>();
  for await (const line of ledgerLines(artifact, "set-aside.jsonl")) {
    const s = JSON.parse(line) as SetAside;
    const group = groups.get(s.reason) ?? { records: 0, examples: [] };
    group.records++;
    if (group.examples.length < examples) group.examples.push({ ...s, message: String(shown.value(s.message)) });
    groups.set(s.reason, group);
  }
  return [...groups].map(([reason, g]) => ({ reason, ...g })).sort((a, b) => b.records - a.records || (a.reason < b.reason ? -1 : 1));
}

async function groupsOf(artifact: ArtifactReader): Promise<RepresentationSlice[]> {
  const counter = representation();
  for (const side of ["train", "held-out"] as const)
    for await (const line of ledgerLines(artifact, `${side}.jsonl`)) counter.add(JSON.parse(line) as Document, side);
  return counter.all();
}

/** The report of a documents artifact. */
export async function dataReport(artifact: ArtifactReader, o: ReportOptions = {}): Promise<DataReport> {
  const { examples = 3, bins = 48, clusters = 5, groups = false } = o;
  const info = await readMeasures(artifact);
  const shown = shownBy(info?.steps ?? []);
  const ledger = await readLedger(artifact, examples);
  const texts = await readTexts(artifact, shown, examples);
  const setAside = await setAsideOf(artifact, shown, examples);
  const rules: RuleReport[] = [];
  for (const c of inOrder(info?.columns ?? [])) {
    const rule = ruleOf(c.step, c.rule);
    rules.push({
      position: c.position,
      step: c.step,
      rule: c.rule,
      ...(rule ? { option: rule.option, keep: rule.keep } : {}),
      threshold: typeof c.threshold === "string" ? shown.value(c.threshold) : c.threshold,
      measured: c.count,
      beyond: c.against,
      dropped: ledger.drops.get(`${c.step}/${c.rule}`) ?? 0,
      ...(await ruleReport(artifact, c, shown, bins)),
      examples: texts.examplesOf(c.step, c.rule),
    });
  }
  const edited = [...ledger.edits.values()].map(e => ({ ...e, chosen: e.few.all() }));
  const editTexts = await findDocuments(artifact, new Set(edited.flatMap(e => e.chosen.map(c => c.document))));
  const edits = edited
    .map(({ step, rule, documents, times, isCount, chosen }) => ({
      step,
      rule,
      documents,
      times: isCount ? times : null,
      examples: chosen.flatMap((e): ReportExample[] => {
        const d = editTexts.get(e.document);
        const droppedBy = d?.side === "dropped" ? (d.document as DroppedLine).dropped.step : undefined;
        return d ? [{ id: e.document, value: shown.value(e.value), text: shown.line(d.document.text, droppedBy) }] : [];
      }),
    }))
    .sort((a, b) => b.documents - a.documents || (a.rule < b.rule ? -1 : 1));
  const reasons = [...setAside.map(s => [s.reason, s.records] as const), ...ledger.drops]
    .map(([reason, documents]) => ({ reason, documents }))
    .sort((a, b) => b.documents - a.documents || (a.reason < b.reason ? -1 : 1));
  return {
    artifact: artifact.id,
    steps: info?.steps ?? [],
    funnel: funnelOf(artifact, info, texts.bytes),
    reasons,
    setAside,
    rules,
    edits,
    clusters: await clustersOf(artifact, ledger.clusters, shown, clusters),
    facets: texts.facets,
    sizes: distributionOf(texts.sizes, bins) ?? null,
    ...(groups ? { representation: await groupsOf(artifact) } : {}),
    notes: info ? [] : ["Measured values were not kept when this artifact was made: `loam data run` rebuilds it, with them."],
  };
}
