/** A condition turned so that the version's own figures stand alone on the left: `0.5 <= acc` is `acc >= 0.5`. */
import type { Condition } from "../../evaluate/index.ts";
import type { ReleaseGate } from "./gate.ts";

const turned = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

/** `figureOf` may give what is not a number: what depends on it is left out. A condition on the current version alone has its figures on the left. */
export function boundOf(
  { terms, operator, constant }: Condition,
  figureOf: (term: Condition["terms"][number]) => number,
): Pick<ReleaseGate, "value" | "operator" | "bound"> {
  const own = terms.filter(t => t.side === "model");
  const left = own.length > 0 ? own : terms;
  const sum = (list: Condition["terms"]) => list.reduce((total, t) => total + t.factor * figureOf(t), 0);
  const sign = (left[0]?.factor ?? 1) < 0 ? -1 : 1;
  const value = sign * sum(left);
  const bound = sign * (0 - sum(terms.filter(t => !left.includes(t))) - constant);
  return {
    ...(Number.isFinite(value) ? { value } : {}),
    operator: sign < 0 ? turned[operator] : operator,
    ...(Number.isFinite(bound) ? { bound } : {}),
  };
}
