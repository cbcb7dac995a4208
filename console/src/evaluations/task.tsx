/** What a version did at a task: figures with intervals, what changed against another version item by item, slices. */
import type { ReportScore, TaskReport } from "../contract-releases.ts";
import { formatCount, formatFixed, formatMoment, words } from "../format.ts";
import { IntervalCell, rangeOf } from "./interval.tsx";
import { Picture } from "./picture.tsx";

const within = ({ low, high }: { readonly low: number | null; readonly high: number | null }): string =>
  low === null || high === null ? "" : ` ${formatFixed(low, 3)} to ${formatFixed(high, 3)}`;
const signed = (x: number | null): string => (x === null ? formatFixed(x, 3) : `${x > 0 ? "+" : ""}${formatFixed(x, 3)}`);

type Difference = NonNullable<TaskReport["comparison"]>["differences"][number];

/** Better, worse, or too few items to tell: by the interval, not by the point. */
function lookOf({ better, low, high }: Difference): "better" | "worse" | "open" {
  if (low === null || high === null || (low <= 0 && high >= 0)) return "open";
  return low > 0 === (better === "higher") ? "better" : "worse";
}
const told = { better: "better", worse: "worse", open: "not told apart" } as const;

const Scores = ({ scores }: { readonly scores: readonly ReportScore[] }) => (
  <table className="bits">
    <thead>
      <tr>
        <th scope="col">Measure</th>
        <th scope="col" className="interval">
          <span className="hidden">Picture</span>
        </th>
        <th scope="col" className="number">
          Value, 95 % interval
        </th>
      </tr>
    </thead>
    <tbody>
      {scores.map(s => {
        const [from, to] = rangeOf([s.value, s.low, s.high], 0, ...(s.value !== null && s.value <= 1 ? [1] : []));
        return (
          <tr key={s.metric}>
            <th scope="row">{s.metric}</th>
            <IntervalCell {...s} from={from} to={to} />
            <td className="number">
              {formatFixed(s.value, 3)}
              <small>{within(s)}</small>
            </td>
          </tr>
        );
      })}
    </tbody>
  </table>
);

function Differences({ of, against }: { readonly of: readonly Difference[]; readonly against: string }) {
  return (
    <table className="bits">
      <caption className="hidden">Against {against}</caption>
      <thead>
        <tr>
          <th scope="col">Measure</th>
          <th scope="col" className="number wide">
            {against}
          </th>
          <th scope="col" className="number wide">
            This
          </th>
          <th scope="col" className="interval">
            <span className="hidden">Picture</span>
          </th>
          <th scope="col" className="number">
            Difference
          </th>
          <th scope="col" className="number wide">
            p
          </th>
          <th scope="col" className="wide">
            It is
          </th>
        </tr>
      </thead>
      <tbody>
        {of.map(d => {
          const most = Math.max(...[d.value, d.low, d.high].map(x => Math.abs(x ?? 0)), Number.MIN_VALUE);
          return (
            <tr key={d.metric}>
              <th scope="row">{d.metric}</th>
              <td className="number wide">{formatFixed(d.second, 3)}</td>
              <td className="number wide">{formatFixed(d.first, 3)}</td>
              <IntervalCell {...d} from={-most} to={most} zero={0} look={lookOf(d)} />
              <td className="number">
                {signed(d.value)}
                <small>{within(d)}</small>
              </td>
              <td className="number wide" title={d.test}>
                {d.p !== null && d.p < 0.001 ? "< 0.001" : formatFixed(d.p, 3)}
              </td>
              <td className="wide">{told[lookOf(d)]}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

type Changed = NonNullable<TaskReport["comparison"]>["wins"];

const Items = ({ title, of, count }: { readonly title: string; readonly of: Changed; readonly count: number }) => (
  <details className="examples">
    <summary>
      {formatCount(count)} {title}
      {of.length < count && `, the ${of.length} greatest`}
    </summary>
    <ul className="items">
      {of.map(i => (
        <li key={i.id}>
          <code>{i.place}</code>
          <p>{i.prompt}</p>
          <dl>
            <dt>before</dt>
            <dd>{i.before}</dd>
            <dt>now</dt>
            <dd>{i.came}</dd>
            <dt>right</dt>
            <dd>{i.right}</dd>
          </dl>
        </li>
      ))}
    </ul>
  </details>
);

function Slices({ slices }: { readonly slices: TaskReport["slices"] }) {
  return [...new Set(slices.map(s => s.by))].map(by => {
    const own = slices.filter(s => s.by === by);
    const [from, to] = rangeOf(
      own.flatMap(s => [s.scores[0]?.low ?? null, s.scores[0]?.high ?? null, s.scores[0]?.value ?? null]),
      0,
    );
    return (
      <table className="bits" key={by}>
        <thead>
          <tr>
            <th scope="col">{words(by)}</th>
            <th scope="col" className="number">
              Items
            </th>
            <th scope="col" className="interval">
              <span className="hidden">Picture</span>
            </th>
            <th scope="col" className="number">
              {own[0]?.scores[0]?.metric}
            </th>
          </tr>
        </thead>
        <tbody>
          {own.map(({ group, items, scores: [s] }) => (
            <tr key={group}>
              <th scope="row">{group}</th>
              <td className="number">{formatCount(items)}</td>
              {s && <IntervalCell {...s} from={from} to={to} />}
              <td className="number">
                {formatFixed(s?.value, 3)}
                <small>{s && within(s)}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    );
  });
}

export function Task({ of: t, against }: { readonly of: TaskReport; readonly against: string | null }) {
  const c = t.comparison;
  const [main] = c?.differences ?? [];
  return (
    <section className="card" aria-labelledby={`task-${t.artifact}`}>
      <header className="card-head">
        <h2 id={`task-${t.artifact}`}>{t.task}</h2>
        <p>
          {formatCount(t.items)} items, {t.output}, asked {formatMoment(t.at)}
        </p>
      </header>
      <Scores scores={t.scores} />
      {against !== null && (
        <>
          <h3>Against {against}</h3>
          {c && main ? (
            <>
              <Differences of={c.differences} against={against} />
              <p className="hint">
                On {formatCount(main.items)} items that both were asked
                {c.onlyThis + c.onlyOther > 0 && `; ${formatCount(c.onlyThis + c.onlyOther)} that one was not are left out`}.
              </p>
              <Items title={`won by ${main.metric}`} of={c.wins} count={main.wins} />
              <Items title={`lost by ${main.metric}`} of={c.losses} count={main.losses} />
            </>
          ) : (
            <p className="hint">{against} was not asked these items.</p>
          )}
        </>
      )}
      {t.picture && <Picture of={t.picture} />}
      {t.slices.length > 0 && <h3>Slices</h3>}
      <Slices slices={t.slices} />
    </section>
  );
}
