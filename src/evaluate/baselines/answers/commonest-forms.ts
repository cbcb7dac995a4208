/**
 * What a table of words can do about a rewriting task in which words keep their order (restoring capitals, punctuation or accents; spelling): each
 * word becomes the form that it has most often in the answers of a training part, the first and the last word get the case and the marks that
 * answers mostly begin and end with. Unknown words stay as they are.
 */

export interface Rewriting {
  readonly input: string;
  readonly answer: string;
}

export interface CommonestForms {
  /** Pairs whose words correspond one by one, of all that were given. */
  readonly used: number;
  readonly rewrite: (input: string) => string;
}

/** Marks before, the word itself, marks behind. */
const parts = (form: string): readonly [string, string, string] => {
  const [, before, core, after] = /^([^\p{L}\p{M}\p{N}]*)(.*?)([^\p{L}\p{M}\p{N}]*)$/su.exec(form)!;
  return [before!, core!, after!];
};
const capital = (word: string): string => {
  const [first = "", ...rest] = [...word];
  return first.toUpperCase() + rest.join("");
};
const isCapital = (word: string): boolean => {
  const [first = ""] = [...word];
  return first !== first.toLowerCase();
};
const wordsOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);
const isMarks = (word: string): boolean => !/[\p{L}\p{N}]/u.test(word);

/** Words with the marks that stand alone joined to the word before them (to the first one at the beginning). */
function joined(words: readonly string[]): string[] {
  const out: string[] = [];
  let waiting = "";
  for (const word of words)
    if (!isMarks(word)) {
      out.push(waiting + word);
      waiting = "";
    } else if (out.length > 0) out.push(`${out.pop()!} ${word}`);
    else waiting += `${word} `;
  return out;
}

class Counts<K> {
  private readonly counts = new Map<K, number>();
  add(key: K): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }
  /** The most frequent; the earliest of equals. */
  top(): K | undefined {
    let best: readonly [K, number] | undefined;
    for (const entry of this.counts) if (!best || entry[1] > best[1]) best = entry;
    return best?.[0];
  }
}

/** Learns from pairs. A pair whose words do not correspond one by one teaches nothing. */
export function commonestForms(pairs: readonly Rewriting[]): CommonestForms {
  const forms = new Map<string, Counts<string>>();
  const [beginsCapital, begins, ends] = [new Counts<boolean>(), new Counts<string>(), new Counts<string>()];
  let used = 0;
  for (const { input, answer } of pairs) {
    const [plain, written] = [wordsOf(input), joined(wordsOf(answer))];
    if (plain.length === 0 || plain.length !== written.length) continue;
    used++;
    const [before, core] = parts(written[0]!);
    const [, , after] = parts(written.at(-1)!);
    beginsCapital.add(isCapital(core));
    begins.add(before);
    ends.add(after);
    // the first word's case and the last one's marks are the sentence's, not the word's
    for (let i = 1; i < plain.length; i++) {
      const [own, word] = parts(written[i]!);
      const known = forms.get(plain[i]!) ?? new Counts<string>();
      known.add(i < plain.length - 1 ? written[i]! : own + word);
      forms.set(plain[i]!, known);
    }
  }
  const [isFirstCapital, start, end] = [beginsCapital.top() ?? false, begins.top() ?? "", ends.top() ?? ""];
  return {
    used,
    rewrite(input) {
      const words = wordsOf(input).map(word => forms.get(word)?.top() ?? word);
      if (words.length === 0) return "";
      const [, first, behind] = parts(words[0]!);
      words[0] = start + (isFirstCapital ? capital(first) : first) + behind;
      const [ahead, last] = parts(words.at(-1)!);
      words[words.length - 1] = ahead + last + end;
      return words.join(" ");
    },
  };
}
