/** How an encoder makes vectors, as the files beside its weights that sentence-transformers reads (Reimers & Gurevych 2019). */
import type { FilesWriter, VectorForm } from "../../nn/index.ts";

interface SentenceForm extends VectorForm {
  /** Elements of a vector. */
  readonly width: number;
  /** Tokens of a text that it reads at most. */
  readonly longest: number;
}

const folders = { Transformer: "", Pooling: "1_Pooling", Normalize: "2_Normalize" } as const;

export async function writeSentenceFiles(output: FilesWriter, { pooling, normalise, width, longest }: SentenceForm): Promise<void> {
  const json = (name: string, value: unknown) => output.write(name, `${JSON.stringify(value, null, 2)}\n`);
  const modules = Object.entries(folders).filter(([name]) => normalise || name !== "Normalize");
  await json(
    "modules.json",
    modules.map(([name, path], idx) => ({ idx, name: String(idx), path, type: `sentence_transformers.models.${name}` })),
  );
  await json("1_Pooling/config.json", {
    word_embedding_dimension: width,
    pooling_mode_cls_token: pooling === "cls",
    pooling_mode_mean_tokens: pooling === "mean",
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  });
  await json("sentence_bert_config.json", { max_seq_length: longest, do_lower_case: false });
}
