/** Which placeholder stands for which value, of one request; it lives as long as the answer and is written nowhere. */
import { sha256 } from "../../../base/index.ts";

/** `<EMAIL_1>`, `<NATIONAL_ID_12>`. */
export const placeholderForm = "[A-Z][A-Z_]{0,19}_[1-9][0-9]{0,8}";
const anywhere = new RegExp(`<(${placeholderForm})>`, "g");

/** `nationalId` -> `NATIONAL_ID`. */
const capitals = (type: string): string => type.replace(/[A-Z]/g, c => `_${c}`).toUpperCase();

/** What placeholders stand for. */
export interface Values {
  /** Of a name without its brackets. */
  valueOf(name: string): string | undefined;
}

export class Vault implements Values {
  readonly #byValue = new Map<string, string>();
  readonly #byName = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #taken = new Set<string>();
  readonly #first: number;

  /**
   * `texts`: of the request; what looks like a placeholder in them already stands for nothing here. `conversation`: one whose turns of before a
   * server keeps, with placeholders that are not known here; numbers begin elsewhere, so that none means two things.
   */
  constructor(texts: readonly string[], conversation: string | undefined) {
    for (const text of texts) if (text.includes("<")) for (const [, name] of text.matchAll(anywhere)) this.#taken.add(name!);
    this.#first = conversation === undefined ? 1 : ((Number.parseInt(sha256(conversation).slice(0, 8), 16) % 9_999) + 1) * 1_000;
  }

  /** The same for the same value. */
  placeholderOf(type: string, value: string): string {
    const key = `${type}\0${value}`;
    let name = this.#byValue.get(key);
    if (name === undefined) {
      const kind = capitals(type);
      let count = this.#counts.get(kind) ?? this.#first;
      while (this.#taken.has(`${kind}_${count}`)) count++;
      this.#counts.set(kind, count + 1);
      name = `${kind}_${count}`;
      this.#byValue.set(key, name);
      this.#byName.set(name, value);
    }
    return `<${name}>`;
  }

  /** Of a name without its brackets. */
  valueOf(name: string): string | undefined {
    return this.#byName.get(name);
  }

  /** Names without their brackets, and values. */
  entries(): Iterable<readonly [name: string, value: string]> {
    return this.#byName;
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }
}
