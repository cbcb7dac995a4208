/** Bars a day, one on the other by group; what they show is also said in words, and a day's amounts under the pointer or by arrow keys. */
import { useState } from "react";
import { formatDay } from "../format.ts";
import type { Days } from "./days.ts";

/** In the order of groups; the last one is what the others are together. */
export const groupColours = ["accent", "slate", "clay", "ochre", "plum", "faint"] as const;

interface BarsProps {
  readonly title: string;
  readonly of: Days;
  readonly format: (value: number) => string;
  readonly nameOf: (group: string) => string;
}

const height = 150;
const width = 720;

export function Bars({ title, of: { days, groups, most }, format, nameOf }: BarsProps) {
  const [at, setAt] = useState<number | null>(null);
  const step = width / days.length;
  const totals = days.map((_, i) => groups.reduce((n, g) => n + g.values[i]!, 0));
  const shown = at ?? days.length - 1;
  const peak = totals.indexOf(Math.max(...totals));
  const words =
    most === 0 ? "nothing yet" : `${format(totals.reduce((n, v) => n + v, 0))} in all, most on ${days[peak]}: ${format(totals[peak]!)}`;
  const move = (by: number) => setAt(Math.min(days.length - 1, Math.max(0, shown + by)));
  return (
    <figure className="chart day-bars">
      <figcaption>
        <span className="chart-title">{title}</span>
        <span className="chart-legend" aria-live="polite">
          <b>{format(totals[shown]!)}</b>
          {groups.length > 1 &&
            groups.map((g, i) =>
              g.values[shown]! > 0 ? (
                <span key={g.name} className="chart-value">
                  <i className="swatch" style={{ color: `var(--${groupColours[i]})` }} />
                  {nameOf(g.name)} <b>{format(g.values[shown]!)}</b>
                </span>
              ) : null,
            )}
          <span className="chart-where">{formatDay(Date.parse(days[shown]!))}</span>
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height + 1}`}
        preserveAspectRatio="none"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrows walk along the days.
        tabIndex={0}
        aria-label={`${title} a day: ${words}.`}
        onKeyDown={e => {
          if (e.key === "ArrowLeft") move(-1);
          else if (e.key === "ArrowRight") move(1);
        }}
        onMouseMove={e => {
          const box = e.currentTarget.getBoundingClientRect();
          setAt(Math.min(days.length - 1, Math.max(0, Math.floor(((e.clientX - box.left) / box.width) * days.length))));
        }}
        onMouseLeave={() => setAt(null)}
      >
        {at !== null && <rect className="day-bars-at" x={at * step} y={0} width={step} height={height} />}
        {days.map((day, i) => {
          let y = height;
          return (
            <g key={day}>
              {groups.map((g, k) => {
                const tall = most === 0 ? 0 : (g.values[i]! / most) * (height - 6);
                y -= tall;
                return tall > 0 ? (
                  <rect
                    key={g.name}
                    x={i * step + step * 0.14}
                    y={y}
                    width={step * 0.72}
                    height={tall}
                    fill={`var(--${groupColours[k]})`}
                  />
                ) : null;
              })}
            </g>
          );
        })}
        <line x1={0} x2={width} y1={height} y2={height} />
      </svg>
      <div className="day-bars-ends">
        <span>{formatDay(Date.parse(days[0]!))}</span>
        <span>{formatDay(Date.parse(days.at(-1)!))}</span>
      </div>
    </figure>
  );
}
