/** Files of a Hugging Face data set: each is read by its format. JSON is taken line by line; an array of records is not. */
import { csv } from "../csv.ts";
import { jsonl } from "../json.ts";
import { parquet } from "../parquet.ts";
import type { Reader } from "../source.ts";
import { text } from "../text.ts";
import { formatOf, formats } from "./splits.ts";

const byFormat = { parquet, jsonl, csv, text } as const;

export const huggingface: Reader = {
  name: "huggingface",
  version: 1 + parquet.version * 1000 + jsonl.version * 100 + csv.version * 10 + text.version,
  extensions: Object.keys(formats),
  records(file, options) {
    const format = formatOf(file.path) ?? "text";
    const name = format === "jsonl" ? file.name.replace(/\.json$/i, ".jsonl") : file.name;
    return byFormat[format].records({ ...file, name }, options);
  },
};
