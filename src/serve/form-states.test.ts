import { expect, test } from "vitest";
import type { FormState } from "../nn/index.ts";
import { byteTokenizer } from "./fakes.ts";
import { eitherForm, formAfter } from "./form-states.ts";
import { formStart } from "./forms.ts";

const choice = (...choices: string[]) => formStart(byteTokenizer, { kind: "choice", choices }, "choice");
const allowed = ({ mask }: FormState): string =>
  Array.from({ length: 128 }, (_, t) => t)
    .filter(t => ((mask[t >>> 5] ?? 0) >>> (t & 31)) & 1)
    .map(t => String.fromCharCode(t))
    .join("");
/** Every text of up to `most` bytes that a form allows to be whole. */
function texts(form: FormState, most: number, before = ""): string[] {
  const here = form.isAccepting ? [before] : [];
  if (most === 0) return here;
  return [...here, ...[...allowed(form)].flatMap(c => texts(form.next(c.charCodeAt(0))!, most - 1, before + c))];
}

test("either form allows what one of them does, token by token, also where they begin alike", () => {
  const both = eitherForm([choice("ab", "abc"), choice("abd", "x")]);
  expect(texts(both, 5).sort()).toEqual(["ab", "abc", "abd", "x"]);
  expect(allowed(both)).toBe("ax");
  const ab = both.next(97)!.next(98)!;
  expect([allowed(ab), ab.isAccepting, ab.isComplete]).toEqual(["cd", true, false]);
  // only the second is left, and it is through
  expect(ab.next(100)!.isComplete).toBe(true);
  expect(both.next(98)).toBeUndefined();
});

test("a form behind tokens begins after them, and they are all that may come before", () => {
  const form = formAfter([99, 58], choice("1", "2"));
  expect(texts(form, 4)).toEqual(["c:1", "c:2"]);
  expect(form.isAccepting).toBe(false);
  expect(form.next(100)).toBeUndefined();
  // a token of a higher word than any of the other form's
  expect(texts(eitherForm([choice("!"), formAfter([126], choice("y"))]), 3)).toEqual(["!", "~y"]);
  expect(formAfter([], form)).toBe(form);
});
