/** A version's card, from the record alone: what it is, what it was made from, how, what was measured, who released it. Plain data, and Markdown of it. */
import { defined, type Json } from "../../base/index.ts";
import { groupScores, type Score } from "../../evaluate/index.ts";
import {
  evaluationMarks,
  type FileRecord,
  type ModelVersion,
  openArtifact,
  type Release,
  releasesOf,
  type Store,
  type Summary,
  traceArtifact,
} from "../../store/index.ts";
import { type Approval, approvalsOf } from "../gates/approvals.ts";
import { measuredOf, versionFacts } from "../gates/measured.ts";
import { type VersionSignature, versionSignatures } from "./signatures.ts";
import { taskScores } from "./told.ts";

export interface CardStage {
  readonly artifact: string;
  readonly kind: string;
  readonly stage: string;
  readonly digest: string;
  readonly options: Json;
  readonly summary: Summary;
  readonly documents: number | null;
  readonly madeFrom: readonly string[];
}

/** Whoever answers for a model. */
interface CardOwner {
  readonly owner: string;
  readonly contact?: string | undefined;
}

export interface ModelCard {
  readonly model: string;
  /** Accountable owner, as the project names one now: it is no part of the record. */
  readonly owner: CardOwner | null;
  readonly version: number;
  readonly artifact: string;
  readonly digest: string;
  readonly createdMs: number;
  readonly stage: "archived" | "registered";
  readonly aliases: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly notes: readonly { readonly by: string; readonly text: string; readonly atMs: number }[];
  readonly facts: Readonly<Record<string, number>>;
  readonly files: readonly FileRecord[];
  /** How it was made itself. */
  readonly made: CardStage;
  /** What it was made from, nearest first. */
  readonly lineage: readonly CardStage[];
  readonly evaluations: readonly {
    readonly task: string;
    readonly artifact: string;
    readonly items: number;
    readonly scores: readonly Score[];
    /** What its intervals leave out, where they do. */
    readonly note?: string;
  }[];
  readonly approvals: readonly Approval[];
  readonly signatures: readonly Pick<VersionSignature, "fingerprint" | "by" | "isValid" | "atMs">[];
  /** Moves of aliases to and from it. */
  readonly releases: readonly Release[];
}

