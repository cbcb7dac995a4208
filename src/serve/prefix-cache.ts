/**
 * Which slot holds which tokens, also after its owner has left, so that a beginning that is known is not computed again. It knows tokens and
 * numbers of positions, never the device: it says what could be copied from where. Only sequences of one salt (a tenant) see each other.
 * Every position may be shared, because every program gives a token the same bits (`Program.isUniform`); sharing is by copy, a slot stays
 * one piece. Idea of a cache that outlives its owner: vLLM's; of comparing slots by their tokens: llama.cpp's.
 */
import type { HeldPrefix } from "./slot-owner.ts";

interface Left {
  readonly salt: string;
  readonly tokens: readonly number[];
  /** When its owner left, in the order of leaving. */
  readonly order: number;
}

/** Tokens [0, length) of a sequence are in a slot. */
interface FoundPrefix {
  readonly slot: number;
  readonly length: number;
  /** The slot is free and holds nothing else: whoever goes on in it destroys nothing. */
  readonly isWhole: boolean;
}

/** Who comes in, and how many slots it needs. */
interface Newcomer {
  readonly id: number;
  readonly slots: number;
  /** What it says, where it may take over what others have computed. */
  readonly text?: HeldPrefix;
}
interface Seat {
  /** The first is where its prompt is computed. */
  readonly slots: readonly number[];
  /** Positions of its beginning that the first slot holds already. */
  readonly inPlace: number;
}

/** A shorter gain is not worth a copy: the chunk that computes the rest takes as long with it as without. */
const leastGain = 8;

const common = (a: readonly number[], b: readonly number[], most: number): number => {
  let n = 0;
  while (n < most && a[n] === b[n]) n++;
  return n;
};

export class PrefixCache {
  readonly #owners: readonly (HeldPrefix | undefined)[];
  readonly #left: (Left | undefined)[];
  #order = 0;

  /** `owners` is the engine's own list, read live. */
  constructor(owners: readonly (HeldPrefix | undefined)[]) {
    this.#owners = owners;
    this.#left = owners.map(() => undefined);
  }

  /** An owner leaves its slot; what it has computed stays. */
  leave(slot: number, { salt, tokens, computed }: HeldPrefix): void {
    this.#left[slot] = computed > 0 ? { salt, tokens: tokens.slice(0, computed), order: this.#order++ } : undefined;
  }

  forget(slot: number): void {
    this.#left[slot] = undefined;
  }

  /** The first position of a free slot that holds nothing: where a step that runs over all slots may write. */
  endOf(slot: number): number {
    return this.#left[slot]?.tokens.length ?? 0;
  }

  /** Free slots in the order in which they are given away: empty ones, then those that were left longest ago. */
  freeSlots(isUsable: (slot: number) => boolean): number[] {
    const free: number[] = [];
    for (let slot = 0; slot < this.#owners.length; slot++) if (!this.#owners[slot] && isUsable(slot)) free.push(slot);
    return free.sort((a, b) => (this.#left[a]?.order ?? -1) - (this.#left[b]?.order ?? -1) || a - b);
  }

  /** Slots for newcomers: whoever goes on with all that a free slot holds sits down there, the others where least is lost. */
  seat(newcomers: readonly Newcomer[], isUsable: (slot: number) => boolean): Map<number, Seat> {
    const seats = new Map<number, Seat>();
    const free = new Set(this.freeSlots(isUsable));
    const finds = newcomers.map(({ id, slots, text }) => ({ id, count: slots, found: text && this.find(text) }));
    for (const { id, found } of finds)
      if (found?.isWhole && free.delete(found.slot)) seats.set(id, { slots: [found.slot], inPlace: found.length });
    for (const { id, found, count } of finds) {
      const { slots: has, inPlace } = seats.get(id) ?? { slots: [], inPlace: 0 };
      const slots = [...has, ...[...free].slice(0, count - has.length)];
      for (const slot of slots) free.delete(slot);
      seats.set(id, { slots, inPlace: has.length === 0 && found?.slot === slots[0] ? found!.length : inPlace });
    }
    return seats;
  }

  /** The longest beginning of a sequence that some other slot holds and that is worth taking; its last token is always computed anew. */
  find({ salt, tokens, computed, slot: own }: HeldPrefix): FoundPrefix | undefined {
    let best: FoundPrefix | undefined;
    for (let slot = 0; slot < this.#owners.length; slot++) {
      if (slot === own) continue;
      const owner = this.#owners[slot];
      const held = owner ?? this.#left[slot];
      if (!held || held.salt !== salt) continue;
      const holds = owner ? owner.computed : held.tokens.length;
      const length = common(held.tokens, tokens, Math.min(holds, tokens.length - 1));
      const isWhole = !owner && length === holds;
      if (length > (best?.length ?? 0) || (best && length === best.length && isWhole && !best.isWhole)) best = { slot, length, isWhole };
    }
    const gain = (best?.length ?? 0) - computed;
    return best && (gain >= leastGain || (gain > 0 && best.length === tokens.length - 1)) ? best : undefined;
  }
}
