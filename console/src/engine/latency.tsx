/** How waits lie: the buckets of a histogram as bars, each as wide as the others (the bounds grow by powers). */
import { formatCount, formatWait } from "../format.ts";
import { type Buckets, barsOf, quantile } from "./histogram.ts";

const height = 72;
const milliseconds = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);

export function LatencyBars({ title, of }: { readonly title: string; readonly of: Buckets }) {
  const bars = barsOf(of);
  const most = Math.max(...bars.map(b => b.count));
  const at = (q: number) => formatWait(milliseconds(quantile(of, q)));
  const lower = (b: number) => (b === 0 ? "0" : formatWait(b * 1000));
  const upper = (b: number) => (Number.isFinite(b) ? formatWait(b * 1000) : "more");
  const said = `${title}: ${formatCount(bars.reduce((n, b) => n + b.count, 0))} values, half within ${at(0.5)}, 99 % within ${at(0.99)}`;
  return (
    <section className="card" aria-label={title}>
      <header className="card-head">
        <h2>{title}</h2>
        {bars.length > 0 && (
          <p>
            half within {at(0.5)}, 99 % within {at(0.99)}
          </p>
        )}
      </header>
      {bars.length === 0 ? (
        <p>Nothing asked yet.</p>
      ) : (
        <figure className="histogram">
          <svg viewBox={`0 0 ${bars.length} ${height}`} preserveAspectRatio="none" role="img" aria-label={said}>
            {bars.map(({ from, to, count }, i) => {
              // one that holds something is seen
              const tall = count === 0 ? 0 : Math.max(1.5, (count / most) * (height - 2));
              return (
                <rect key={from} x={i + 0.08} width={0.84} y={height - tall} height={tall}>
                  <title>{`${lower(from)} to ${upper(to)}: ${formatCount(count)}`}</title>
                </rect>
              );
            })}
          </svg>
          <figcaption aria-hidden="true">
            <span>{lower(bars[0]!.from)}</span>
            <span>{upper(bars.at(-1)!.to)}</span>
          </figcaption>
        </figure>
      )}
    </section>
  );
}
