/** What a verification finds, gathered: the first ones by name, the rest counted. */

export interface StoreFinding {
  /** `log entry 12 (artifact tokens-1f0c...)`, `artifacts tokens-1f0c...: digest`, `blob ab12...`. */
  readonly place: string;
  readonly expected: string;
  readonly received: string;
}

/** Findings listed; a record that is wrong in more places is wrong as a whole. */
const listed = 100;

const show = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
};

export interface Findings {
  readonly list: readonly StoreFinding[];
  more(): number;
  add(place: string, expected: unknown, received: unknown): void;
}

export function gatherFindings(): Findings {
  const list: StoreFinding[] = [];
  let more = 0;
  return {
    list,
    more: () => more,
    add(place, expected, received) {
      if (list.length < listed) list.push({ place, expected: show(expected), received: show(received) });
      else more++;
    },
  };
}
