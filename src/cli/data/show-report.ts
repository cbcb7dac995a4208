/** The report of curation as lines for the terminal. */
import { formatBytes, formatCount } from "../../base/index.ts";
import {
  type DataReport,
  type FunnelRow,
  type ReportExample,
  type RepresentationSlice,
  type RuleReport,
  shortened,
  showMeasure,
} from "../../data/index.ts";
import { histogram, shortNumber } from "./histogram.ts";

const barWidth = 30;
const bar = (n: number, most: number): string => "█".repeat(n === 0 ? 0 : Math.max(1, Math.round((n / (most || 1)) * barWidth)));
export const percent = (n: number, of: number): string => {
  if (n === 0 || of === 0) return "0 %";
  const share = (100 * n) / of;
  return share < 0.05 ? "< 0.1 %" : `${share.toFixed(share >= 10 ? 0 : 1)} %`;
};

const labelOf = (r: FunnelRow): string => (r.what === "step" ? r.step! : r.what);

function funnel(rows: readonly FunnelRow[]): string[] {
  const most = rows[0]!.documents;
  return rows.map(r => {
    const facts = [
      r.what === "step" && r.dropped ? `${formatCount(r.dropped)} dropped` : "",
      r.what === "step" && r.edited ? `${formatCount(r.edited)} edited` : "",
      r.spared ? `${formatCount(r.spared)} kept by keep:` : "",
      r.bytes === undefined ? "" : formatBytes(r.bytes),
    ].filter(Boolean);
    const count = r.what === "set aside" && r.documents > 0 ? `-${formatCount(r.documents)}` : formatCount(r.documents);
    return `  ${labelOf(r).padEnd(18)} ${count.padStart(10)}  ${r.what === "set aside" ? "".padEnd(barWidth) : bar(r.documents, most).padEnd(barWidth)}  ${facts.join(", ")}`.trimEnd();
  });
}

/** Characters of a text in the terminal: about a line. */
const lineLength = 110;
const example = (e: ReportExample): string =>
  `      ${showMeasure(e.value).slice(0, 24).padEnd(10)} ${e.id}\n                 ${shortened(e.text, lineLength)}`;

function rule(r: RuleReport): string[] {
  const side = r.keep === "atMost" ? "at most " : r.keep === "atLeast" ? "at least " : "";
  const limit = r.threshold === null ? "a threshold for each" : `${side}${showMeasure(r.threshold)}`;
  const option = r.option && r.option !== r.rule ? ` (${r.option})` : "";
  // A step that compares documents gives a value to those that it drops, and no other.
  const share =
    r.keep === undefined && r.beyond === r.measured
      ? `measured on the ${formatCount(r.measured)} that it refuses`
      : `${percent(r.beyond, r.measured)} beyond (${formatCount(r.beyond)} of ${formatCount(r.measured)}), first to drop ${formatCount(r.dropped)}`;
  const lines = [`  ${r.step}/${r.rule}${option}: ${limit}; ${share}`];
  if (r.distribution) {
    const d = r.distribution;
    if (d.least === d.most) lines.push(`      all are ${shortNumber(d.least)}`);
    else
      lines.push(
        ...histogram(d, typeof r.threshold === "number" ? r.threshold : undefined).map(l => `      ${l}`),
        `      median ${shortNumber(d.median)}, 5 to 95 % ${shortNumber(d.low)} to ${shortNumber(d.high)}, ${shortNumber(d.least)} to ${shortNumber(d.most)}${d.scale === "log" ? "; bins grow by powers" : ""}`,
      );
  }
  if (r.commonest) lines.push(`      ${r.commonest.map(([v, n]) => `${v}: ${formatCount(n)}`).join(", ")}`);
  return [...lines, ...r.examples.map(example), ""];
}

const marks = { first: "-", second: "+", both: " ", "left out": "…" } as const;

