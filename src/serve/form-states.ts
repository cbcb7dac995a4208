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
