/** What the rows of Hugging Face's architectures share: their form, and the parts of their schemas. */
import { z } from "zod";
import type { Families, FamilyName } from "../../families.ts";
import { any } from "../key-values.ts";
import type { WeightLayout } from "../layout.ts";

export interface ArchitectureRow<F extends FamilyName = FamilyName> extends WeightLayout {
  readonly family: F;
  /** Parses their configuration, given as plain data; strict. */
  readonly schema: z.ZodType<Record<string, unknown>>;
  readonly toConfig: (theirs: never) => Families[F]["config"];
  /** Keys of which the library takes numbers with a point only. */
  readonly floats?: readonly string[];
  /** Their configuration of ours; undefined where it has none. */
  readonly fromConfig: (ours: Families[F]["config"]) => Record<string, unknown> | undefined;
}

/** Keys that say nothing about the forward pass: bookkeeping, generation, dropout rates, heads for other tasks. */
export const silentKeys = Object.fromEntries(
  `model_type architectures transformers_version torch_dtype dtype _name_or_path _attn_implementation use_cache bos_token_id eos_token_id
   pad_token_id unk_token_id sep_token_id cls_token_id mask_token_id id2label label2id num_labels problem_type output_attentions
   output_hidden_states return_dict gradient_checkpointing task_specific_params finetuning_task tokenizer_class chunk_size_feed_forward
   pretraining_tp n_ctx reorder_and_upcast_attn resid_pdrop embd_pdrop attn_pdrop attention_dropout hidden_dropout_prob
   attention_probs_dropout_prob classifier_dropout summary_type summary_use_proj summary_activation summary_proj_to_labels
   summary_first_dropout matryoshka_dimensions is_matryoshka`
    .split(/\s+/)
    .map(key => [key, any]),
) as Record<string, typeof any>;
/** Keys of which one value is supported; it is also the default. */
export const only = <T extends z.util.Literal>(value: T) => z.literal(value).default(value as never);
