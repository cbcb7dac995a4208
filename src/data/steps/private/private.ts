/**
 * The private step: finds private data and secrets and masks them, puts surrogates in their place or gives the verdict that drops the
 * document. The ledger learns how many of each type there were, never what. Names and places need a recogniser (`recogniser.ts`): the
 * model that ships with Loam or one that `loam data private train` made (option `names`), or one that code hands over.
 */
import { defined } from "../../../base/index.ts";
import type { LedgerEdit, StepVerdict } from "../../ledger.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { findPrivate } from "./find.ts";
import { decodeNames, nameRecogniser } from "./names/model.ts";
import { shippedNames } from "./names/shipped.ts";
import { privateOptions } from "./options.ts";
import type { PrivateRecogniser } from "./recogniser.ts";
import { redactionPolicyOf, redactSpans } from "./redact.ts";
import { kebab, type PrivateSpan, type PrivateType, privateTypeNames } from "./types.ts";

const rules = { "max-found": { option: "maxFound", keep: "atMost" } } as const satisfies Rules;

/**
 * Times a text is looked through again after an edit: what stood beside a finding may now stand free. 6,045 mails needed
 * one; each pass takes something away, so hostile texts end here too.
 */
const maxPasses = 8;

/** Names have no form that says they are nobody's: surrogates of them would be found again, and are not looked for. */
const isNamed = ({ type }: PrivateSpan): boolean => type === "name" || type === "place";

/** The step with a recogniser for names and places; one of the option `names` goes before it. */
export const privateStep = (given?: PrivateRecogniser) =>
  documentStep<typeof privateOptions, PrivateRecogniser | undefined>({
    name: "private",
    version: 2,
    options: privateOptions,
    rules,
    needs: o => (typeof o.names === "object" && o.names?.model !== undefined ? [{ kind: "file", path: o.names.model }] : []),
    async prepare(o, resources) {
      if (!o.names) return given;
      const { model, minScore } = o.names === true ? { model: undefined, minScore: undefined } : o.names;
      return nameRecogniser(model === undefined ? shippedNames() : decodeNames(await resources.file(model), model), minScore);
    },
    apply({ text: original }, o, prepared) {
      const recogniser = prepared ?? given;
      const find = (text: string, pass: number): PrivateSpan[] =>
        findPrivate(text, { ...o, ...defined({ recogniser }) }).filter(s => {
          const policy = redactionPolicyOf(s.type, o);
          return policy !== "keep" && !(pass > 0 && policy === "surrogate" && isNamed(s));
        });
      const counts = new Map<PrivateType, number>();
      let text = original;
      for (let pass = 0, spans = find(text, 0); spans.length > 0 && pass < maxPasses; spans = find(text, ++pass)) {
        for (const { type } of spans) counts.set(type, (counts.get(type) ?? 0) + 1);
        const next = redactSpans(text, spans, o);
        if (next === text) break;
        text = next;
      }
      const edits: LedgerEdit[] = [];
      const dropping: StepVerdict[] = [];
      let found = 0;
      for (const type of privateTypeNames) {
        const value = counts.get(type) ?? 0;
        found += value;
        if (value > 0) edits.push({ rule: kebab(type), value });
        if (o.policy[type] === "drop") dropping.push({ rule: kebab(type), keep: value === 0, value, threshold: 0 });
      }
      return {
        attributes: { private: found },
        verdicts: [...dropping, ...judgeByRules(rules, { "max-found": found }, o)],
        ...(text === original ? {} : { text }),
        ...(edits.length > 0 ? { edits } : {}),
      };
    },
  });

export const privateData = privateStep();
