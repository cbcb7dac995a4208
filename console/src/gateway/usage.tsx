/** Usage: what was asked, read and written, and what it cost, by day and by key, model, team or person. */
import { useMemo, useState } from "react";
import { useOption } from "../choices.ts";
import { formatCount, formatNumber, formatShort } from "../format.ts";
import type { GatewayKey as Key } from "../generated/gateway.ts";
import { download } from "../parts/download.ts";
import { Loaded } from "../parts/notice.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";
import { Bars, groupColours } from "./bars.tsx";
import { daysOf, groupings, lastDays, measures } from "./days.ts";

const pollMs = 5_000;
const spans = ["7", "30", "90"] as const;
const spanNames = { "7": "7 days", "30": "30 days", "90": "90 days" };
const measureNames = { requests: "Requests", tokens: "Tokens", cost: "Cost" };
const groupNames = { key: "Key", model: "Model", team: "Team", person: "Person" };

/** Money without needless zeros, but none of it rounded to nothing. */
export const formatMoney = (value: number, currency: string): string =>
  value === 0 ? `0 ${currency}` : `${value >= 0.01 ? value.toFixed(2) : formatNumber(value, 2)} ${currency}`;

const saveCsv = async (from: string, to: string): Promise<void> =>
  download(`usage-${from}-${to}.csv`, "text/csv", await gateway.usageCsv(from, to));

interface UsageProps {
  readonly keys: readonly Key[];
  readonly currency: string;
}

export function Usage({ keys, currency }: UsageProps) {
  const [span, setSpan] = useOption("days", spans, "30");
  const [measure, setMeasure] = useOption("measure", measures, "requests");
  const [grouping, setGrouping] = useOption("by", groupings, "key");
  const [problem, setProblem] = useState<string | null>(null);
  const days = lastDays(Number(span), Date.now());
  const [from, to] = [days[0]!, days.at(-1)!];
  const usage = useResource(`gateway usage ${from} ${to}`, signal => gateway.usage(from, to, signal), { everyMs: pollMs });
  // biome-ignore lint/correctness/useExhaustiveDependencies: from and to are what the days are made of.
  const shown = useMemo(() => daysOf(usage.data?.data ?? [], days, measure, grouping), [usage.data, from, to, measure, grouping]);
  const nameOf = (name: string) => (grouping === "key" ? (keys.find(k => k.id === name)?.name ?? name) : name);
  const format = (v: number) => (measure === "cost" ? formatMoney(v, currency) : measure === "tokens" ? formatShort(v) : formatCount(v));
  return (
    <section className="card" aria-label="Usage">
      <header className="card-head gateway-head">
        <h2>Usage</h2>
        <div className="bar">
          <Segmented label="Measure" options={measures} value={measure} onChange={setMeasure} names={measureNames} />
          <Segmented label="By" options={groupings} value={grouping} onChange={setGrouping} names={groupNames} />
          <Segmented label="Days" options={spans} value={span} onChange={setSpan} names={spanNames} />
        </div>
      </header>
      <Loaded resource={usage} what="usage">
        {() => (
          <>
            <Bars title={measureNames[measure]} of={shown} format={format} nameOf={nameOf} />
            {shown.groups.length > 0 && (
              <div className="table-frame">
                <table className="rows">
                  <thead>
                    <tr>
                      <th scope="col">{groupNames[grouping]}</th>
                      <th scope="col" className="number">
                        Requests
                      </th>
                      <th scope="col" className="number wide">
                        Errors
                      </th>
                      <th scope="col" className="number">
                        Tokens in
                      </th>
                      <th scope="col" className="number">
                        Tokens out
                      </th>
                      <th scope="col" className="number wide">
                        Cost
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.groups.map((g, i) => (
                      <tr key={g.name}>
                        <th scope="row" title={g.name}>
                          <i className="swatch run" style={{ color: `var(--${groupColours[i]})` }} />
                          {nameOf(g.name)}
                        </th>
                        <td className="number">{formatCount(g.requests)}</td>
                        <td className="number wide">{formatCount(g.errors)}</td>
                        <td className="number">{formatCount(g.inputTokens)}</td>
                        <td className="number">{formatCount(g.outputTokens)}</td>
                        <td className="number wide">{formatMoney(g.costNano / 1e9, currency)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
            <div className="bar">
              <button
                type="button"
                className="quiet"
                onClick={() =>
                  void saveCsv(from, to).then(
                    () => setProblem(null),
                    (e: Error) => setProblem(e.message),
                  )
                }
              >
                Save as CSV
              </button>
              {problem !== null && <span className="field-problem">{problem}</span>}
              <p className="hint">Days are by UTC. What a request came to is counted when its answer has ended.</p>
            </div>
          </>
        )}
      </Loaded>
    </section>
  );
}
