/** Cost against quality as SVG: a line per group and seed, a point per run, the baseline's quality dashed. The arrow keys walk the points; a table has them all. */
import { useEffect, useRef, useState } from "react";
import { formatNumber } from "../format.ts";
import { linearTicks, logTicks, tickText } from "../parts/ticks.ts";
import { colourOf, isDashed } from "../runs/colours.ts";
import type { CostPoint } from "./to-quality.ts";

const [height, left, right, top, bottom] = [320, 46, 12, 12, 40];

/** Width of an element, as it changes: letters keep their size on every screen. */
function useWidth() {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(240, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { frame, width };
}

interface CostChartProps {
  readonly points: readonly CostPoint[];
  /** In the order of their colours. */
  readonly groups: readonly string[];
  readonly costName: string;
  readonly qualityName: string;
  readonly target: number | null;
}

export function CostChart({ points, groups, costName, qualityName, target }: CostChartProps) {
  const { frame, width } = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const sorted = points.toSorted((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group) || a.cost - b.cost);
  const [costs, qualities] = [sorted.map(p => p.cost), sorted.map(p => p.quality)];
  const [x0, x1] = [Math.min(...costs) / 1.2, Math.max(...costs) * 1.2];
  const margin = 0.06 * (Math.max(...qualities) - Math.min(...qualities)) || 0.1;
  const [y0, y1] = [Math.min(...qualities) - margin, Math.max(...qualities) + margin];
  const x = (cost: number) => left + ((width - left - right) * Math.log(cost / x0)) / Math.log(x1 / x0);
  const y = (quality: number) => top + ((height - top - bottom) * (y1 - quality)) / (y1 - y0);
  const lines = [...new Set(sorted.map(p => JSON.stringify([p.group, p.seed])))].map(key => {
    const own = sorted.filter(p => JSON.stringify([p.group, p.seed]) === key);
    return { key, group: own[0]!.group, path: own.map(p => `${x(p.cost).toFixed(1)},${y(p.quality).toFixed(1)}`).join(" ") };
  });
  const shown = at === null ? undefined : sorted[at];
  const colour = (group: string) => `var(--${colourOf(groups.indexOf(group))})`;
  const move = (by: number) => setAt(Math.min(sorted.length - 1, Math.max(0, (at ?? (by > 0 ? -1 : sorted.length)) + by)));
  const inWords = (p: CostPoint) =>
    `${p.name}, ${p.group}${p.seed && `, seed ${p.seed}`}: ${qualityName} ${formatNumber(p.quality, 4)} for ${formatNumber(p.cost)} ${costName}`;
  return (
    <figure className="chart cost-chart">
      <figcaption>
        <span className="chart-legend">
          {groups.map((group, i) => (
            <span key={group} className="chart-value">
              <i className={isDashed(i) ? "swatch dashed" : "swatch"} style={{ color: colour(group) }} />
              <span>{group}</span>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={frame}>
        <svg
          width={width}
          height={height}
          role="img"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrows walk along the points.
          tabIndex={0}
          aria-label={`${qualityName} against ${costName} of ${points.length} runs in ${groups.length} groups. Arrow keys: run by run.`}
          onKeyDown={e => {
            if (e.key === "ArrowLeft") move(-1);
            else if (e.key === "ArrowRight") move(1);
            else if (e.key === "Escape") setAt(null);
          }}
          onBlur={() => setAt(null)}
          onMouseMove={e => {
            const box = e.currentTarget.getBoundingClientRect();
            const away = sorted.map(p => Math.hypot(x(p.cost) - e.clientX + box.left, y(p.quality) - e.clientY + box.top));
            const nearest = away.indexOf(Math.min(...away));
            setAt(away[nearest]! < 24 ? nearest : null);
          }}
          onMouseLeave={() => setAt(null)}
        >
          {logTicks(x0, x1, Math.max(2, Math.floor(width / 70))).map(t => (
            <g key={t}>
              <line className="cost-grid" x1={x(t)} x2={x(t)} y1={top} y2={height - bottom} />
              <text x={x(t)} y={height - bottom + 16} textAnchor="middle">
                {tickText(t)}
              </text>
            </g>
          ))}
          {linearTicks(y0, y1, 7).map(t => (
            <g key={t}>
              <line className="cost-grid" x1={left} x2={width - right} y1={y(t)} y2={y(t)} />
              <text x={left - 6} y={y(t) + 4} textAnchor="end">
                {tickText(t)}
              </text>
            </g>
          ))}
          <text x={(left + width - right) / 2} y={height - 6} textAnchor="middle">
            {costName}
          </text>
          {target !== null && <line className="cost-target" x1={left} x2={width - right} y1={y(target)} y2={y(target)} />}
          {lines.map(l => (
            <polyline
              key={l.key}
              points={l.path}
              stroke={colour(l.group)}
              strokeDasharray={isDashed(groups.indexOf(l.group)) ? "5 4" : undefined}
            />
          ))}
          {sorted.map((p, i) => (
            <circle key={p.id} cx={x(p.cost)} cy={y(p.quality)} r={at === i ? 6 : 3.5} fill={colour(p.group)} />
          ))}
        </svg>
      </div>
      <p className="hint" aria-live="polite">
        {shown ? inWords(shown) : "Dashed: the baseline's best quality. The cost has a logarithmic axis."}
      </p>
    </figure>
  );
}
