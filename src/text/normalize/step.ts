/**
 * What normalizers are made of: steps that change a text. Each knows two ways, the whole text at once, and the edits that lead there,
 * for when places are tracked; a test holds them equal.
 */
import { type Aligned, type AlignedEdit, edit } from "../aligned.ts";

export interface NormalizeStep {
  apply(text: string): string;
  edits(text: string): AlignedEdit[];
}

/** A normalizer is its steps in order. */
export type Normalizer = readonly NormalizeStep[];

export function normalize(steps: Normalizer, a: Aligned): Aligned {
  if (!a.starts) {
    const text = steps.reduce((t, step) => step.apply(t), a.text);
    return text === a.text ? a : { text, atStart: a.atStart };
  }
  return steps.reduce((t, step) => edit(t, step.edits(t.text)), a);
}

/** Applies edits to a bare string. */
export const applyEdits = (text: string, edits: readonly AlignedEdit[]): string => edit({ text, atStart: false }, edits).text;

/** A step known by its edits alone. */
export const byEdits = (edits: (text: string) => AlignedEdit[]): NormalizeStep => ({ apply: text => applyEdits(text, edits(text)), edits });

/** Replaces every match of a global pattern. */
export const byPattern = (pattern: RegExp, by: (match: string) => string): NormalizeStep => ({
  apply: text => text.replace(pattern, m => by(m)),
  edits: text => Array.from(text.matchAll(pattern), m => ({ from: m.index, to: m.index + m[0].length, by: by(m[0]) })),
});

/** Lowercases character by character, so that sigma at a word's end is σ, as in the Rust library (JavaScript alone would write ς). */
const lower = (text: string): string => (text.includes("Σ") ? text.replaceAll("Σ", "σ") : text).toLowerCase();

export const lowercase: NormalizeStep = {
  apply: lower,
  edits: text => {
    const edits: AlignedEdit[] = [];
    let from = 0;
    for (const c of text) {
      const by = lower(c);
      if (by !== c) edits.push({ from, to: from + c.length, by });
      from += c.length;
    }
    return edits;
  },
};

export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A character with what may compose with it: marks and the inner letters of Hangul syllables. */
const cluster = /[\s\S][\p{M}\u1160-\u11FF]*/gu;

/** Unicode normalization; places are kept by cluster. */
export const unicodeForm = (form: UnicodeForm): NormalizeStep => ({
  apply: text => text.normalize(form),
  edits: text => {
    const whole = text.normalize(form);
    if (whole === text) return [];
    const edits = Array.from(text.matchAll(cluster), m => ({ from: m.index, to: m.index + m[0].length, by: m[0].normalize(form) })).filter(
      e => e.by !== text.slice(e.from, e.to),
    );
    // Should clusters ever interact, right text with rough places is better than wrong text.
    return applyEdits(text, edits) === whole ? edits : [{ from: 0, to: text.length, by: whole }];
  },
});

const isSpace = /\p{White_Space}/u;

/** Removes white space at the start, the end, or both. (No White_Space is outside the basic plane, so units are characters.) */
export const strip = (left: boolean, right: boolean): NormalizeStep =>
  byEdits(text => {
    let from = 0;
    let to = text.length;
    while (left && from < to && isSpace.test(text[from]!)) from++;
    while (right && to > from && isSpace.test(text[to - 1]!)) to--;
    return [
      { from: 0, to: from, by: "" },
      { from: to, to: text.length, by: "" },
    ].filter(e => e.from < e.to);
  });
