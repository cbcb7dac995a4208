/** A data set folder as files of a source: each with its split, and the field that holds the text. */
import { existsSync } from "node:fs";
import { defined } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import type { ManifestEntry, SourceFile } from "../file.ts";
import { walkFiles } from "../locate.ts";
import type { SourceOptions } from "../options.ts";
import { parquetFields } from "../parquet.ts";
import { chooseConfig, type Feature, readCard } from "./card.ts";
import { splitsByName, splitsByPattern, tableFormatOf } from "./splits.ts";

/** Names a text usually has, in this order, where several fields are texts. */
const usualNames = ["text", "content"];
/** Records of a JSON Lines file that are looked at for its fields. */
const lookedAt = 20;

type DatasetFile = Pick<ManifestEntry, "path" | "attributes" | "field" | "classes">;

async function fieldsOf(file: SourceFile): Promise<readonly Omit<Feature, "classes">[]> {
  const format = tableFormatOf(file.path);
  if (format === "parquet") return parquetFields(file);
  const found = new Map<string, boolean>();
  let n = 0;
  for await (const { bytes } of file.lines()) {
    if (format === "csv") {
      const names =
        bytes
          ?.toString("utf8")
          .replace(/^\ufeff/, "")
          .split(openedTab(file.path) ? "\t" : ",") ?? [];
      return names.map(name => ({ name: name.trim().replace(/^"(.*)"$/, "$1"), isText: true }));
    }
    try {
      for (const [name, value] of Object.entries(JSON.parse(bytes?.toString("utf8") ?? "") as object))
        found.set(name, (found.get(name) ?? true) && (typeof value === "string" || value === null));
    } catch {
      // What is wrong with a record is told when it is read.
    }
    if (++n >= lookedAt) break;
  }
  return [...found].map(([name, isText]) => ({ name, isText }));
}

const openedTab = (path: string) => /\.tsv(?:\.\w+)?$/i.test(path);

/** The one field that must be the text. Errors: `data/dataset` with all fields. */
function textField(features: readonly Omit<Feature, "classes">[], place: string): string {
  const texts = features.filter(f => f.isText).map(f => f.name);
  const found = usualNames.find(name => texts.includes(name)) ?? (texts.length === 1 ? texts[0] : undefined);
  if (found !== undefined) return found;
  throw dataErrors.fail("dataset", {
    place: `source.field (${place})`,
    expected: texts.length === 0 ? "a field of texts" : `the name of the text, one of ${texts.join(", ")}`,
    received: `no field; the data set has ${features.map(f => f.name).join(", ") || "none"}`,
    hint: "Name it with `field:`; a template puts several together.",
  });
}

/**
 * Files of the wanted configuration and splits, in the order of their paths. Errors: `data/dataset`, `data/sourceEmpty`,
 * `data/sourceMissing`.
 */
export async function datasetFiles(
  source: SourceOptions,
  root: string,
  open: (path: string) => SourceFile | Promise<SourceFile>,
): Promise<DatasetFile[]> {
  const place = source.huggingface!;
  const card = readCard(root);
  const config = chooseConfig(card, source.config, place);
  const below = config.folder?.replace(/^\.\/|\/$/g, "");
  const all = existsSync(root) ? walkFiles(root) : [];
  const paths = all.filter(p => below === undefined || below === "" || p.startsWith(`${below}/`));
  const within = (path: string) => (below ? path.slice(below.length + 1) : path);
  const files = config.files
    ? splitsByPattern(paths.map(within), config.files)
    : splitsByName(paths.map(within).filter(p => !/^(?:readme|license|dataset_infos?)\b/i.test(p)));
  const splits = [...new Set(files.map(f => f.split))];
  const wanted = source.split === undefined ? splits : [source.split].flat();
  const unknown = wanted.find(w => !splits.includes(w));
  if (files.length === 0)
    throw dataErrors.fail("sourceEmpty", {
      place: `source.huggingface (${place})`,
      expected: "Parquet, JSON Lines, CSV or text files, in `data` or as the card says",
      received: `${all.length} other files`,
    });
  if (unknown !== undefined)
    throw dataErrors.fail("dataset", { place: "source.split", expected: `one of ${splits.join(", ")}`, received: `"${unknown}"` });
  const seen = new Set<string>();
  const chosen = files
    // A file that two splits name is the first one's.
    .filter(f => wanted.includes(f.split) && !seen.has(f.path) && seen.add(f.path))
    .map(f => ({ ...f, path: below ? `${below}/${f.path}` : f.path }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const features = card.features.get(config.name) ?? (card.features.size === 1 ? [...card.features.values()][0] : undefined);
  const first = chosen[0]!.path;
  const isRecords = tableFormatOf(first) !== "text";
  const field =
    source.field ??
    (isRecords ? textField(features?.some(f => f.isText) ? features : await fieldsOf(await open(first)), place) : undefined);
  const classes = Object.fromEntries((features ?? []).flatMap(f => (f.classes ? [[f.name, f.classes]] : [])));
  return chosen.map(({ path, split }) => ({
    path,
    attributes: { split },
    ...defined({ field }),
    ...(Object.keys(classes).length > 0 ? { classes } : {}),
  }));
}
