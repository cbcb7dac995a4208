/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const textErrors = errorTable("text", {
  unknownComponent: {
    status: 400,
    exit: "usage",
    meaning: "A tokenizer file names a normalizer, pre-tokenizer, model, post-processor or decoder that Loam does not have.",
  },
  unsupported: { status: 400, exit: "usage", meaning: "A tokenizer file uses an option or a pattern that Loam does not carry out." },
  brokenTokenizer: {
    status: 400,
    exit: "usage",
    meaning: "A tokenizer file contradicts itself: a merge of unknown tokens, two tokens with one id, a missing special token.",
  },
  unknownId: { status: 400, exit: "usage", meaning: "A token id is not in the tokenizer's vocabulary." },
  training: { status: 400, exit: "usage", meaning: "A tokenizer cannot be trained with these options or on this corpus." },
  tooLong: { status: 413, exit: "usage", meaning: "A text or a template is longer than what is processed in one piece." },
  constraint: {
    status: 400,
    exit: "usage",
    meaning: "A form for structured output (JSON schema, regular expression, choice, grammar) is wrong, too large, or not carried out.",
  },
  template: { status: 400, exit: "usage", meaning: "A chat template is not valid, refuses the messages, or does too much work." },
});