/** Which groups a slice's documents mention, each with its share and interval. */
const groupLines = ({ by, slice, documents, shares }: RepresentationSlice): string[] => [
  `  ${by === "all" ? "all" : `${by} ${slice}`}: ${formatCount(documents)} documents`,
  ...shares.map(s => {
    const share = [s.value, s.low, s.high].map(x => (100 * x).toFixed(1));
    return `    ${s.about.padEnd(12)} ${s.group.padEnd(18)} ${share[0]!.padStart(5)} % [${share[1]}, ${share[2]}]  ${formatCount(s.documents)} of ${formatCount(s.of)} documents, ${formatCount(s.mentions)} mentions`;
  }),
];

/** The whole report; `only` keeps rules whose `step/rule` holds it, and leaves the rest out. */
export function reportLines(name: string, r: DataReport, only?: string): string[] {
  if (only !== undefined) return r.rules.filter(x => `${x.step}/${x.rule}`.includes(only)).flatMap(rule);
  const lines = [`  ${name}   ${r.artifact}`, "", ...funnel(r.funnel)];
  const section = (title: string, body: readonly string[]) => {
    if (body.length > 0) lines.push("", title, "", ...body);
  };
  section(
    "Why documents went",
    r.reasons.slice(0, 12).map(x => `  ${formatCount(x.documents).padStart(9)}  ${x.reason}`),
  );
  section(
    "Records set aside",
    r.setAside.flatMap(s => s.examples.map(e => `  ${s.reason}  ${e.place}: ${e.message}`)),
  );
  section("Measured values, and where their thresholds stand", r.rules.flatMap(rule));
  section(
    "Edits",
    r.edits.flatMap(e => [
      `  ${`${e.step}/${e.rule}`.padEnd(34)} ${formatCount(e.documents).padStart(8)} documents${e.times === null || e.times === e.documents ? "" : `, ${formatCount(e.times)} times`}`,
      ...e.examples.slice(0, 1).map(example),
    ]),
  );
  section(
    `Copies: ${formatCount(r.clusters.copies)} went for ${formatCount(r.clusters.stay)} that stay`,
    r.clusters.largest.flatMap(c => [
      `  ${formatCount(c.size)} alike; ${c.stay === 1 ? `${c.survivor} stays` : `${formatCount(c.stay)} stay, for most ${c.survivor}`}`,
      ...c.members.map(m => `      ${m.rule} ${showMeasure(m.value)}  ${m.id}`),
      ...(c.size - c.stay > c.members.length ? [`      ... and ${formatCount(c.size - c.stay - c.members.length)} more`] : []),
      ...(c.diff
        ? [`      - ${c.diff.first}`, `      + ${c.diff.second}`, ...c.diff.lines.map(l => `      ${marks[l.in]} ${l.text}`.trimEnd())]
        : []),
      "",
    ]),
  );
  for (const f of r.facets) {
    const most = Math.max(...f.values.map(v => v.train + v.heldOut + v.dropped));
    section(f.name === "source" ? "Sources" : `By ${f.name}`, [
      ...f.values.map(v => {
        const all = v.train + v.heldOut + v.dropped;
        return `  ${v.value.slice(0, 28).padEnd(28)} ${formatCount(all).padStart(9)}  ${bar(all, most).padEnd(barWidth)}  ${formatCount(v.train)} train, ${formatCount(v.heldOut)} held out, ${formatCount(v.dropped)} dropped; ${formatBytes(v.bytes)}`;
      }),
      ...(f.others > 0 ? [`  and ${formatCount(f.others)} more`] : []),
    ]);
  }
  if (r.sizes)
    section("Bytes of a kept document", [
      ...histogram(r.sizes, undefined).map(l => `      ${l}`),
      `      median ${shortNumber(r.sizes.median)}, 5 to 95 % ${shortNumber(r.sizes.low)} to ${shortNumber(r.sizes.high)}`,
    ]);
  section("Groups that documents mention", (r.representation ?? []).flatMap(groupLines));
  if (r.notes.length > 0) lines.push("", ...r.notes.map(n => `  ${n}`));
  return lines;
}
