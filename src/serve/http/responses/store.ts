/**
 * Responses that are kept, so that a conversation goes on by naming the last one. In memory and bounded: the one kept longest goes first, and
 * all of them with the server. Whoever knows an id may read it; ids cannot be guessed.
 */
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { newId } from "../exchange.ts";
import type { Item } from "./request.ts";

export type KeptItem = Item & { readonly id: string };

export interface KeptResponse {
  readonly id: string;
  /** The response as it was answered. */
  readonly body: object;
  /** What was sent: its own items, without those of the responses before it. */
  readonly input: readonly KeptItem[];
  /** All that was said until now, the answer included. */
  readonly conversation: readonly KeptItem[];
}

/** An item with an id of its own where it came without. */
export const keptItem = (item: Item): KeptItem => ({ ...item, type: item.type ?? "message", id: item.id ?? newId("msg") });

export interface ResponseBounds {
  readonly storedResponses: number;
  readonly storedResponseCharacters: number;
}

export class ResponseStore {
  readonly #bounds: ResponseBounds;
  readonly #kept = new Map<string, { readonly response: KeptResponse; readonly characters: number }>();
  /** Every item once, with how many responses hold it. */
  readonly #items = new Map<string, { readonly item: KeptItem; holders: number }>();
  #characters = 0;

  constructor(bounds: ResponseBounds = limits) {
    this.#bounds = bounds;
  }

  /** Keeps a response; one that is too large by itself is not kept. */
  add(response: KeptResponse): void {
    const { storedResponses, storedResponseCharacters } = this.#bounds;
    // what conversations share is counted in each: the bound holds whatever is shared
    const characters = JSON.stringify([response.body, response.conversation]).length;
    if (characters > storedResponseCharacters) return;
    this.#kept.set(response.id, { response, characters });
    this.#characters += characters;
    for (const item of response.conversation) {
      const known = this.#items.get(item.id);
      if (known) known.holders++;
      else this.#items.set(item.id, { item, holders: 1 });
    }
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= storedResponses && this.#characters <= storedResponseCharacters) break;
      this.#drop(oldest);
    }
  }

  find(id: string): KeptResponse | undefined {
    return this.#kept.get(id)?.response;
  }
  /** Errors: serve/unknownResponse. */
  get(id: string): KeptResponse {
    const found = this.find(id);
    if (found) return found;
    throw serveErrors.fail("unknownResponse", {
      place: "id",
      message: `there is no response "${id.slice(0, 60)}"`,
      hint: "The newest ones are kept, in memory, where store is not false.",
    });
  }
  /** An item of a response that is kept. */
  item(id: string): KeptItem | undefined {
    return this.#items.get(id)?.item;
  }

  /** Errors: serve/unknownResponse. */
  remove(id: string): void {
    this.get(id);
    this.#drop(id);
  }

  #drop(id: string): void {
    const { response, characters } = this.#kept.get(id)!;
    this.#kept.delete(id);
    this.#characters -= characters;
    for (const { id: itemId } of response.conversation) {
      const known = this.#items.get(itemId)!;
      known.holders--;
      if (known.holders === 0) this.#items.delete(itemId);
    }
  }
}
