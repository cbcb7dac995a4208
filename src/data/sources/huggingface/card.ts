/**
 * The card of a Hugging Face data set: the YAML at the head of README.md, as far as it says which files are which split and what the fields
 * are (`configs`, `dataset_info`; https://huggingface.co/docs/hub/datasets-manual-configuration). What is not understood is passed over:
 * cards are written by hand.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { dataErrors } from "../../errors.ts";

export interface SplitFiles {
  readonly split: string;
  readonly patterns: readonly string[];
}

interface Config {
  readonly name: string;
  readonly isDefault: boolean;
  /** Undefined: the files' names say it. */
  readonly files: readonly SplitFiles[] | undefined;
  /** Below the data set's folder. */
  readonly folder: string | undefined;
}

export interface Feature {
  readonly name: string;
  readonly isText: boolean;
  /** Names by number, of a class label. */
  readonly classes: readonly string[] | undefined;
}

interface Card {
  readonly configs: readonly Config[];
  /** Of each configuration that says so. */
  readonly features: ReadonlyMap<string, readonly Feature[]>;
}

/** A card is a page of text. */
const maxCardBytes = 4 * 2 ** 20;
const defaultName = "default";

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);
const textsOf = (value: unknown): string[] => [value].flat().filter(v => typeof v === "string");

/** `data_files`: a pattern, several, or one or several for each split. */
function splitFiles(value: unknown): SplitFiles[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (isPlain(value)) return Object.entries(value).map(([split, paths]) => ({ split, patterns: textsOf(paths) }));
  const plain = textsOf(value);
  const named = [value].flat().filter(isPlain);
  return [
    ...(plain.length > 0 ? [{ split: "train", patterns: plain }] : []),
    ...named.map(v => ({ split: typeof v.split === "string" ? v.split : "train", patterns: textsOf(v.path) })),
  ];
}

function featureOf(value: unknown): Feature[] {
  if (!isPlain(value) || typeof value.name !== "string") return [];
  const { dtype } = value;
  const label = isPlain(dtype) && isPlain(dtype.class_label) ? dtype.class_label.names : undefined;
  let classes: string[] | undefined;
  if (Array.isArray(label)) classes = label.map(String);
  else if (isPlain(label)) {
    classes = [];
    for (const [number, name] of Object.entries(label)) if (/^\d{1,6}$/.test(number)) classes[Number(number)] = String(name);
  }
  return [{ name: value.name, isText: dtype === "string" || dtype === "large_string", classes }];
}

/** The card of a folder; a folder without one has an empty card. Errors: `data/dataset` where its YAML cannot be read. */
export function readCard(folder: string): Card {
  const path = join(folder, "README.md");
  const empty: Card = { configs: [], features: new Map() };
  if (!existsSync(path)) return empty;
  const text = readFileSync(path, "utf8").slice(0, maxCardBytes);
  const head = /^\ufeff?---[ \t]*\r?\n([\s\S]*?)^---[ \t]*\r?$/m.exec(text)?.[1];
  if (head === undefined || !/^\ufeff?---/.test(text)) return empty;
  let card: unknown;
  try {
    card = parse(head);
  } catch (error) {
    throw dataErrors.fail(
      "dataset",
      { place: `${path} (the part between ---)`, expected: "YAML", received: (error as Error).message.split("\n")[0]! },
      error,
    );
  }
  if (!isPlain(card)) return empty;
  const configs = [card.configs].flat().flatMap((c): Config[] => {
    if (!isPlain(c)) return [];
    return [
      {
        name: typeof c.config_name === "string" ? c.config_name : defaultName,
        isDefault: c.default === true,
        files: splitFiles(c.data_files),
        folder: typeof c.data_dir === "string" ? c.data_dir : undefined,
      },
    ];
  });
  const features = new Map<string, readonly Feature[]>();
  for (const info of [card.dataset_info].flat())
    if (isPlain(info) && Array.isArray(info.features))
      features.set(typeof info.config_name === "string" ? info.config_name : defaultName, info.features.flatMap(featureOf));
  return { configs, features };
}

/** The configuration that is meant. Errors: `data/dataset` with those there are. */
export function chooseConfig({ configs }: Card, wanted: string | undefined, place: string): Config {
  const fallback: Config = { name: wanted ?? defaultName, isDefault: true, files: undefined, folder: undefined };
  if (configs.length === 0 && (wanted === undefined || wanted === defaultName)) return fallback;
  const found =
    wanted !== undefined
      ? configs.find(c => c.name === wanted)
      : (configs.find(c => c.isDefault) ?? configs.find(c => c.name === defaultName) ?? (configs.length === 1 ? configs[0] : undefined));
  if (found) return found;
  throw dataErrors.fail("dataset", {
    place: "source.config",
    expected: configs.length === 0 ? `no config: the card of ${place} names none` : `one of ${configs.map(c => c.name).join(", ")}`,
    received: wanted === undefined ? "none, and none of them is the default" : `"${wanted}"`,
  });
}
