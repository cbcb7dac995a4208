/** A version's figures over time: requests and errors, latency, tokens, from the history that the record keeps. */
import { useMemo } from "react";
import { formatNumber, formatShare, formatWait } from "../format.ts";
import type { WatchHistory } from "../generated/watch.ts";
import { Chart } from "../parts/chart.tsx";
import { Segmented } from "../parts/segmented.tsx";
import type { Colour } from "../parts/theme.ts";
import { useResource } from "../resource.ts";
import { type Aligned, aligned } from "./aligned.ts";
import { watch } from "./api.ts";

export const spans = ["hour", "day", "month"] as const;
export type Span = (typeof spans)[number];

/** Step of the history, and how much of it is shown. */
const steps = {
  hour: { step: "1m", ms: 3_600_000 },
  day: { step: "15m", ms: 86_400_000 },
  month: { step: "6h", ms: 30 * 86_400_000 },
} as const;

const lookMs = 15_000;

interface FigureChart {
  readonly title: string;
  readonly lines: readonly { readonly metric: string; readonly label: string; readonly colour: Colour }[];
  readonly format: (value: number | null) => string;
}

const charts: readonly FigureChart[] = [
  { title: "Requests per minute", lines: [{ metric: "requests", label: "requests", colour: "accent" }], format: v => formatNumber(v) },
  { title: "Errors", lines: [{ metric: "errors", label: "share of requests", colour: "clay" }], format: v => formatShare(v) },
  {
    title: "Latency",
    lines: [
      { metric: "latency-p50", label: "median", colour: "slate" },
      { metric: "latency-p95", label: "95 % within", colour: "plum" },
    ],
    format: v => formatWait(v),
  },
  {
    title: "Tokens per second",
    lines: [{ metric: "tokens-per-second", label: "tokens per second", colour: "ochre" }],
    format: v => formatNumber(v),
  },
];
const metrics = charts.flatMap(c => c.lines.map(l => l.metric));

function useHistories(model: string, span: Span): ReadonlyMap<string, WatchHistory> | undefined {
  const { step } = steps[span];
  const { data } = useResource(
    `watch history ${model} ${step}`,
    async signal => new Map(await Promise.all(metrics.map(async m => [m, await watch.history(m, model, step, signal)] as const))),
    { on: ["watch"], everyMs: lookMs },
  );
  return data;
}

interface TrafficProps {
  readonly model: string;
  readonly span: Span;
  onSpan(span: Span): void;
}

export function Traffic({ model, span, onSpan }: TrafficProps) {
  const histories = useHistories(model, span);
  const drawn = useMemo(() => {
    const from = Date.now() - steps[span].ms;
    return charts.map(chart => ({
      chart,
      data: aligned(
        chart.lines.map(l => histories?.get(l.metric)?.points ?? []),
        from,
      ),
    }));
  }, [histories, span]);
  const shown = drawn.filter(({ data }: { readonly data: Aligned }) => data.values.some(v => v.some(x => x !== null)));
  return (
    <section aria-label="Over time">
      <header className="section-head">
        <h2>Over time</h2>
        <Segmented label="Period" options={spans} value={span} onChange={onSpan} names={{ hour: "Hour", day: "Day", month: "Month" }} />
      </header>
      {histories && shown.length === 0 && (
        <p className="hint">No history of this version in the last {span}: choose a longer period, or send it requests.</p>
      )}
      <div className="charts">
        {shown.map(({ chart, data }) => (
          <div className="card" key={chart.title}>
            <Chart
              title={chart.title}
              unit="time"
              isTime
              fromZero
              x={data.x}
              height={150}
              group="watch"
              series={chart.lines.map((line, i) => ({
                label: line.label,
                values: data.values[i]!,
                colour: line.colour,
                width: 1.5,
                ...(chart.lines.length === 1 ? { isFilled: true } : {}),
              }))}
              format={chart.format}
            />
          </div>
        ))}
      </div>
    </section>
  );
}
