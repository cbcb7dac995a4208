/** Files of a Hugging Face data set: each is read by its format. JSON is taken line by line, or element by element where it is an array. */
import { csv } from "../csv.ts";
import { jsonl } from "../json.ts";
import { parquet } from "../parquet.ts";
import type { Reader } from "../source.ts";
import { textFileReader } from "../text.ts";
import { tableFormatOf, tableFormats } from "./splits.ts";

const byFormat = { parquet, jsonl, csv, text: textFileReader } as const;

export const huggingface: Reader = {
  name: "huggingface",
  version: 1 + parquet.version * 1000 + jsonl.version * 100 + csv.version * 10 + textFileReader.version,
  extensions: Object.keys(tableFormats),
  records(file, options) {
    const format = tableFormatOf(file.path) ?? "text";
    return byFormat[format].records(file, options);
  },
};
