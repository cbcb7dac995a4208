/** Forms put together: one of several, and one behind given tokens. What the parts are made of is theirs to know. */
import type { FormState } from "../nn/index.ts";

const isIn = (mask: Uint32Array, token: number): boolean => (((mask[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 1;

/** Whatever one of the forms allows, until what has come tells them apart. At least one form. */
export function eitherForm(forms: readonly FormState[]): FormState {
  const [only] = forms;
  if (only && forms.length === 1) return only;
  let mask: Uint32Array | undefined;
  return {
    get mask() {
      if (mask) return mask;
      mask = new Uint32Array(Math.max(...forms.map(f => f.mask.length)));
      for (const form of forms) for (const [w, word] of form.mask.entries()) mask[w]! |= word;
      return mask;
    },
    get isAccepting() {
      return forms.some(f => f.isAccepting);
    },
    get isComplete() {
      return forms.every(f => f.isComplete);
    },
    next: token => {
      const after = forms.flatMap(f => (isIn(f.mask, token) ? (f.next(token) ?? []) : []));
      return after.length > 0 ? eitherForm(after) : undefined;
    },
  };
}

/** These tokens, and then the form. */
export function formAfter(tokens: readonly number[], form: FormState): FormState {
  const [first, ...rest] = tokens;
  if (first === undefined) return form;
  const mask = new Uint32Array((first >>> 5) + 1);
  mask[first >>> 5] = 1 << (first & 31);
  return { mask, isAccepting: false, isComplete: false, next: token => (token === first ? formAfter(rest, form) : undefined) };
}

/** A text that is over. */
export const formOver: FormState = { mask: new Uint32Array(0), isAccepting: true, isComplete: true, next: () => undefined };

/** One form behind another. `then` is asked for where the first may end. */
export function formThen(form: FormState, then: () => FormState): FormState {
  if (form.isComplete) return then();
  const going: FormState = {
    mask: form.mask,
    isAccepting: false,
    isComplete: false,
    ...(form.forced ? { forced: form.forced } : {}),
    next: token => {
      const after = form.next(token);
      return after && formThen(after, then);
    },
  };
  return form.isAccepting ? eitherForm([going, then()]) : going;
}

const all = new Map<number, Uint32Array>();
/** The mask of every token of a vocabulary. */
function everyToken(vocabSize: number): Uint32Array {
  const words = (vocabSize + 31) >>> 5;
  const mask = all.get(words) ?? new Uint32Array(words).fill(0xffffffff);
  all.set(words, mask);
  return mask;
}

interface UntilToken {
  readonly vocabSize: number;
  /** The token that ends it. */
  readonly token: number;
  /** Tokens before it at most: then it must come. */
  readonly most?: number | undefined;
  readonly following: FormState | undefined;
}

/** Whatever the model says until a token comes, and then the form; anything where there is none. */
export function formBehindToken(until: UntilToken, count = 0): FormState {
  const { vocabSize, token, most, following } = until;
  if (most !== undefined && count >= most) {
    const mask = new Uint32Array((token >>> 5) + 1);
    mask[token >>> 5] = 1 << (token & 31);
    return { mask, isAccepting: false, isComplete: false, next: t => (t === token ? (following ?? anything(vocabSize)) : undefined) };
  }
  return {
    mask: everyToken(vocabSize),
    isAccepting: false,
    isComplete: false,
    next: t => (t === token ? (following ?? anything(vocabSize)) : formBehindToken(until, count + 1)),
  };
}

const anything = (vocabSize: number): FormState => {
  const state: FormState = { mask: everyToken(vocabSize), isAccepting: true, isComplete: false, next: () => state };
  return state;
};

interface FormsInText {
  readonly vocabSize: number;
  /** The bytes of a token, special tokens' among them. */
  readonly bytesOf: (token: number) => Uint8Array | undefined;
  /** Behind each of these texts a form begins. */
  readonly marks: readonly string[];
  /** An answer that begins with this character is of the form, the character included. */
  readonly bare?: string | undefined;
  /** The form after these bytes; undefined where it does not begin so. */
  readonly begin: (said: Uint8Array) => FormState | undefined;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Any text, in which a form follows a mark each time that the mark comes; after it any text again. */
export function formsInText(parts: FormsInText): FormState {
  const { vocabSize, bytesOf, bare, begin } = parts;
  const marks = parts.marks.map(m => latin1(Buffer.from(m)));
  const longest = Math.max(0, ...marks.map(m => m.length));
  const free = (tail: string, isFresh: boolean): FormState => ({
    mask: everyToken(vocabSize),
    isAccepting: true,
    isComplete: false,
    next: token => {
      const said = tail + latin1(bytesOf(token) ?? new Uint8Array());
      const begun = said.trimStart();
      const first = marks.map(m => ({ at: said.indexOf(m), size: m.length })).filter(m => m.at >= 0);
      const [mark] = first.sort((a, b) => a.at - b.at);
      const isBare = isFresh && bare !== undefined && begun.startsWith(bare);
      const form = isBare ? begin(Buffer.from(begun, "latin1")) : mark && begin(Buffer.from(said.slice(mark.at + mark.size), "latin1"));
      if (form) return formThen(form, () => free("", false));
      return free(mark ? "" : said.slice(Math.max(0, said.length - longest + 1)), isFresh && begun === "");
    },
  });
  return free("", true);
}

/** Whatever the model says; where that begins with a token, this form behind it. */
export const formIfToken = (vocabSize: number, token: number, form: FormState): FormState => ({
  ...anything(vocabSize),
  next: t => (t === token ? form : anything(vocabSize)),
});
