/** Fills an outline with facts: every statement with its evidence, and every gap by name. Pure; the same facts give the same document. */
import { type Duty, duties } from "./duties.ts";
import { type FactTopic, type ReportFact, type ReportFacts, statementTopics } from "./facts.ts";
import { type OutlineSection, outlines, type ReportKind } from "./outlines.ts";

export interface ReportSection {
  readonly number: string;
  readonly title: string;
  readonly statements: readonly ReportFact[];
  /** What the section asks for and nothing says. */
  readonly missing: readonly string[];
}

export interface GovernanceReport {
  readonly kind: ReportKind;
  readonly title: string;
  readonly source: string;
  readonly project: string;
  /** ISO date and time. */
  readonly made: string;
  readonly log: { readonly size: number; readonly root: string };
  readonly sections: readonly ReportSection[];
  /** Gaps of all sections. */
  readonly missing: number;
  /** Dates that must be checked against their sources. */
  readonly duties: readonly Duty[];
}

/** Facts as a gap names them. */
const said: Readonly<Record<FactTopic, string>> = {
  models: "a registered model version",
  training: "a recorded training run",
  data: "a recorded data set",
  privateData: "a search of the data for personal data (step `private`)",
  evaluations: "a recorded evaluation",
  gates: "a gate for an alias (`releases:` of loam.yaml)",
  approvals: "an approval of a version",
  releases: "a release: an alias that was moved",
  alarms: "an alarm or a statement of drift (`loam watch`)",
  reviews: "a review decision in the log",
  policies: "a policy change in the log",
  access: "an access to personal data in the log",
  erasures: "an erasure in the log",
  loop: "a step of a retraining loop",
  incidents: "an incident in the log; where there was none, say so in a statement",
  owners: "an accountable owner of a model (`governance.owners` of loam.yaml)",
};

function filled({ number, title, facts, statements }: OutlineSection, given: ReportFacts): ReportSection {
  const missing: string[] = [];
  const found: ReportFact[] = [];
  for (const topic of statements) {
    const statement = given.statements[topic];
    if (statement) found.push(statement);
    else missing.push(`${statementTopics[topic]} (\`governance.statements.${topic}\` of loam.yaml)`);
  }
  for (const topic of facts) {
    const own = given.facts[topic] ?? [];
    if (own.length === 0) missing.push(said[topic]);
    found.push(...own);
  }
  return { number, title, statements: found, missing };
}

export function governanceReport(kind: ReportKind, given: ReportFacts): GovernanceReport {
  const { title, source, sections: outline } = outlines[kind];
  const sections = outline.map(s => filled(s, given));
  return {
    kind,
    title,
    source,
    project: given.project,
    made: new Date(given.madeMs).toISOString(),
    log: given.log,
    sections,
    missing: sections.reduce((n, s) => n + s.missing.length, 0),
    duties: duties[kind],
  };
}

/** A text that stands in one line of Markdown as it is. */
const inline = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_{}[\]<>|#]/g, c => `\\${c}`);

export function governanceMarkdown(r: GovernanceReport): string {
  const lines = [
    `# ${r.title}: ${inline(r.project)}`,
    "",
    `${r.source}. Made ${r.made} from a record whose log has ${r.log.size} entries and the root \`${r.log.root}\`. ${r.missing} gaps.`,
    "This document lists what the artifact store shows. Whether it meets a duty is for a person to judge.",
  ];
  for (const s of r.sections) {
    lines.push("", `## ${s.number}. ${s.title}`, "");
    for (const { text, evidence } of s.statements)
      lines.push(`- ${inline(text)}${evidence.map(e => ` [${inline(e.what)}: \`${e.digest}\`]`).join("")}`);
    for (const gap of s.missing) lines.push(`- **missing**: ${gap}`);
  }
  lines.push("", "## Dates of duties", "", "Check each date against its source before relying on it.", "");
  lines.push("| from | duty | source | last checked |", "| --- | --- | --- | --- |");
  for (const d of r.duties) lines.push(`| ${d.from ?? ""} | ${d.duty} | ${d.source} | ${d.checked} |`);
  return `${lines.join("\n")}\n`;
}