/** Errors: store/notFound, and those of the record's files. */
export async function modelCard(store: Store, version: ModelVersion, owner: CardOwner | null = null): Promise<ModelCard> {
  const db = store.records.read;
  const { model, number } = version;
  const t = await traceArtifact(store, version.artifact, { first: 0 });
  const stageOf = (id: string): CardStage => {
    const n = t.nodes.find(x => x.id === id)!;
    return {
      artifact: n.id,
      kind: n.kind,
      stage: `${n.stage}@${n.stageVersion}`,
      digest: n.digest,
      options: n.options,
      summary: n.summary,
      documents: n.documents,
      madeFrom: t.edges.filter(e => e.to === id).map(e => e.from),
    };
  };
  const marks = await evaluationMarks(db, model, number);
  const { tasks, groups } = await measuredOf(store, version);
  return {
    model,
    owner,
    version: number,
    artifact: version.artifact,
    digest: version.digest,
    createdMs: version.createdMs,
    stage: marks.some(m => m.kind === "stage" && m.value === "archived") ? "archived" : "registered",
    aliases: version.aliases,
    tags: Object.fromEntries(marks.filter(m => m.kind === "tag").map(m => [m.key, String(m.value)])),
    notes: marks.filter(m => m.kind === "note").map(m => ({ ...(m.value as { by: string; text: string }), atMs: m.atMs })),
    facts: await versionFacts(db, version),
    files: (await openArtifact(store, version.artifact)).files,
    made: stageOf(version.artifact),
    lineage: t.madeFrom.map(stageOf),
    evaluations: [
      ...groups.map(({ head, artifact, items }) => ({
        task: head.task,
        artifact,
        items: items.filter(i => !i.chooses).length,
        scores: groupScores(head, items).map(s => ({ ...s, metric: s.name })),
      })),
      ...tasks.map(t => {
        const { head, artifact, items, note } = t;
        const scores = items.length === 0 ? [] : taskScores(t);
        return { task: head.task, artifact, items: items.length, scores, ...defined({ note }) };
      }),
    ],
    approvals: await approvalsOf(db, version),
    signatures: (await versionSignatures(db, version)).map(({ fingerprint, by, isValid, atMs }) => ({ fingerprint, by, isValid, atMs })),
    releases: (await releasesOf(db, model)).filter(r => r.number === number || r.previous === number),
  };
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const show = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(5))));
/** Somebody's text in a cell or a line: it starts nothing of its own. */
const cell = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll(/[\\`|<>*_[\]#]/g, c => `\\${c}`);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0
    ? []
    : [`| ${head.join(" | ")} |`, `| ${head.map(() => "---").join(" | ")} |`, ...rows.map(r => `| ${r.join(" | ")} |`)];
const facts = (of: Readonly<Record<string, unknown>>): string =>
  Object.entries(of)
    .map(([k, v]) => `${k} ${typeof v === "number" ? show(v) : String(v)}`)
    .join(", ");

/** Of a classifier with thresholds of groups: that its decisions depend on the group, and how. */
const decidesBy = ({ decidesBy: attribute, groupThresholds, positive, goal }: Summary): string[][] =>
  typeof attribute !== "string" ? [] : [["decides by", cell(`${attribute}: ${groupThresholds} (for ${positive}, ${goal})`)]];

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ["", `## ${title}`, "", ...lines]);

/** What it was measured at. */
const evaluationLines = (c: ModelCard): string[] =>
  section("Evaluation", [
    ...table(
      ["task", "measure", "value", "95 % interval", "items", "result"],
      c.evaluations.flatMap(e =>
        e.scores.map(s => [
          cell(e.task),
          s.metric,
          show(s.value),
          Number.isFinite(s.low) && Number.isFinite(s.high) ? `${show(s.low)} to ${show(s.high)}` : "",
          String(s.items),
          `\`${e.artifact}\``,
        ]),
      ),
    ),
    ...c.evaluations.flatMap(e => (e.note === undefined ? [] : ["", `${cell(e.task)}: ${e.note}.`])),
  ]);

/** How it was made, and from what. */
const madeLines = (c: ModelCard): string[] => [
  ...section("Training", [
    `${c.made.stage}, told:`,
    "",
    "```json",
    JSON.stringify(c.made.options, null, 2),
    "```",
    "",
    `It came to: ${cell(facts(c.made.summary))}`,
  ]),
  ...section(
    "Made from",
    table(
      ["artifact", "stage", "documents", "summary", "made from"],
      c.lineage.map(l => [
        `\`${l.artifact}\``,
        l.stage,
        l.documents === null ? "" : String(l.documents),
        cell(facts(l.summary)),
        l.madeFrom.map(id => `\`${id}\``).join(", "),
      ]),
    ),
  ),
];

/** The card as a page of Markdown. Sections without content are left out: nothing is written that was not measured or recorded. */
export function modelCardMarkdown(c: ModelCard): string {
  const lines = [
    `# ${c.model}@${c.version}`,
    "",
    ...table(
      ["", ""],
      [
        ["content", `\`${c.digest}\``],
        ...(c.owner ? [["owner", cell(c.owner.contact === undefined ? c.owner.owner : `${c.owner.owner} (${c.owner.contact})`)]] : []),
        ["registered", day(c.createdMs)],
        ["aliases", c.aliases.join(", ") || "none"],
        ...(c.stage === "archived" ? [["stage", "archived"]] : []),
        ...Object.entries(c.tags).map(([k, v]) => [cell(k), cell(v)]),
        ...decidesBy(c.made.summary),
        ...Object.entries(c.facts).map(([k, v]) => [cell(k), show(v)]),
      ],
    ),
    ...section(
      "Notes",
      c.notes.map(n => `- ${day(n.atMs)}, ${cell(n.by)}: ${cell(n.text)}`),
    ),
    ...evaluationLines(c),
    ...madeLines(c),
    ...section(
      "Files",
      table(
        ["file", "bytes", "SHA-256"],
        c.files.map(f => [`\`${f.name}\``, String(f.sizeBytes), `\`${f.digest}\``]),
      ),
    ),
    ...section(
      "Approvals",
      c.approvals.map(
        a =>
          `- ${day(a.atMs)}, ${cell(a.by)} as ${a.role} for ${a.alias}${a.signedBy === null ? "" : `, signed by ${a.signedBy}`}${a.note === null ? "" : `: ${cell(a.note)}`}`,
      ),
    ),
    ...section(
      "Signatures",
      c.signatures.map(
        s => `- ${s.fingerprint}${s.by === null ? "" : ` (${cell(s.by)})`}: ${s.isValid ? "valid" : "not over this content"}`,
      ),
    ),
    ...section(
      "Releases",
      table(
        ["when", "alias", "what", "from", "to", "by", "why"],
        c.releases.map(r => [day(r.atMs), r.alias, r.kind, show2(r.previous), show2(r.number), cell(r.by ?? ""), cell(r.reason ?? "")]),
      ),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

const show2 = (n: number | null): string => (n === null ? "none" : String(n));
