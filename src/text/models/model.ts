/** What every tokenizer model gives: tokens by id, and the encoding of one piece. */

/** Takes an id with the UTF-16 range of the piece that it stands for. */
export type Emit = (id: number, start: number, end: number) => void;

export interface TokenModel {
  /** Encodes one piece of text. */
  encode(piece: string, emit: Emit): void;
  readonly vocabulary: ModelVocabulary;
}

export interface ModelVocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Token of every id; undefined where the ids have a gap. */
  readonly tokens: readonly (string | undefined)[];
}
