/** The states of the base that is tuned, frozen, as a stage of a kind that learns from labelled documents. */
import { formatCount } from "../../base/index.ts";
import type { Summary } from "../../store/index.ts";
import { type KindLink, kindLink, type TuningGiven } from "../kind/kind.ts";
import type { TunePart } from "../kind/kind-part.ts";
import { summaryNumber as n } from "../kind/summary-text.ts";
import { type FrozenOptions, frozenStatesStage } from "./states-stage.ts";

export const statesLabel = (name: string): string => `states/${name}`;
export const frozenLabel = (name: string): string => `frozen/${name}`;

/** `read`: which texts, as the kind's options say. */
export const statesLink = (
  { name, base, part, around }: TuningGiven<TunePart>,
  read: Pick<FrozenOptions, "label" | "kind" | "classes">,
): KindLink =>
  kindLink({
    stage: "baselines",
    label: statesLabel(name),
    inputs: { base, documents: `data/${part.on}` },
    definition: frozenStatesStage(around),
    options: () => ({ ...read, length: part.length }),
    describe: s => `${formatCount(n(s, "texts"))} texts, ${s.pooling} of states of ${n(s, "size")} elements`,
  });

export const accuracyText = (s: Summary): string => {
  const each = Object.entries(s).map(([baseline, accuracy]) => `${baseline} ${Number(accuracy).toFixed(3)}`);
  return each.length === 0 ? "none" : `accuracy of ${each.join(", ")}`;
};
