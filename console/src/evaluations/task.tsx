/**
 * What a version did at a task: figures with intervals, what changed against another version item by item, the most wrong and the slowest items, what was
 * recorded beside them, slices.
 */

import { formatCount, formatMoment, formatWait, words } from "../format.ts";
import type { ReportItem, ReportScore, TaskReport } from "../generated/server.ts";
import { Judgement, SeenInTraining, Variants } from "./beside.tsx";
import { Fairness } from "./fairness.tsx";
import { Differences, IntervalTable } from "./figures.tsx";
import { rangeOf } from "./interval.tsx";
import { Items } from "./items.tsx";
import { Picture } from "./picture.tsx";

const rangeOfScore = (s: ReportScore) => rangeOf([s.value, s.low, s.high], 0, ...(s.value !== null && s.value <= 1 ? [1] : []));
const place = (t: TaskReport): string => `task-${t.artifact}`;

const Jump = ({ to }: { readonly to: TaskReport }) => (
  <button type="button" className="chip" onClick={() => document.getElementById(place(to))?.focus()}>
    {to.task}
  </button>
);

/** All tasks by their first measure; a name goes to the task. */
export const Tasks = ({ of }: { readonly of: readonly TaskReport[] }) => (
  <section className="card" aria-label="Tasks">
    <IntervalTable
      head={["Task", "Items, measure", "Value, 95 % interval"]}
      rows={of.flatMap(t =>
        t.scores.slice(0, 1).map(s => ({
          name: place(t),
          title: <Jump to={t} />,
          count: `${formatCount(t.items)}, ${s.metric}`,
          ...s,
          range: rangeOfScore(s),
        })),
      )}
    />
  </section>
);

const Scores = ({ scores }: { readonly scores: readonly ReportScore[] }) => (
  <IntervalTable head={["Measure", "Value, 95 % interval"]} rows={scores.map(s => ({ name: s.metric, ...s, range: rangeOfScore(s) }))} />
);

const changed = (i: { readonly before: string; readonly came: string; readonly right: string }) =>
  [
    ["before", i.before],
    ["this version", i.came],
    ["expected", i.right],
  ] as const;

function Slices({ slices }: { readonly slices: TaskReport["slices"] }) {
  const tables = [...new Set(slices.flatMap(s => s.scores.map(of => `${of.metric} ${s.by}`)))].map(key => {
    const own = slices.flatMap(s => s.scores.flatMap(of => (`${of.metric} ${s.by}` === key ? [{ ...s, of }] : [])));
    return { key, by: own[0]!.by, own };
  });
  return tables.map(({ key, by, own }) => {
    const range = rangeOf(
      own.flatMap(({ of }) => [of.low, of.high, of.value]),
      0,
    );
    return (
      <IntervalTable
        key={key}
        head={[words(by), "Items", own[0]?.of.metric ?? ""]}
        rows={own.map(({ group, items, of }) => ({ name: group, count: formatCount(items), ...of, range }))}
      />
    );
  });
}

const answered = (i: ReportItem) =>
  [
    ["output", i.came],
    ["expected", i.right],
  ] as const;

const Extremes = ({ of: t }: { readonly of: TaskReport }) => (
  <>
    <Items title="worst" of={t.worst} count={t.worst.length} told={answered} />
    <Items title="slowest" of={t.slowest} count={t.slowest.length} told={i => [["took", formatWait(i.ms)], ...answered(i)]} />
  </>
);

/** The same items by the common threshold, where the thresholds of groups decided otherwise. */
const ByCommonThreshold = ({ of }: { readonly of: NonNullable<TaskReport["commonThreshold"]> }) => (
  <details className="examples">
    <summary>
      By the common threshold ({formatCount(of.differ)} of {formatCount(of.items)} items change)
    </summary>
    <Scores scores={of.scores} />
    {of.fairness && <Fairness tables={of.fairness} />}
  </details>
);

/** What `loam eval` could tell of a task, and how, where it has not; of a group its tasks tell it. */
function Unknown({ of: t }: { readonly of: TaskReport }) {
  const ways = [
    t.variants.length === 0 && (["whether outputs stay the same when prompts are rephrased", "--variants typos,upper"] as const),
    t.output === "generate_until" &&
      t.judgements.length === 0 &&
      (["what a judge says of its answers", "--against OTHER --judge MODEL"] as const),
    !t.contamination && (["which items occur in the training data", "{ decontaminate: { action: mark } }"] as const),
  ].filter(w => w !== false);
  if (!t.artifact.startsWith("task-result") || ways.length === 0) return null;
  return (
    <p className="hint">
      Not evaluated yet:{" "}
      {ways.map(([what, how], i) => (
        <span key={how}>
          {i > 0 && "; "}
          {what} (<code>{how}</code>)
        </span>
      ))}
      .
    </p>
  );
}

export function Task({ of: t, against }: { readonly of: TaskReport; readonly against: string | null }) {
  const c = t.comparison;
  const [main] = c?.differences ?? [];
  return (
    <section className="card" aria-labelledby={place(t)}>
      <header className="card-head">
        <h2 id={place(t)} tabIndex={-1}>
          {t.task}
        </h2>
        <p>
          {formatCount(t.items)} items, {t.output}, evaluated {formatMoment(t.at)}
        </p>
      </header>
      <Scores scores={t.scores} />
      {(t.looks ?? []).map(line => (
        <p key={line} className="hint">
          {line}
        </p>
      ))}
      <Extremes of={t} />
      {against !== null && (
        <>
          <h3>Against {against}</h3>
          {c && main ? (
            <>
              <Differences of={c.differences} against={against} />
              <p className="hint">
                On {formatCount(main.items)} items that both versions were evaluated on
                {c.onlyThis + c.onlyOther > 0 && `; ${formatCount(c.onlyThis + c.onlyOther)} on which only one was evaluated are excluded`}.
              </p>
              <Items title={`won by ${main.metric}`} of={c.wins} count={main.wins} told={changed} />
              <Items title={`lost by ${main.metric}`} of={c.losses} count={main.losses} told={changed} />
            </>
          ) : (
            <p className="hint">{against} was not evaluated on these items.</p>
          )}
        </>
      )}
      {t.judgements.map(j => (
        <Judgement key={j.artifact} of={j} />
      ))}
      {t.variants.length > 0 && <Variants of={t.variants} />}
      {t.contamination && <SeenInTraining of={t.contamination} />}
      {t.picture && <Picture of={t.picture} />}
      {t.fairness && <Fairness tables={t.fairness} />}
      {t.commonThreshold && <ByCommonThreshold of={t.commonThreshold} />}
      {t.slices.length > 0 && <h3>Slices</h3>}
      <Slices slices={t.slices} />
      <Unknown of={t} />
    </section>
  );
}
