/** The head of a data set's README that the Hugging Face hub and `datasets` read: names, licence, splits and their files, columns, sizes. */
import { stringify } from "yaml";
import type { ExportColumn } from "../export/columns.ts";
import type { DataExport, ExportedTable } from "../export/export.ts";
import { type DataCard, mainLanguages } from "./card.ts";
import { hubLicence } from "./licence.ts";

/** The hub's classes of size. */
export function sizeCategory(documents: number): string {
  const names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"];
  const at = names.findIndex((_, i) => documents < 10 ** (i + 3));
  if (at === 0) return "n<1K";
  return at < 0 ? "n>1T" : `${names[at - 1]}<n<${names[at]}`;
}

const dtypes = { string: "string", int64: "int64", double: "float64", boolean: "bool" } as const;
const feature = ({ name, type }: ExportColumn): object => (type === "strings" ? { name, list: "string" } : { name, dtype: dtypes[type] });

/** Files of a split as a pattern: `data/train-*`, or the one file. */
function pattern(e: Pick<DataExport, "files">, split: string): string {
  const files = e.files.filter(f => f.split === split);
  const first = files[0]!.path;
  return files.length === 1 && !/-00000-of-/.test(first) ? first : first.replace(/-\d{5}-of-\d{5}\..*$/, "-*");
}

function info(e: Pick<DataExport, "files">, table: ExportedTable): object {
  const size = (split: string) => e.files.filter(f => f.split === split).reduce((sum, f) => sum + f.sizeBytes, 0);
  return {
    config_name: table.name,
    features: table.columns.map(feature),
    splits: table.splits.map(s => ({ name: s.name, num_bytes: s.bytes, num_examples: s.documents })),
    download_size: table.splits.reduce((sum, s) => sum + size(s.name), 0),
    dataset_size: table.splits.reduce((sum, s) => sum + s.bytes, 0),
  };
}

export function cardFrontMatter(c: DataCard, e: Pick<DataExport, "files" | "tables">): string {
  const language = mainLanguages(c).filter(v => /^[a-z]{2,3}$/.test(v));
  const documents = e.tables
    .filter(t => t.name === "default")
    .flatMap(t => t.splits)
    .reduce((sum, s) => sum + s.documents, 0);
  const head = {
    pretty_name: c.title ?? c.name,
    ...(c.licence ? hubLicence(c.licence) : {}),
    ...(language.length > 0 ? { language } : {}),
    size_categories: [sizeCategory(documents)],
    task_categories: ["text-generation"],
    tags: ["loam", "croissant"],
    configs: e.tables.map(t => ({
      config_name: t.name,
      ...(t.name === "default" ? { default: true } : {}),
      data_files: t.splits.map(s => ({ split: s.name, path: pattern(e, s.name) })),
    })),
    dataset_info: e.tables.map(t => info(e, t)),
  };
  return `---\n${stringify(head, { lineWidth: 0 })}---\n`;
}
