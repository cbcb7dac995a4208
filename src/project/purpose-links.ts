/** A model's links behind a check of purpose: what read its data set reads the documents that may be used, and has a label of the model's own. */
import { formatCount } from "../base/index.ts";
import { type PurposeRule, purposeStage } from "../data/index.ts";
import { n } from "./data-links.ts";
import { type Link, link } from "./link.ts";

interface PurposeOf {
  readonly model: string;
  /** The data set. */
  readonly on: string;
  readonly rule: PurposeRule;
}

/** The check and the links behind it. Labels of what is made of the data set alone get the model's name, as other models may make the same without a check. */
export function throughPurpose(links: readonly Link[], { model, on, rule }: PurposeOf): Link[] {
  const label = `purpose/${model}`;
  const renamed = new Map([[`data/${on}`, label]]);
  const behind = links.map((l): Link => {
    const inputs = Object.fromEntries(Object.entries(l.inputs).map(([name, from]) => [name, renamed.get(from) ?? from]));
    const isOther = Object.entries(l.inputs).some(([name, from]) => inputs[name] !== from);
    if (isOther && l.label.endsWith(`/${on}`) && l.label !== `evaluate/${model}` && l.label !== `sketch/${model}`)
      renamed.set(l.label, `${l.label}:${model}`);
    return { ...l, label: renamed.get(l.label) ?? l.label, inputs };
  });
  const check = link({
    stage: "purpose",
    label,
    inputs: { documents: `data/${on}` },
    definition: purposeStage,
    options: () => ({ model, rule }),
    describe: s => {
      const lacking = n(s, "lackingPurpose") + n(s, "lackingConsent");
      const dropped = `${formatCount(lacking)} dropped (purpose ${formatCount(n(s, "lackingPurpose"))}, consent ${formatCount(n(s, "lackingConsent"))})`;
      return `${formatCount(n(s, "trainDocuments") + n(s, "heldOutDocuments"))} documents for "${rule.for}"${lacking > 0 ? `; ${dropped}` : ""}`;
    },
  });
  return [check, ...behind];
}
