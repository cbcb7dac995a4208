/**
 * What Loam knows of models in GGUF files, as data: a row an architecture says which metadata keys there may be, how they become our
 * configuration, and how tensors are named. A key or a tensor that no row names is an error, never ignored. Names and defaults: llama.cpp's
 * converter and loader (`gguf-py/gguf/constants.py`, `src/llama-arch.cpp`).
 */
import { check, nearest } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";
import { checkedConfig, type ModelConfig } from "../families.ts";
import type { GgufFile } from "./gguf.ts";
import { ggufBert } from "./gguf-architectures/bert.ts";
import { ggufGemma2, ggufGemma3 } from "./gguf-architectures/gemma.ts";
import { ggufGpt2 } from "./gguf-architectures/gpt2.ts";
import { ggufLlama, ggufQwen2, ggufQwen3 } from "./gguf-architectures/llama.ts";
import { type GgufRow, vocabularySize, wrongEntry } from "./gguf-architectures/shared.ts";
import type { GgufValue } from "./gguf-header.ts";

/** general.architecture -> row. */
export const ggufArchitectures = {
  llama: ggufLlama,
  qwen2: ggufQwen2,
  qwen3: ggufQwen3,
  gemma2: ggufGemma2,
  gemma3: ggufGemma3,
  gpt2: ggufGpt2,
  bert: ggufBert,
} as const;
export const ggufNames = Object.keys(ggufArchitectures) as readonly (keyof typeof ggufArchitectures)[];

/** Keys that say nothing about the forward pass: who made the file and how; the tokenizer is read apart. */
const silentKeys = /^(general|tokenizer|quantize|imatrix)\./;

function rowOf(file: GgufFile): GgufRow {
  const name = file.values.get("general.architecture");
  const known = ggufNames.find(n => n === name);
  if (known) return ggufArchitectures[known] as GgufRow;
  const near = typeof name === "string" ? nearest(name, ggufNames) : undefined;
  throw nnErrors.fail("weights", {
    place: `${file.place}: general.architecture`,
    expected: `an architecture among ${ggufNames.join(", ")}`,
    received: typeof name === "string" ? `"${name.slice(0, 60)}"` : "none",
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** As messages can show it: JSON has no numbers of 64 bits, and a list is none of what the rows take. */
const plainOf = (value: GgufValue): unknown =>
  typeof value === "object" ? `a list of ${value.length}` : typeof value === "bigint" ? Number(value) : value;

/** Our configuration of a file, and the row that names its tensors. A setting that is not supported is an error by name. */
export async function readGgufConfig(file: GgufFile): Promise<{ model: ModelConfig; row: GgufRow }> {
  const row = rowOf(file);
  const prefix = `${row.architecture}.`;
  const own: Record<string, unknown> = {};
  for (const [key, value] of file.values) {
    if (key.startsWith(prefix)) own[key.slice(prefix.length)] = plainOf(value);
    else if (!silentKeys.test(key) && !key.startsWith("split."))
      throw wrongEntry(file, key.slice(0, 100), `keys of general, tokenizer and ${row.architecture}`, "an unknown one");
  }
  vocabularySize(file);
  const place = `${file.place}: ${row.architecture}`;
  // the row's own schema gives what the row takes (`never`: rows of all architectures)
  return { model: checkedConfig(row.family, await row.toConfig(check(row.schema, own, place) as never, file), place), row };
}
