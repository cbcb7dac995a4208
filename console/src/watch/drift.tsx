/** Live traffic beside what the version was trained on, feature by feature: what moved, by how much, and how surely. */

import { formatAgo, formatCount, formatFixed, formatNumber, formatP, formatShare, words } from "../format.ts";
import type { WatchDrift, WatchFeature } from "../generated/watch.ts";
import { useResource } from "../resource.ts";
import { watch } from "./api.ts";

const lookMs = 60_000;

const verdicts: Readonly<Record<string, string>> = { drift: "drift", "no drift": "no drift", "too few": "too few values" };

type Side = NonNullable<WatchFeature["numbers"]>["reference"];

/** 10 to 90 % as a line, the middle half as a box, the median as a mark. */
function Strip({
  of,
  from,
  to,
  y,
  className,
}: {
  readonly of: Side;
  readonly from: number;
  readonly to: number;
  readonly y: number;
  readonly className: string;
}) {
  const [q10, q25, q50, q75, q90] = of.quantiles;
  const at = (x: number | null | undefined) => `${x === null || x === undefined || to <= from ? 0 : (100 * (x - from)) / (to - from)}%`;
  const width = (a: number | null | undefined, b: number | null | undefined) =>
    `${to <= from ? 0 : (100 * ((b ?? 0) - (a ?? 0))) / (to - from)}%`;
  return (
    <g className={className}>
      <line x1={at(q10)} x2={at(q90)} y1={y + 6} y2={y + 6} />
      <rect x={at(q25)} width={width(q25, q75)} y={y + 1} height="10" rx="2" />
      <line className="median" x1={at(q50)} x2={at(q50)} y1={y} y2={y + 12} />
    </g>
  );
}

function Numbers({ of }: { readonly of: NonNullable<WatchFeature["numbers"]> }) {
  const all = [...of.reference.quantiles, ...of.window.quantiles].filter(x => x !== null);
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const said = (s: Side) =>
    `median ${formatNumber(s.quantiles[2])}, middle 80 % from ${formatNumber(s.quantiles[0])} to ${formatNumber(s.quantiles[4])}`;
  return (
    <>
      <svg className="strips" role="img" aria-label={`Training: ${said(of.reference)}. Now: ${said(of.window)}.`}>
        <Strip of={of.reference} from={from} to={to} y={2} className="reference" />
        <Strip of={of.window} from={from} to={to} y={20} className="now" />
      </svg>
      <div className="strip-ends" aria-hidden="true">
        <span>{formatNumber(from)}</span>
        <span>{formatNumber(to)}</span>
      </div>
    </>
  );
}

/** Values that are shown of a feature. */
const mostMoved = 5;

function Moved({ of }: { readonly of: NonNullable<WatchFeature["moved"]> }) {
  const shown = of.slice(0, mostMoved);
  const most = Math.max(1e-9, ...shown.flatMap(m => [m.reference ?? 0, m.window ?? 0]));
  return (
    <ul className="moved">
      {shown.map(m => (
        <li key={m.value}>
          <span title={String(m.value)}>{typeof m.value === "number" ? `token ${m.value}` : m.value}</span>
          <span className="moved-bars" aria-hidden="true">
            <i className="reference" style={{ width: `${(100 * (m.reference ?? 0)) / most}%` }} />
            <i className="now" style={{ width: `${(100 * (m.window ?? 0)) / most}%` }} />
          </span>
          <small>
            {formatShare(m.reference)} → {formatShare(m.window)}
          </small>
        </li>
      ))}
    </ul>
  );
}

const Feature = ({ of: f }: { readonly of: WatchFeature }) => (
  <li className="card drift-feature">
    <h3>
      {words(f.name)} <span className={f.verdict === "drift" ? "tag alarm" : "tag"}>{verdicts[f.verdict] ?? f.verdict}</span>
    </h3>
    {f.numbers && <Numbers of={f.numbers} />}
    {f.moved && f.moved.length > 0 && <Moved of={f.moved} />}
    <p className="hint">
      {f.effect && `${f.measure} ${formatFixed(f.effect.value, 3)} [${formatFixed(f.effect.low, 3)}, ${formatFixed(f.effect.high, 3)}], `}
      {f.test}: {formatP(f.adjustedP)}
      {f.verdict === "too few" &&
        f.needed !== null &&
        `; ${formatCount(f.needed)} values would be enough, ${formatCount(f.window.values)} came`}
      {f.since !== null && f.since !== undefined && `; since ${formatAgo(f.since, Date.now())}`}
    </p>
  </li>
);

/** The second reference: whether the differences are usual for these hours. */
function Season({ of }: { readonly of: NonNullable<WatchDrift["season"]> }) {
  const listed = (names: readonly string[]) => names.map(words).join(", ");
  return (
    <p className="hint" data-season={of.verdict}>
      Same hours of {of.seasons.length === 1 ? "an earlier week" : `${of.seasons.length} earlier weeks`} ({formatCount(of.events.reference)}{" "}
      requests to {of.version}):
      {of.usual.length > 0 && ` usual for these hours: ${listed(of.usual)}.`}
      {of.unusual.length > 0 && ` Unusual for these hours too: ${listed(of.unusual)}.`}
      {of.unknown.length > 0 && ` Too few to tell: ${listed(of.unknown)}.`}
    </p>
  );
}

function Compared({ of }: { readonly of: WatchDrift }) {
  if (of.why !== null || of.features.length === 0)
    return <p className="hint">{of.why ?? "Nothing is compared yet: features are compared once requests came."}</p>;
  return (
    <>
      <p className="hint legend">
        <i className="swatch reference" /> training data{of.events && ` (${formatCount(of.events.reference)})`} <i className="swatch now" />{" "}
        requests now{of.events && ` (${formatCount(of.events.window)})`}; p corrected over all features.
      </p>
      {of.season && <Season of={of.season} />}
      <ul className="drift-features">
        {of.features.map(f => (
          <Feature key={f.name} of={f} />
        ))}
      </ul>
    </>
  );
}

export function Drift({ model }: { readonly model: string | null }) {
  const drift = useResource("watch drift", watch.drift, { on: ["watch"], everyMs: lookMs });
  const all = drift.data ?? [];
  const shown = all.find(d => d.model === model) ?? (model === null ? all[0] : undefined);
  if (!drift.data || (all.length === 0 && model === null)) return null;
  return (
    <section aria-label="Traffic and training data">
      <h2>Traffic and training data</h2>
      {shown ? (
        <Compared of={shown} />
      ) : (
        <p className="hint">
          No sketch of this version's training data: train it again with <code>loam run</code>, which makes one.
        </p>
      )}
    </section>
  );
}
