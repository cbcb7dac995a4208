/**
 * A line chart on uPlot, with a legend of our own that says the values under the pointer, or the last ones. Drag to zoom, double-click to go
 * back. What it shows is also said in words, for those who do not see it.
 */
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatNumber } from "../format.ts";
import { type ChartLook, chartOptions, clock, type Series } from "./chart-options.ts";
import { useTheme } from "./theme.ts";
import { lastOf, valueAt } from "./value-at.ts";

interface ChartProps extends ChartLook {
  readonly title: string;
  /** What x counts: `step`. */
  readonly unit: string;
  readonly x: readonly number[];
  readonly series: readonly Series[];
  /** No room to say where the pointer is: a larger chart beside it does. */
  readonly isSmall?: boolean;
  readonly format?: (value: number | null) => string;
}

export function Chart(props: ChartProps) {
  const { title, unit, x, series, height, isTime, isSmall, format = v => formatNumber(v) } = props;
  const theme = useTheme();
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [index, setIndex] = useState<number | null>(null);
  const data = useMemo(() => [x, ...series.map(s => s.values)] as uPlot.AlignedData, [x, series]);
  const shown = useRef(data);
  shown.current = data;
  // Everything but the data: a change of it needs a new plot.
  const look = JSON.stringify([
    height,
    props.isLog,
    isTime,
    props.fromZero,
    props.isWhole,
    props.group,
    series.map(({ values: _, ...s }) => s),
  ]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `look` stands for the properties that are read.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const u = new uPlot(chartOptions(props, series, theme, element.clientWidth, setIndex), shown.current, element);
    plot.current = u;
    const observer = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [look, theme]);
  useEffect(() => plot.current?.setData(data), [data]);

  const named = series.filter(s => !s.isGhost);
  const at = x[index ?? x.length - 1];
  const where = at === undefined ? "" : isTime ? clock(at) : `${unit} ${at.toLocaleString("en-US")}`;
  const inWords = named
    .map(s => `${s.label}: from ${format(s.values.find(v => v !== null) ?? null)} to ${format(lastOf(s.values))}`)
    .join("; ");
  return (
    <figure className="chart">
      <figcaption>
        <span className="chart-title">{title}</span>
        <span className="chart-legend">
          {named.map(s => (
            <span key={s.label} className="chart-value">
              <i className={s.dash ? "swatch dashed" : "swatch"} style={{ color: theme[s.colour] }} />
              {named.length > 1 && <span>{s.label}</span>}
              <b>{format(index === null ? lastOf(s.values) : valueAt(s.values, index))}</b>
            </span>
          ))}
          {!isSmall && <span className="chart-where">{where}</span>}
        </span>
      </figcaption>
      <div ref={frame} className="chart-plot" style={{ height }} role="img" aria-label={`${title} against ${unit}. ${inWords}.`} />
    </figure>
  );
}
