/**
 * The private step: finds private data and secrets and masks them, puts surrogates in their place or gives the verdict that drops the
 * document. The ledger learns how many of each type there were, never what. Names and places need a recogniser (`recogniser.ts`): the
 * model that ships with Loam or one that `loam data private train` made (option `names`), or one that code hands over.
 */
import { defined } from "../../../base/index.ts";
import type { LedgerEdit, StepVerdict } from "../../ledger.ts";
import { judgeByRules, type Rules } from "../rules.ts";
import { documentStep } from "../step.ts";
import { decodeNames, nameRecogniser } from "./names/model.ts";
import { shippedNames } from "./names/shipped.ts";
import { privateOptions } from "./options.ts";
import type { PrivateRecogniser } from "./recogniser.ts";
import { redactPrivate } from "./redact.ts";
import { kebab, privateTypeNames } from "./types.ts";

const rules = { "max-found": { option: "maxFound", keep: "atMost" } } as const satisfies Rules;

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
      const { text, counts } = redactPrivate(original, { ...o, ...defined({ recogniser }) });
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
