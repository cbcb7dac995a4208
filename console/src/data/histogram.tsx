/** How a rule's values lie, with its threshold as a line and what is beyond it in clay. Said in words for those who do not see it. */
import { placeIn } from "../../../src/data/distribution.ts";
import { formatCount, formatNumber } from "../format.ts";
import type { Distribution } from "../generated/server.ts";

interface HistogramProps {
  readonly of: Distribution;
  /** What is counted: `length/min-words`. */
  readonly name: string;
  readonly threshold?: number | null;
  readonly keep?: "atLeast" | "atMost" | undefined;
}

const height = 72;

/** Whether the middle of a bin is on the side that the rule refuses. */
const isBeyond = (middle: number, at: number, keep: HistogramProps["keep"]): boolean =>
  keep === "atLeast" ? middle < at : keep === "atMost" ? middle > at : false;

export function Histogram({ of, name, threshold = null, keep }: HistogramProps) {
  const { bins, edges } = of;
  const most = Math.max(...bins);
  const at = threshold === null ? null : placeIn(of, threshold) * bins.length;
  const said = `${name}: ${formatCount(of.count)} values from ${formatNumber(of.least)} to ${formatNumber(of.most)}, median ${formatNumber(of.median)}${threshold === null ? "" : `, threshold ${formatNumber(threshold)}`}`;
  return (
    <figure className="histogram">
      <svg viewBox={`0 0 ${bins.length} ${height}`} preserveAspectRatio="none" role="img" aria-label={said}>
        {bins.map((n, i) => {
          // One that holds something is seen.
          const tall = n === 0 ? 0 : Math.max(1.5, (n / most) * (height - 2));
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place.
              key={i}
              className={at !== null && isBeyond(i + 0.5, at, keep) ? "beyond" : ""}
              x={i + 0.08}
              width={0.84}
              y={height - tall}
              height={tall}
            >
              <title>{`${formatNumber(edges[i])} to ${formatNumber(edges[i + 1])}: ${formatCount(n)}`}</title>
            </rect>
          );
        })}
        {at !== null && <line x1={at} x2={at} y1={0} y2={height} vectorEffect="non-scaling-stroke" />}
      </svg>
      <figcaption aria-hidden="true">
        <span>{formatNumber(edges[0])}</span>
        <span>
          median {formatNumber(of.median)}
          {of.scale === "log" && ", by powers"}
        </span>
        <span>{formatNumber(edges.at(-1))}</span>
      </figcaption>
    </figure>
  );
}
