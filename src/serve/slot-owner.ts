/** What sits in a slot, as the runner and the prefix cache see it: an answer, or a beam of a search. */

export interface SlotOwner {
  readonly id: number;
  /** Whose prefixes it may share; see `GenerationRequest.cacheSalt`. */
  readonly salt: string;
  /** Place of its adapter in the program's bank; 0 where it has none. */
  readonly adapter: number;
  /** What is known, in order. */
  readonly tokens: readonly number[];
  /** How many of them are in the cache. */
  computed: number;
  slot: number | undefined;
  /** Step of its last chunk; -1 before the first. */
  lastChunk: number;
  readonly isOver: boolean;
  /** What a run may change of it, kept: the result puts it back, random numbers included. */
  checkpoint(): () => void;
}

/** As much of it as decides what may be taken over from a slot. */
export type HeldPrefix = Pick<SlotOwner, "salt" | "tokens" | "computed" | "slot">;
