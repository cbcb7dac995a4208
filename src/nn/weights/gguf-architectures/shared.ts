/** What the rows of GGUF's architectures share: their form, the keys that most have, and what tensors say that no key does. */
import { z } from "zod";
import type { DecoderConfig } from "../../decoder-config.ts";
import { nnErrors } from "../../errors.ts";
import type { Families, FamilyName } from "../../families.ts";
import type { GgufFile } from "../gguf.ts";
import type { GgufEntry } from "../gguf-write.ts";
import { any, layers, size } from "../key-values.ts";
import type { WeightLayout } from "../layout.ts";

export interface GgufRow<F extends FamilyName = FamilyName> extends WeightLayout {
  readonly family: F;
  /** Parses the keys of the architecture, without its name in front; strict. */
  readonly schema: z.ZodType<Record<string, unknown>>;
  readonly toConfig: (theirs: never, file: GgufFile) => Families[F]["config"] | Promise<Families[F]["config"]>;
  /** The keys of our configuration; undefined where it has none. */
  readonly fromConfig: (ours: Families[F]["config"]) => readonly GgufEntry[] | undefined;
}

export const positive = z.number().positive();

export const sizes = {
  context_length: size,
  embedding_length: size,
  block_count: layers,
  feed_forward_length: size,
  "attention.head_count": layers,
  vocab_size: size.optional(),
  // how the file was made
  tensor_data_layout: any,
};

export const wrongEntry = (file: GgufFile, key: string, expected: string, received: string) =>
  nnErrors.fail("weights", { place: `${file.place}: ${key}`, expected, received });

export const sizesOf = (
  name: string,
  c: Pick<DecoderConfig, "context" | "width" | "layers" | "hidden" | "heads" | "vocab">,
): GgufEntry[] => [
  [`${name}.context_length`, "u32", c.context],
  [`${name}.embedding_length`, "u32", c.width],
  [`${name}.block_count`, "u32", c.layers],
  [`${name}.feed_forward_length`, "u32", c.hidden],
  [`${name}.attention.head_count`, "u32", c.heads],
  [`${name}.vocab_size`, "u32", c.vocab],
];

/** Tokens of the table, which every file has. */
export function vocabularySize(file: GgufFile): number {
  const token = file.tensors.get("token_embd.weight");
  if (!token) throw wrongEntry(file, "token_embd.weight", "a table of tokens", "none");
  return token.shape[0]!;
}
/** Of a decoder, what tensors say: how many tokens there are, and whether the output has a table of its own. */
export const saidByTensors = (file: GgufFile): Pick<DecoderConfig, "vocab" | "tied" | "deviation"> => ({
  vocab: vocabularySize(file),
  tied: !file.tensors.has("output.weight"),
  deviation: 0.02,
});
