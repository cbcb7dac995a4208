/** Forms of calls as states over a tokenizer: special tokens in them are tokens, all else is text. */
import type { FormState } from "../../../nn/index.ts";
import type { Form } from "../../../text/index.ts";
import { eitherForm, formAfter, formOver, formsInText, formThen } from "../../form-states.ts";
import { formStart } from "../../forms.ts";
import type { ServedTokenizer } from "../../served-model.ts";
import type { Asker } from "../exchange.ts";
import type { ToolFormat } from "./format.ts";
import type { ToolUse } from "./tool.ts";

/** Parts of a text: special tokens, and what stands between them. */
function partsOf({ specials }: Pick<ServedTokenizer, "specials">, text: string): { readonly text: string; readonly token?: number }[] {
  let at: { readonly place: number; readonly text: string; readonly token: number } | undefined;
  for (const [special, token] of specials) {
    const place = special === "" ? -1 : text.indexOf(special);
    if (place >= 0 && (!at || place < at.place || (place === at.place && special.length > at.text.length)))
      at = { place, text: special, token };
  }
  if (!at) return text === "" ? [] : [{ text }];
  const before = at.place > 0 ? [{ text: text.slice(0, at.place) }] : [];
  return [...before, { text: at.text, token: at.token }, ...partsOf({ specials }, text.slice(at.place + at.text.length))];
}

function hasSpecial(tokenizer: ServedTokenizer, form: Form): boolean {
  switch (form.kind) {
    case "text":
      return partsOf(tokenizer, form.text).some(p => p.token !== undefined);
    case "sequence":
      return form.parts.some(f => hasSpecial(tokenizer, f));
    case "either":
      return form.options.some(f => hasSpecial(tokenizer, f));
    case "repeat":
      return hasSpecial(tokenizer, form.of);
    default:
      return false;
  }
}

type OnRelaxed = Asker["onRelaxed"];

/** The state at the beginning of a form without special tokens. */
function startOf(tokenizer: ServedTokenizer, form: Form, onRelaxed: OnRelaxed) {
  const start = formStart(tokenizer, form, "tools");
  onRelaxed?.(start.relaxed);
  return start;
}

/** The state at a form's beginning, with what follows it. Errors: text/constraint where a schema in it cannot be kept to. */
function stateOf(tokenizer: ServedTokenizer, form: Form, onRelaxed: OnRelaxed, then?: () => FormState): FormState {
  if (!hasSpecial(tokenizer, form)) {
    const start = startOf(tokenizer, form, onRelaxed);
    return then ? formThen(start, then) : start;
  }
  const end = then ?? (() => formOver);
  switch (form.kind) {
    case "text":
      return partsOf(tokenizer, form.text).reduceRight<() => FormState>(
        (rest, { text, token }) =>
          () =>
            token === undefined ? stateOf(tokenizer, { kind: "text", text }, onRelaxed, rest) : formAfter([token], rest()),
        end,
      )();
    case "sequence":
      return form.parts.reduceRight<() => FormState>((rest, part) => () => stateOf(tokenizer, part, onRelaxed, rest), end)();
    case "either":
      return eitherForm(form.options.map(o => stateOf(tokenizer, o, onRelaxed, end)));
    case "repeat":
      // lists of calls: none or more
      return eitherForm([stateOf(tokenizer, form.of, onRelaxed, () => stateOf(tokenizer, form, onRelaxed, end)), end()]);
    default:
      return end();
  }
}

/** One call behind the format's `before`: of the function that must be called, or of any. Errors: text/constraint. */
export const oneCall = (tokenizer: ServedTokenizer, format: ToolFormat, { tools, choice }: ToolUse, onRelaxed?: OnRelaxed): FormState =>
  stateOf(tokenizer, format.call(typeof choice === "object" ? tools.filter(t => t.name === choice.name) : tools), onRelaxed);

/**
 * Any text, in which calls are of their functions' schemas where those are strict: the mask begins when a call does. Arguments of the other
 * functions are any object, where they are written as JSON. Errors: text/constraint.
 */
export function strictCalls(
  tokenizer: ServedTokenizer,
  format: ToolFormat,
  { tools, isParallel }: ToolUse,
  onRelaxed?: OnRelaxed,
): FormState {
  const wanted = format.read ? tools : tools.map(t => (t.strict === true ? t : { ...t, parameters: undefined }));
  const form = format.calls(wanted, isParallel);
  const start = stateOf(tokenizer, form, onRelaxed);
  const written = hasSpecial(tokenizer, form) ? undefined : formStart(tokenizer, form, "tools");
  const specials = new Map([...tokenizer.specials].map(([text, id]) => [id, Buffer.from(text)]));
  return formsInText({
    vocabSize: tokenizer.vocabSize,
    bytesOf: id => specials.get(id) ?? tokenizer.bytesOf?.(id),
    marks: format.inside === undefined ? format.open : format.open.filter(o => o !== format.inside),
    bare: format.bare,
    begin: said => (said.length === 0 ? start : written?.after(said)),
  });
}
