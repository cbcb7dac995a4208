/** Forms put together into one grammar: the rules of each part keep apart by a number before their names. Also texts in which another one does not stand. */

import { charactersOf, complement } from "./code-points.ts";
import { characters, choice, type Grammar, literalText, type RegularExpression, repeatText, sequence } from "./expression.ts";

interface LiteralForm {
  readonly kind: "text";
  readonly text: string;
}
interface SequenceForm<Form> {
  readonly kind: "sequence";
  readonly parts: readonly Form[];
}
interface EitherForm<Form> {
  readonly kind: "either";
  readonly options: readonly Form[];
}
/** `most` may be Infinity. */
interface RepeatForm<Form> {
  readonly kind: "repeat";
  readonly of: Form;
  readonly least: number;
  readonly most: number;
}
/** Any text in which this one does not stand. */
interface WithoutForm {
  readonly kind: "without";
  readonly text: string;
}

export type { EitherForm, LiteralForm, RepeatForm, SequenceForm, WithoutForm };

type Composed<Form> = LiteralForm | SequenceForm<Form> | EitherForm<Form> | RepeatForm<Form> | WithoutForm;

const composedKinds: readonly string[] = ["text", "sequence", "either", "repeat", "without"];
export const isComposed = <Form>(form: { readonly kind: string }): form is Composed<Form> => composedKinds.includes(form.kind);

/** Expressions with the names of their rules behind a prefix; those that call none stay the objects that they are. */
class Prefixer {
  readonly #prefix: string;
  readonly #known = new Map<RegularExpression, RegularExpression>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(e: RegularExpression): RegularExpression {
    const known = this.#known.get(e);
    if (known) return known;
    const made = this.#make(e);
    this.#known.set(e, made);
    return made;
  }

  #all(list: readonly RegularExpression[]): readonly RegularExpression[] {
    const made = list.map(e => this.of(e));
    return made.every((e, i) => e === list[i]) ? list : made;
  }

  #make(e: RegularExpression): RegularExpression {
    switch (e.kind) {
      case "rule":
        return { ...e, name: this.#prefix + e.name };
      case "track":
        return e.op === "enter" ? { ...e, item: this.#prefix + e.item } : e;
      case "sequence": {
        const parts = this.#all(e.parts);
        return parts === e.parts ? e : { ...e, parts };
      }
      case "choice": {
        const options = this.#all(e.options);
        return options === e.options ? e : { ...e, options };
      }
      case "repeat": {
        const of = this.of(e.of);
        return of === e.of ? e : { ...e, of };
      }
      case "graph":
        return { ...e, edges: e.edges.map(out => out.map(({ by, to }) => ({ by: this.of(by), to }))) };
      default:
        return e;
    }
  }
}

/** Knuth, Morris and Pratt's automaton without its last state: state `k` has just read the first `k` characters of the text. */
function without(text: string): RegularExpression {
  const points = [...text];
  const alphabet = [...new Set(points)];
  const edges = points.map((_, state) => {
    const read = points.slice(0, state);
    const onto = alphabet.map(c => {
      const all = [...read, c];
      let to = all.length;
      while (to > 0 && points.slice(0, to).join("") !== all.slice(all.length - to).join("")) to--;
      return { by: literalText(c), to };
    });
    const other = { by: characters(complement(charactersOf(alphabet.join("")))), to: 0 };
    return [...onto.filter(e => e.to < points.length), other];
  });
  return { kind: "graph", edges, ends: new Set(points.keys()) };
}

/** The grammar of forms put together; `of` gives that of a single one. */
export function composedGrammar<Form extends { readonly kind: string }>(form: Composed<Form>, of: (leaf: Form) => Grammar): Grammar {
  const rules = new Map<string, RegularExpression>();
  const relaxed = new Set<string>();
  let contradiction: Error | undefined;
  let leaves = 0;
  const take = (f: Form | Composed<Form>): RegularExpression => {
    if (!isComposed<Form>(f)) {
      const prefix = `part${leaves++}-`;
      const grammar = of(f);
      const prefixer = new Prefixer(prefix);
      for (const [name, e] of grammar.rules) rules.set(prefix + name, prefixer.of(e));
      for (const at of grammar.relaxed ?? []) relaxed.add(at);
      contradiction ??= grammar.contradiction;
      return { kind: "rule", name: prefix + grammar.root };
    }
    switch (f.kind) {
      case "text":
        return literalText(f.text);
      case "sequence":
        return sequence(...f.parts.map(take));
      case "either":
        return choice(...f.options.map(take));
      case "repeat":
        return repeatText(take(f.of), f.least, f.most);
      case "without":
        return without(f.text);
    }
  };
  const root = take(form);
  return { root: "root", rules: new Map([...rules, ["root", root]]), relaxed: [...relaxed], contradiction };
}
