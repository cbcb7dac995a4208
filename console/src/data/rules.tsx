/** Every rule that measured: how its values lie beside the threshold, and a few documents that it dropped. */

import { formatCount, formatNumber, none } from "../format.ts";
import type { DataReport } from "../generated/server.ts";
import { Histogram } from "./histogram.tsx";

type Rule = DataReport["rules"][number];
type Example = Rule["examples"][number];
type Value = Example["value"];

export const showValue = (value: Value | null): string =>
  typeof value === "number" ? formatNumber(value) : value === null ? none : String(value);

function share(n: number, of: number): string {
  if (n === 0 || of === 0) return "0 %";
  const percent = (100 * n) / of;
  return percent < 0.05 ? "< 0.1 %" : `${percent.toFixed(percent >= 10 ? 0 : 1)} %`;
}

/** A few documents with their value, closed until they are asked for. */
export function Examples({ of, label }: { readonly of: readonly Example[]; readonly label: string }) {
  if (of.length === 0) return null;
  return (
    <details className="examples">
      <summary>{label}</summary>
      <ul>
        {of.map(e => (
          <li key={e.id}>
            <b>{showValue(e.value)}</b> <code>{e.id}</code>
            <p>{e.text}</p>
          </li>
        ))}
      </ul>
    </details>
  );
}

function RuleCard({ rule }: { readonly rule: Rule }) {
  const { distribution, threshold, keep } = rule;
  const name = `${rule.step}/${rule.rule}`;
  const side = keep === "atMost" ? "at most" : keep === "atLeast" ? "at least" : "threshold";
  return (
    <section className="card rule" aria-label={name}>
      <header>
        <h3>
          {rule.step}/<b>{rule.rule}</b>
        </h3>
        <p>{threshold === null ? "a threshold for each" : `${side} ${showValue(threshold)}`}</p>
      </header>
      {distribution && distribution.least < distribution.most && (
        <Histogram of={distribution} name={name} keep={keep} threshold={typeof threshold === "number" ? threshold : null} />
      )}
      {distribution && distribution.least === distribution.most && (
        <p className="hint">All values are {formatNumber(distribution.least)}.</p>
      )}
      {rule.commonest && <p className="hint">{rule.commonest.map(([v, n]) => `${v}: ${formatCount(n)}`).join(", ")}</p>}
      <p className="rule-share">
        {keep === undefined && rule.beyond === rule.measured ? (
          <>measured on the {formatCount(rule.measured)} that it refuses</>
        ) : (
          <>
            <b>{share(rule.beyond, rule.measured)}</b> beyond ({formatCount(rule.beyond)} of {formatCount(rule.measured)}), first to drop{" "}
            {formatCount(rule.dropped)}
          </>
        )}
      </p>
      <Examples of={rule.examples} label="Dropped, for example" />
    </section>
  );
}

export const Rules = ({ rules }: { readonly rules: readonly Rule[] }) => (
  <div className="rules">
    {rules.map(r => (
      <RuleCard key={`${r.position} ${r.rule}`} rule={r} />
    ))}
  </div>
);
