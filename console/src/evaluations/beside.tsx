/**
 * What a figure of all items leaves open: whether it lives on items that were seen in training, whether answers stay when items are asked in another way,
 * and what judges said of the answers, with how far each can be trusted.
 */

import { formatCount, words } from "../format.ts";
import type { TaskReport } from "../generated/server.ts";
import { around, chance, Differences, drawn, figure, Head, IntervalTable, lookOf, percent, signed, told, within } from "./figures.tsx";
import { IntervalCell } from "./interval.tsx";
import { Items } from "./items.tsx";

type Seen = NonNullable<TaskReport["contamination"]>;

export function SeenInTraining({ of: { clean, contaminated, unknown, checks, unchecked, scores } }: { readonly of: Seen }) {
  const sides = { Clean: "clean", Contaminated: "contaminated" } as const;
  return (
    <>
      <h3>Contamination</h3>
      <p className="hint">
        {formatCount(contaminated)} of {formatCount(clean + contaminated)} items occur in the training data
        {unknown > 0 && `; ${formatCount(unknown)} more are too short or were not searched for`}.{" "}
        {checks
          .map(
            c =>
              `${c.data}${c.of ? `, which has all texts of ${c.of},` : ""} was searched for the set ${c.set} (${c.isSameFile ? "this very file" : c.file}; ${c.action}).`,
          )
          .join(" ")}
        {unchecked.length > 0 && ` Not searched, so no item is called clean: ${unchecked.join(", ")}.`}
      </p>
      <div className="scrolled">
        <table className="bits stacked">
          <Head
            caption="Scores on clean and on contaminated items"
            of={[
              ["Measure", ""],
              [`Clean, ${formatCount(clean)}`],
              [`Contaminated, ${formatCount(contaminated)}`],
              drawn,
              ["Contaminated - clean"],
              ["Result", "wide"],
            ]}
          />
          <tbody>
            {scores.map(s => {
              const d = s.difference;
              const better = (s.clean ?? s.contaminated)?.better ?? "higher";
              const look = d ? lookOf({ ...d, better }) : "open";
              return (
                <tr key={s.metric}>
                  <th scope="row">{s.metric}</th>
                  {Object.entries(sides).map(([name, side]) => (
                    <td key={side} className="number" data-label={name}>
                      <span>
                        {figure(s[side]?.value)}
                        <small>{s[side] && within(s[side])}</small>
                      </span>
                    </td>
                  ))}
                  {/* better scores on contaminated items are no praise */}
                  <IntervalCell
                    value={null}
                    low={null}
                    high={null}
                    {...d}
                    {...around(d ?? none)}
                    look={look === "better" ? "worse" : "open"}
                  />
                  <td className="number" data-label="Contaminated - clean">
                    <span>
                      {signed(d?.value ?? null)}
                      <small>{d && within(d)}</small>
                    </span>
                  </td>
                  <td className="wide" data-label="Result">
                    {look === "open" ? told.open : `${told[look]} on contaminated items`}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
const none = { value: null, low: null, high: null };

const turned = (i: { readonly before: string; readonly came: string; readonly right: string }) =>
  [
    ["original", i.before],
    ["variant", i.came],
    ["expected", i.right],
  ] as const;

export const Variants = ({ of }: { readonly of: TaskReport["variants"] }) => (
  <>
    <h3>Variants of the prompts</h3>
    <div className="scrolled">
      <table className="bits">
        <Head
          caption="The same items with changed prompts"
          of={[
            ["Variant", ""],
            ["Unchanged"],
            drawn,
            [`Change of ${of[0]?.differences[0]?.metric}`],
            ["p", "number wide"],
            ["Result", "wide"],
          ]}
        />
        <tbody>
          {of.map(({ variant, alike, differences: [d] }) => (
            <tr key={variant}>
              <th scope="row">{words(variant)}</th>
              <td className="number">
                {percent(alike?.value ?? null)}
                <small>{alike && ` ${percent(alike.low)} to ${percent(alike.high)}`}</small>
              </td>
              {d && (
                <>
                  <IntervalCell {...d} {...around(...of.flatMap(v => v.differences.slice(0, 1)))} look={lookOf(d)} />
                  <td className="number">
                    {signed(d.value)}
                    <small>{within(d)}</small>
                  </td>
                  <td className="number wide">{chance(d.p)}</td>
                  <td className="wide">{told[lookOf(d)]}</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
    {of.map(({ variant, differences, turned: list, numTurned }) => (
      <div key={variant}>
        {differences.length > 1 && (
          <details className="examples">
            <summary>{words(variant)}: every measure</summary>
            <Differences of={differences} against="as it is" />
          </details>
        )}
        <Items title={`changed outputs: ${variant}`} of={list} count={numTurned} told={turned} />
      </div>
    ))}
  </>
);

type Judged = TaskReport["judgements"][number];
const pair = (beside: string) => (i: Judged["won"][number]) =>
  [
    ["this", i.came],
    [beside, i.before],
    ["judge, this first", i.said[0]],
    [`judge, ${beside} first`, i.said[1]],
  ] as const;

/** From here on a test calls it a bias. */
const unlikely = 0.05;

export function Judgement({ of: j }: { readonly of: Judged }) {
  const read = j.items - j.unread;
  const outcomes = [
    ["wins", j.wins],
    ["ties", j.ties],
    ["losses", j.losses],
  ] as const;
  const list = { told: pair(j.beside) };
  return (
    <>
      <h3>
        Judged by {j.judge} against {j.beside}
      </h3>
      {read > 0 && (
        <>
          <div className="verdicts">
            {outcomes.map(([name, count]) => (
              <span key={name} className={name} style={{ flexGrow: count }}>
                {formatCount(count)} {name}
              </span>
            ))}
          </div>
          <IntervalTable
            head={["Share", "Of", "Value, 95 % interval"]}
            rows={[
              { name: "Win rate (ties count half)", count: formatCount(read), ...j.winRate, range: [0, 1], zero: 0.5 },
              { name: "First response preferred", count: "both orders", ...j.preferredFirst, range: [0, 1], zero: 0.5 },
            ]}
          />
        </>
      )}
      <p className="hint">
        {read > 0 &&
          `Wins against losses: p ${chance(j.p)} (sign test). Shown each pair in both orders, the judge agrees with itself in ${percent(j.agreement)} (kappa ${figure(j.kappa)}) and contradicts itself in ${formatCount(j.contradictions)}, which count as ties. `}
        {j.unread > 0 && `${formatCount(j.unread)} of ${formatCount(j.items)} verdicts could not be parsed and are excluded. `}
        {j.biasP !== null && j.biasP < unlikely && <b>Position bias (p {chance(j.biasP)}): do not rely on this judge.</b>}
      </p>
      <Items title="won" of={j.won} count={j.wins} {...list} />
      <Items title="lost" of={j.lost} count={j.losses} {...list} />
      <Items title="contradicted" of={j.contradicted} count={j.contradictions} {...list} />
    </>
  );
}
