/**
 * Responses that are kept, so that a conversation goes on by naming the last one. In memory and bounded for each owner: the one kept longest goes
 * first, and all of them with the server. Where all owners together hold too much, the owner with most loses first, so nobody drives out one who
 * holds less. A response and its items are their owner's alone.
 */
import type { ResponsesItem } from "../../../protocols/index.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { keptId } from "../exchange.ts";
import { type Caller, mayUse, type Owned } from "../owner.ts";

export type KeptItem = ResponsesItem & { readonly id: string };

export interface KeptResponse extends Owned {
  readonly id: string;
  /** The response as it was answered. */
  readonly body: object;
  /** What was sent: its own items, without those of the responses before it. */
  readonly input: readonly KeptItem[];
  /** All that was said until now, the answer included. */
  readonly conversation: readonly KeptItem[];
  /** Of a response that is made in the background: stops it, and gives its last state. */
  readonly cancel?: () => object;
}

/** An item with an id of its own where it came without. */
export const keptItem = (item: ResponsesItem): KeptItem => {
  const type = item.type ?? "message";
  return { ...item, type, id: item.id ?? keptId(idKinds[type] ?? "msg") };
};
const idKinds: Readonly<Record<string, string>> = { function_call: "fc", function_call_output: "fc", reasoning: "rs" };

const itemKey = ({ owner = null }: Owned, id: string): string => JSON.stringify([owner, id]);

interface ResponseBounds {
  readonly storedResponses: number;
  readonly storedResponseCharacters: number;
  readonly allResponseCharacters: number;
}

/** What one owner has kept. */
interface Share {
  /** Oldest first. */
  readonly ids: Set<string>;
  characters: number;
}

export class ResponseStore {
  readonly #bounds: ResponseBounds;
  readonly #kept = new Map<string, { readonly response: KeptResponse; readonly characters: number }>();
  /** Every item of an owner once, with how many responses hold it. Clients may choose ids: two owners' items of the same id are two items. */
  readonly #items = new Map<string, { readonly item: KeptItem; holders: number }>();
  readonly #shares = new Map<string | null, Share>();
  #characters = 0;

  constructor(bounds: ResponseBounds = limits) {
    this.#bounds = bounds;
  }

  /** Keeps a response; one that is too large by itself is not kept. */
  add(response: KeptResponse): void {
    const { storedResponses, storedResponseCharacters, allResponseCharacters } = this.#bounds;
    const { owner = null } = response;
    // what conversations share is counted in each: the bound holds whatever is shared
    const characters = JSON.stringify([response.body, response.conversation]).length;
    if (characters > storedResponseCharacters) return;
    this.#kept.set(response.id, { response, characters });
    const share = this.#shares.get(owner) ?? { ids: new Set(), characters: 0 };
    this.#shares.set(owner, share);
    share.ids.add(response.id);
    share.characters += characters;
    this.#characters += characters;
    for (const item of response.conversation) {
      const key = itemKey(response, item.id);
      const known = this.#items.get(key);
      if (known) known.holders++;
      else this.#items.set(key, { item, holders: 1 });
    }
    while (share.ids.size > storedResponses || share.characters > storedResponseCharacters) this.#dropOldest(share);
    while (this.#characters > allResponseCharacters) {
      let largest = share;
      for (const other of this.#shares.values()) if (other.characters > largest.characters) largest = other;
      this.#dropOldest(largest);
    }
  }

  /** Keeps a further state of a response, unless it was taken away meanwhile. */
  update(response: KeptResponse): void {
    if (!this.#kept.has(response.id)) return;
    this.#drop(response.id);
    this.add(response);
  }

  /** `place`: of the id in the request. Errors: serve/unknownResponse, also for a response of another owner. */
  get(caller: Caller, id: string, place = "id"): KeptResponse {
    const found = this.#kept.get(id)?.response;
    if (found && mayUse(caller, found)) return found;
    throw serveErrors.fail("unknownResponse", {
      place,
      message: `Response with id "${id.slice(0, 60)}" not found`,
      hint: "The newest ones are kept, in memory, where store is not false.",
    });
  }
  /** An item of a response that is kept. `place`: of the id in the request. Errors: serve/unknownResponse. */
  item(caller: Caller, id: string, place: string): KeptItem {
    const own = this.#items.get(itemKey(caller, id));
    const found = own ?? (caller.usesUnowned ? this.#items.get(itemKey({}, id)) : undefined);
    if (found) return found.item;
    throw serveErrors.fail("unknownResponse", {
      place,
      message: `no response that is kept has an item "${id.slice(0, 60)}"`,
      hint: "Send the item itself, or set store to false so that clients do.",
    });
  }

  /** Errors: serve/unknownResponse. */
  remove(caller: Caller, id: string): void {
    this.get(caller, id);
    this.#drop(id);
  }

  #dropOldest({ ids }: Share): void {
    for (const oldest of ids) {
      this.#drop(oldest);
      return;
    }
  }

  #drop(id: string): void {
    const { response, characters } = this.#kept.get(id)!;
    this.#kept.delete(id);
    this.#characters -= characters;
    const { owner = null } = response;
    const share = this.#shares.get(owner)!;
    share.ids.delete(id);
    share.characters -= characters;
    if (share.ids.size === 0) this.#shares.delete(owner);
    for (const { id: itemId } of response.conversation) {
      const key = itemKey(response, itemId);
      const known = this.#items.get(key)!;
      known.holders--;
      if (known.holders === 0) this.#items.delete(key);
    }
  }
}
