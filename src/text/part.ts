/** The special tokens of Loam's own models, apart from the tokenizers. */
/** Ends every document in training and tells a decoder to stop. */
export const endToken = "<|end|>";
/** The tokens that our own models set apart: the end of a document or turn, and who speaks (`chat-template.ts`). */
export const defaultSpecialTokens: readonly string[] = [endToken, "<|system|>", "<|user|>", "<|assistant|>"];
