/**
 * What Loam knows of Hugging Face models, as data: a row an architecture says what its `config.json` may hold, how that becomes our
 * configuration and back, and how its tensors are named. A key or a tensor that no row names is an error, never ignored: a setting that we
 * do not know could change the model's function. Names and defaults: the `transformers` library, 4.x and 5.x.
 */
import { bert, roberta, xlmRoberta } from "./architectures/bert.ts";
import { gemma2, gemma3, gemma3Text } from "./architectures/gemma.ts";
import { gpt2 } from "./architectures/gpt2.ts";
import { llama, mistral, qwen2, qwen3 } from "./architectures/llama.ts";
import { t5 } from "./architectures/t5.ts";

export type { ArchitectureRow } from "./architectures/shared.ts";

/** model_type -> row. */
export const architectures = {
  gpt2,
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma2,
  gemma3_text: gemma3Text,
  gemma3,
  bert,
  roberta,
  "xlm-roberta": xlmRoberta,
  t5,
} as const;
export type ModelType = keyof typeof architectures;
export const modelTypes = Object.keys(architectures) as readonly ModelType[];
