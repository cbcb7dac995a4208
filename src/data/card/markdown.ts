/** A data card for people, as Markdown. What comes from data is escaped: a label must not become a table or a tag. */
import { formatBytes, formatCount } from "../../base/index.ts";
import { showMeasure } from "../ledger.ts";
import type { DataCard, KindFacts } from "./card.ts";

const safe = (text: string): string => text.replace(/[\\`*_[\]<>|#]/g, c => `\\${c}`).replace(/\s+/g, " ");
const code = (text: string): string => (text.includes("`") ? safe(text) : `\`${text.replaceAll("|", "\\|").replace(/\s+/g, " ")}\``);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  // Numbers stand to the right.
  const isNumber = head.map((_, i) => rows.every(r => /^[\d,.]*( [kMGT]?B| %)?$/.test(r[i]!)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return ["", line(head), line(isNumber.map(n => (n ? "---:" : "---"))), ...rows.map(line)];
}

const share = (n: number, of: number): string => (of === 0 ? "" : `${((100 * n) / of).toFixed(1)} %`);

function options(o: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(o).map(
    ([k, v]) =>
      `${k}: ${
        typeof v === "string"
          ? v
          : JSON.stringify(v)
              .replaceAll('"', "")
              .replaceAll(/([,:])/g, "$1 ")
      }`,
  );
  const text = told.join(", ");
  return text === "" ? "" : code(text.length <= 200 ? text : `${text.slice(0, 197)}...`);
}

const kinds = (values: readonly KindFacts[], others: number): string[][] => [
  ...values.map(v => [safe(v.value), formatCount(v.train), formatCount(v.heldOut), formatCount(v.dropped), formatBytes(v.bytes)]),
  ...(others > 0 ? [[`${formatCount(others)} more`, "", "", "", ""]] : []),
];
const kindHead = ["", "train", "held out", "dropped", "kept text"];

const documents = (n: number): string => `${formatCount(n)} ${n === 1 ? "document was" : "documents were"}`;

function about(c: DataCard): string[] {
  const kept = c.split.train.documents + c.split.heldOut.documents;
  const bytes = c.split.train.bytes + c.split.heldOut.bytes;
  const facts: (readonly [string, string | undefined])[] = [
    ["Licence", c.licence && safe(c.licence)],
    ["Made by", c.creator.length > 0 ? c.creator.map(safe).join(", ") : undefined],
    ["Accountable owner", c.owner && safe(c.owner)],
    ["Contact", c.contact && safe(c.contact)],
    ["Page", c.url],
    ["Version", c.version && safe(c.version)],
    ["Curated", `${c.made.slice(0, 10)}, artifact ${code(c.artifact)}, content ${code(c.digest.slice(0, 16))}`],
  ];
  return [
    `# ${safe(c.title ?? c.name)}`,
    "",
    c.description ??
      `${formatCount(kept)} documents (${formatBytes(bytes)} of text) from ${c.sources.map(s => safe(s.origin)).join(", ") || "an unknown source"}.`,
    "",
    `${formatCount(c.split.train.documents)} documents to train on (${formatBytes(c.split.train.bytes)}), ${formatCount(c.split.heldOut.documents)} held out (${formatBytes(c.split.heldOut.bytes)}).`,
    "",
    ...facts.flatMap(([name, value]) => (value ? [`- ${name}: ${value}`] : [])),
  ];
}

const labels = { read: "read", "set aside": "could not be read", kept: "kept", train: "train", "held-out": "held out", step: "" } as const;

/** Thresholds and kinds that are shown; the JSON has all. */
const mostRows = 40;

type CardSection = readonly [title: string, ...body: (readonly string[])[]];

const originSection = (c: DataCard): CardSection => {
  return [
    "Where it comes from",
    table(
      ["source", "reader", "files", "size", "licence", "author"],
      c.sources.map(s => [
        `${s.name ? `${safe(s.name)}: ` : ""}${s.url ? `[${safe(s.origin)}](${s.url})` : safe(s.origin)}`,
        s.reader ?? "",
        s.files === undefined ? "" : formatCount(s.files),
        s.sizeBytes === undefined ? "" : formatBytes(s.sizeBytes),
        s.licence ? safe(s.licence) : "unknown",
        s.author ? safe(s.author) : "",
      ]),
    ),
  ];
};

const funnelSection = (c: DataCard): CardSection => {
  const read = c.funnel.find(r => r.what === "read")?.documents ?? 0;
  return [
    "What became of the documents",
    table(
      ["", "documents", "of those read", "dropped", "edited", "text"],
      c.funnel.map(r => [
        r.what === "step" ? code(r.step!) : labels[r.what],
        formatCount(r.documents),
        share(r.documents, read),
        r.dropped === undefined ? "" : formatCount(r.dropped),
        r.edited === undefined ? "" : formatCount(r.edited),
        r.bytes === undefined ? "" : formatBytes(r.bytes),
      ]),
    ),
    table(
      ["why documents went", "documents", "of those read"],
      c.reasons.map(r => [code(r.reason), formatCount(r.documents), share(r.documents, read)]),
    ),
  ];
};

const stepsSection = (c: DataCard): CardSection => {
  return [
    "Steps",
    table(
      ["step", "version", "options", "seen", "dropped", "edited"],
      c.steps.map(s => [
        code(s.step),
        String(s.version),
        options(s.options),
        formatCount(s.seen),
        formatCount(s.dropped),
        formatCount(s.edited),
      ]),
    ),
    table(
      ["rule", "threshold", "measured", "beyond", "first to drop"],
      c.thresholds
        .slice(0, mostRows)
        .map(t => [
          code(`${t.step}/${t.rule}`),
          t.threshold === null
            ? "each has its own"
            : safe(`${t.keep === "atLeast" ? "at least " : t.keep === "atMost" ? "at most " : ""}${showMeasure(t.threshold)}`),
          formatCount(t.measured),
          formatCount(t.beyond),
          formatCount(t.dropped),
        ]),
    ),
    c.thresholds.length > mostRows ? ["", `${c.thresholds.length - mostRows} more rules are in card.json.`] : [],
  ];
};

const languagesSection = (c: DataCard): CardSection => {
  return [
    "Languages",
    c.languages.from === "documents"
      ? table(["language", ...kindHead.slice(1)], kinds(c.languages.values as readonly KindFacts[], 0))
      : c.languages.from === "project"
        ? [`${c.languages.values.map(v => safe(v.value)).join(", ")} (as the project says; no step looked).`]
        : ["Not determined."],
  ];
};

const kindsSection = (c: DataCard): CardSection => {
  return [
    "Kinds of documents",
    ...c.kinds.map(k =>
      table([safe(k.name), ...kindHead.slice(1)], kinds(k.values.slice(0, mostRows), k.others + Math.max(0, k.values.length - mostRows))),
    ),
  ];
};

const privateSection = (c: DataCard): CardSection => {
  return [
    "Private data",
    c.privateData.isSearched
      ? c.privateData.found.length > 0
        ? table(
            ["type", "documents", "times", "what became of it"],
            c.privateData.found.map(f => [
              f.type,
              formatCount(f.documents),
              formatCount(f.times),
              c.privateData.policy[camel(f.type)] ?? "",
            ]),
          )
        : ["Looked for; none was found."]
      : ["Not looked for. Texts may hold addresses, numbers and secrets of people."],
  ];
};

const copiesSection = (c: DataCard): CardSection => {
  return [
    "Copies",
    c.duplicates.dropped.length > 0
      ? [
          `${c.duplicates.dropped.map(d => `${formatCount(d.documents)} documents were dropped by ${code(d.reason)}`).join("; ")}; they were copies of others in ${formatCount(c.duplicates.clusters)} clusters.`,
        ]
      : ["None was dropped."],
  ];
};

const splitSection = (c: DataCard): CardSection => {
  const { leakage } = c.split;
  return [
    "Split",
    [
      c.split.heldOut.documents === 0
        ? "Nothing is held out."
        : `Held out by ${safe(c.split.by)}, seed ${safe(c.split.seed)}. ${
            leakage.threshold === null
              ? "How alike the sides are was not measured."
              : leakage.crossing === 0
                ? `${leakage.templated === undefined ? "No held-out document" : `But for ${formatCount(leakage.templated)} short texts of large groups, no held-out document`} has a train document of similarity ${leakage.threshold} or more (word 5-grams${leakage.shortWords > 0 ? `; texts of at most ${leakage.shortWords} words also by single words` : ""}; every pair counted).`
                : `${formatCount(leakage.crossing)} pairs across the sides have a similarity of ${leakage.threshold} or more.`
          }`,
    ],
  ];
};

function handSection(c: DataCard): CardSection {
  const hand = [
    ...(c.keptByName > 0 ? [`${documents(c.keptByName)} kept because the project names them, whatever the steps say.`] : []),
    ...(c.forgotten > 0 ? [`${documents(c.forgotten)} forgotten on request, with all text.`] : []),
  ];
  return ["By hand", hand];
}

export function dataCardMarkdown(c: DataCard): string {
  const lines = about(c);
  const sections: readonly CardSection[] = [
    originSection(c),
    funnelSection(c),
    stepsSection(c),
    languagesSection(c),
    kindsSection(c),
    privateSection(c),
    copiesSection(c),
    splitSection(c),
    handSection(c),
    ["Known gaps", c.gaps.map(g => `- ${g}`)],
    ["Citation", c.citation ? ["```", c.citation.replaceAll("```", "'''"), "```"] : []],
  ];
  for (const [title, ...body] of sections) {
    const all = body.flat();
    if (all.some(l => l !== "")) lines.push("", `## ${title}`, ...(all[0] === "" ? all : ["", ...all]));
  }
  return `${lines.join("\n")}\n`;
}

/** `national-id` -> `nationalId`: how a policy names a type. */
const camel = (type: string): string => type.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
