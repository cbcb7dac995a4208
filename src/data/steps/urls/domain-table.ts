/**
 * Millions of domains in little memory: an open-addressing table of places in one buffer of names, the name and 7 to 20 bytes a domain (a
 * Set of strings takes half as much again). Hashes run from the last letter to the first, so one pass over a host asks for it and all its
 * parents; equality is always checked.
 */

/** FNV-1a's. */
const [seed, prime] = [0x811c9dc5, 0x01000193];
const dot = 46;

export class DomainTable {
  #names: Uint8Array = new Uint8Array(1 << 12);
  #used = 0;
  #slots = new Uint32Array(1 << 8);
  /** Beside each slot: which list. */
  #lists = new Uint16Array(1 << 8);
  size = 0;

  /** Hosts are ASCII here. The first list that names a domain keeps it. */
  add(domain: string, list: number): void {
    if (2 * (this.size + 1) > this.#slots.length) this.#grow();
    let hash = seed;
    for (let i = domain.length - 1; i >= 0; i--) hash = Math.imul(hash ^ domain.charCodeAt(i), prime);
    let slot = (hash >>> 0) & (this.#slots.length - 1);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (this.#slots.length - 1)) if (this.#isAt(this.#slots[slot]! - 1, domain, 0)) return;
    this.#slots[slot] = this.#write(domain) + 1;
    this.#lists[slot] = list;
    this.size++;
  }

  /** The longest of a host and its parents that is in the table, with its list. */
  find(host: string): { readonly domain: string; readonly list: number } | undefined {
    let hash = seed;
    let found: { start: number; list: number } | undefined;
    for (let i = host.length - 1; i >= 0; i--) {
      hash = Math.imul(hash ^ host.charCodeAt(i), prime);
      if (i > 0 && host.charCodeAt(i - 1) !== dot) continue;
      const mask = this.#slots.length - 1;
      for (let slot = (hash >>> 0) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask)
        if (this.#isAt(this.#slots[slot]! - 1, host, i)) {
          found = { start: i, list: this.#lists[slot]! };
          break;
        }
    }
    return found && { domain: host.slice(found.start), list: found.list };
  }

  /** Whether the name at a place is the text from `from` on. Names are kept with their length before them. */
  #isAt(place: number, text: string, from: number): boolean {
    const length = this.#names[place]!;
    if (length !== text.length - from) return false;
    for (let i = 0; i < length; i++) if (this.#names[place + 1 + i] !== text.charCodeAt(from + i)) return false;
    return true;
  }

  #write(domain: string): number {
    const place = this.#used;
    if (place + domain.length + 1 > this.#names.length) {
      const larger = new Uint8Array(this.#names.length * 2);
      larger.set(this.#names);
      this.#names = larger;
    }
    this.#names[place] = domain.length;
    for (let i = 0; i < domain.length; i++) this.#names[place + 1 + i] = domain.charCodeAt(i);
    this.#used = place + 1 + domain.length;
    return place;
  }

  #grow(): void {
    const [slots, lists] = [this.#slots, this.#lists];
    this.#slots = new Uint32Array(slots.length * 2);
    this.#lists = new Uint16Array(slots.length * 2);
    const mask = this.#slots.length - 1;
    for (const [i, taken] of slots.entries()) {
      if (taken === 0) continue;
      let hash = seed;
      for (let j = this.#names[taken - 1]!; j > 0; j--) hash = Math.imul(hash ^ this.#names[taken - 1 + j]!, prime);
      let slot = (hash >>> 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = taken;
      this.#lists[slot] = lists[i]!;
    }
  }
}
