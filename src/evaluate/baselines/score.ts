/**
 * Bits per byte of held-out documents: the one figure in which a language model, a token model and a compressor can be compared. Each
 * document is coded alone, given only the train side; every byte and the end of the document count. Lower is better; 8 is no model at all.
 */

export interface BaselineScore {
  readonly name: string;
  /** Cost of all held-out documents, their ends included. */
  readonly bits: number;
  /** UTF-8 bytes of the held-out texts. */
  readonly bytes: number;
  readonly bitsPerByte: number;
  /** Wall time of learning and coding. */
  readonly ms: number;
}

/** UTF-8 bytes of texts. */
export const utf8Bytes = (texts: readonly string[]): number => texts.reduce((sum, t) => sum + Buffer.byteLength(t), 0);

/** A score from its parts; `startedMs` is a `performance.now()`. */
export const baselineScore = (name: string, bits: number, bytes: number, startedMs: number): BaselineScore => ({
  name,
  bits,
  bytes,
  bitsPerByte: bits / bytes,
  ms: performance.now() - startedMs,
});
