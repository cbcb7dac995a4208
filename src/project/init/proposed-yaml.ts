/** A `loam.yaml` for what the inspection of a folder has found: data, and where they allow it a model and a classifier. It runs as it is. */
import { stringify } from "yaml";
import type { FolderInspection, FormatInspection } from "../../data/index.ts";

export interface ProposedProject {
  readonly name: string;
  /** The folder as the project names it. */
  readonly folder: string;
  readonly inspection: FolderInspection;
}

/** A name of a data set: letters, digits, `-`. */
const short = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "") || "texts";

/** Characters that a token of a small vocabulary covers, about. */
const charactersPerToken = 3;
/** A format with fewer documents beside the largest one is a read-me or a manifest. */
const leastShare = 0.02;
/** Documents from which a held-out part and a model make sense. */
const leastDocuments = 20;

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
/** Two digits, `240k`, as people write it. */
const rounded = (tokens: number): string => `${Math.round(tokens / 10_000) * 10}k`;

interface Sizes {
  readonly vocab: number;
  readonly tokens: string;
  readonly layers: number;
  readonly width: number;
  readonly context: number;
}

/** Sizes for a first result within minutes on two cores; a longer training is a number to change. */
function sizesFor({ documents, characters }: FormatInspection): Sizes {
  const all = documents * characters.mean;
  const tokens = clamp((3 * all) / charactersPerToken, 60_000, 600_000);
  const isSmall = all < 300_000;
  return {
    vocab: all < 60_000 ? 400 : all < 1e6 ? 1024 : 2048,
    tokens: rounded(tokens),
    layers: isSmall ? 1 : 2,
    width: isSmall ? 64 : 128,
    context: characters.median < 400 ? 64 : 128,
  };
}

function modelsOf(main: FormatInspection, data: string, hasLabels: boolean): Record<string, object> {
  const { layers, width, context, tokens } = sizesFor(main);
  const base = { family: "llama", layers, width, heads: 2, context, tied: true };
  const words = { ...base, train: { on: data, tokens, rows: 8, rate: 0.02, evaluateEvery: 100 } };
  if (!hasLabels) return { [`${data}-model`]: words };
  const tune = { task: "classify", on: data, label: "label", length: context, epochs: 3, batch: 8, rate: 0.002, pooling: "mean" };
  return { words, classifier: { base: "words", tune } };
}

const heading = (main: FormatInspection, hasModel: boolean, hasLabels: boolean): string[] => [
  "# yaml-language-server: $schema=./node_modules/loam/docs/loam.schema.json",
  "# Written by `loam data look`. `loam run` does what is stale; `loam run --dry-run` tells how long it takes.",
  ...(main.text === undefined && main.fields.length > 0
    ? [`# No field looks like a text: name it with \`field:\`. The fields are ${main.fields.map(f => f.name).join(", ")}.`]
    : []),
  ...(hasModel ? [] : ["# Too few documents for a model: `loam data run` curates them."]),
  ...(hasLabels ? ["# `words` learns the texts, `classifier` the labels on top of it; a larger base that you import is better."] : []),
];

/** Errors: none; undefined where the folder holds nothing that a reader takes. */
export function proposedYaml({ name, folder, inspection }: ProposedProject): string | undefined {
  const [main, ...rest] = inspection.formats;
  if (main === undefined) return undefined;
  const data = short(name);
  const readable = rest.filter(f => f.read.documents > f.read.setAside && f.documents >= leastShare * main.documents);
  const sources = [main, ...readable].map(({ source }) => ({ folder, ...source }));
  const classes = main.labels.filter(l => l.documents > 1);
  const hasModel = main.documents >= leastDocuments && (main.fields.length === 0 || main.text !== undefined);
  const hasLabels = hasModel && main.label !== undefined && classes.length > 1;
  const part = {
    ...(sources.length === 1 ? { source: sources[0] } : { sources: Object.fromEntries(sources.map(s => [s.reader, s])) }),
    steps: ["clean", "deduplicate"],
    // few documents may all stay together
    split: hasModel ? { heldOut: 0.2, by: "near-duplicate", ...(hasLabels ? { stratify: "label" } : {}) } : { heldOut: 0 },
  };
  const models = hasModel ? modelsOf(main, data, hasLabels) : undefined;
  const content = {
    name: short(name),
    data: { [data]: part },
    ...(models ? { tokenizer: { vocab: sizesFor(main).vocab, from: data }, models } : {}),
    ...(models ? { serve: { model: `${Object.keys(models).at(-1)}@latest`, port: 8080 } } : {}),
  };
  return `${heading(main, hasModel, hasLabels).join("\n")}\n${stringify(content, { lineWidth: 0 })}`;
}
