/** Figures with their intervals as tables, and what a difference comes to in a word. */
import type { ReactNode } from "react";
import { formatFixed, formatNumber } from "../format.ts";
import type { Difference, Interval } from "../generated/server.ts";
import { IntervalCell } from "./interval.tsx";

/** As many decimals as say something: perplexities may be large. */
export const figure = (x: number | null | undefined): string => (Math.abs(x ?? 0) < 100 ? formatFixed(x, 3) : formatNumber(x, 4));
export const within = ({ low, high }: Omit<Interval, "value">): string =>
  low === null || high === null ? "" : ` ${figure(low)} to ${figure(high)}`;
export const signed = (x: number | null): string => `${x !== null && x > 0 ? "+" : ""}${figure(x)}`;
export const chance = (p: number | null): string => (p !== null && p < 0.001 ? "< 0.001" : figure(p));
/** 87.5 %: shares of items, where a percent is one of a hundred items. */
export const percent = (x: number | null): string => (x === null ? figure(x) : `${formatFixed(100 * x, 1)} %`);

export type Look = "better" | "worse" | "open";

/** Better, worse, or too few items to tell: by the interval and the test, not by the point. */
export function lookOf({ better, low, high, p }: Pick<Difference, "better" | "low" | "high"> & Partial<Pick<Difference, "p">>): Look {
  // with a handful of items that differ the interval is too narrow, and the test knows
  if (p === null || (p !== undefined && p >= 0.05)) return "open";
  if (low === null || high === null || (low <= 0 && high >= 0)) return "open";
  return low > 0 === (better === "higher") ? "better" : "worse";
}
export const told = { better: "better", worse: "worse", open: "no significant difference" } as const;

/** An axis with 0 in its middle that holds all of the differences. */
export const around = (...all: readonly Interval[]): { readonly from: number; readonly to: number; readonly zero: number } => {
  const most = Math.max(...all.flatMap(d => [d.value, d.low, d.high]).map(x => Math.abs(x ?? 0)), Number.MIN_VALUE);
  return { from: -most, to: most, zero: 0 };
};

export const Head = ({ of, caption }: { readonly of: readonly (readonly [string, string?])[]; readonly caption?: string }) => (
  <>
    {caption && <caption className="hidden">{caption}</caption>}
    <thead>
      <tr>
        {of.map(([name, kind = "number"]) => (
          <th key={name} scope="col" className={kind}>
            {kind === "interval" ? <span className="hidden">{name}</span> : name}
          </th>
        ))}
      </tr>
    </thead>
  </>
);
/** The column of intervals, which those who do not see it need not hear of. */
export const drawn = ["Picture", "interval"] as const;

interface Row extends Interval {
  readonly name: string;
  /** Shown for the name. */
  readonly title?: ReactNode;
  readonly count?: ReactNode;
  readonly range: readonly [number, number];
  /** Where nothing would be told: 0.5 of a choice between two. */
  readonly zero?: number;
}

/** A figure a row, with its interval as a picture; `head` names rows, counts where there are any, and figures. */
export const IntervalTable = ({ head, rows }: { readonly head: readonly string[]; readonly rows: readonly Row[] }) => (
  <div className="scrolled">
    <table className="bits">
      <Head of={[[head[0]!, ""], ...head.slice(1, -1).map(name => [name] as const), drawn, [head.at(-1)!]]} />
      <tbody>
        {rows.map(({ name, title = name, count, range: [from, to], ...of }) => (
          <tr key={name}>
            <th scope="row">{title}</th>
            {count !== undefined && <td className="number">{count}</td>}
            <IntervalCell {...of} from={from} to={to} />
            <td className="number">
              {figure(of.value)}
              <small>{within(of)}</small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

export const Differences = ({ of, against }: { readonly of: readonly Difference[]; readonly against: string }) => (
  <div className="scrolled">
    <table className="bits">
      <Head
        caption={`Against ${against}`}
        of={[
          ["Measure", ""],
          [against, "number wide"],
          ["This", "number wide"],
          drawn,
          ["Difference"],
          ["p", "number wide"],
          ["Result", ""],
        ]}
      />
      <tbody>
        {of.map(d => (
          <tr key={d.metric}>
            <th scope="row">{d.metric}</th>
            <td className="number wide">{figure(d.second)}</td>
            <td className="number wide">{figure(d.first)}</td>
            <IntervalCell {...d} {...around(d)} look={lookOf(d)} />
            <td className="number">
              {signed(d.value)}
              <small>{within(d)}</small>
            </td>
            <td className="number wide" title={d.test}>
              {chance(d.p)}
            </td>
            <td>{told[lookOf(d)]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
