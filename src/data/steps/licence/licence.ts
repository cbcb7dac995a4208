/**
 * The licence step: says under which licence a document is, as an SPDX expression, and lets those stay that are allowed. It reads what a text
 * says about itself; it is no legal advice, and of two licences that both stand in a text it asks both.
 */

import type { z } from "zod";
import type { StepVerdict } from "../../ledger.ts";
import { documentStep } from "../step.ts";
import { canMeet, type LicenceExpression, parseExpression, showExpression } from "./expression.ts";
import { findLicence } from "./find.ts";
import { licenceOptions } from "./options.ts";

/** Nothing said anything; and what says that nothing is granted. */
const unknown = "unknown";
const reserved = "all-rights-reserved";

type Options = z.output<typeof licenceOptions>;

const fits = (id: string, patterns: readonly string[]): boolean =>
  patterns.some(p => (p.endsWith("*") ? id.toLowerCase().startsWith(p.slice(0, -1).toLowerCase()) : id.toLowerCase() === p.toLowerCase()));

const one = (id: string): LicenceExpression => parseExpression(id) ?? { kind: "id", id };

function verdictsOf(e: LicenceExpression, text: string, o: Options): StepVerdict[] {
  const verdicts: StepVerdict[] = [];
  if (o.deny.length > 0)
    verdicts.push({ rule: "denied", keep: canMeet(e, id => !fits(id, o.deny)), value: text, threshold: o.deny.join(" ") });
  if (o.allow)
    verdicts.push({ rule: "not-allowed", keep: canMeet(e, id => fits(id, o.allow!)), value: text, threshold: o.allow.join(" ") });
  return verdicts;
}

export const licence = documentStep({
  name: "licence",
  version: 1,
  options: licenceOptions,
  apply({ text, attributes }, o) {
    const evidence = findLicence(text, attributes, o.attributes);
    const ids = evidence?.licences ?? [/\ball rights reserved\b/i.test(text) ? reserved : unknown];
    const parts = ids.map(one);
    const expression: LicenceExpression = parts.length === 1 ? parts[0]! : { kind: "and", parts };
    const shown = showExpression(expression);
    return {
      attributes: { licence: shown, ...(evidence ? { licenceFrom: evidence.kind } : {}) },
      verdicts: verdictsOf(expression, shown, o),
    };
  },
});
