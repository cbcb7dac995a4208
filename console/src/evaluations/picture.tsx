/** A classifier's mistakes as a shaded table, and its curves as drawings with their numbers beside them. */
import { useId, useState } from "react";
import { type Plot, precisionRecallPlot, reliabilityPlot, rocPlot } from "../../../src/evaluate/classification/plots.ts";
import { formatCount } from "../format.ts";
import type { ClassPicture } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";
import { Pick } from "../parts/pick.tsx";
import { type Mistakes, mistakesOf, tableOf } from "./mistakes.ts";

export function PlotFigure({ of: p }: { readonly of: Plot }) {
  const id = useId();
  return (
    <figure className="plot">
      <figcaption>{p.title}</figcaption>
      <svg viewBox="-14 -5 120 120" role="img" aria-labelledby={`${id}t`} aria-describedby={`${id}d`}>
        <title id={`${id}t`}>{p.title}</title>
        <desc id={`${id}d`}>{p.said}</desc>
        <rect width="100" height="100" />
        <path className="guide" d={p.guide} />
        <path d={p.path} />
        {p.dots.map(d => (
          <circle key={d.said} cx={d.x} cy={d.y} r={d.r}>
            <title>{d.said}</title>
          </circle>
        ))}
        {[
          [50, 110, p.x],
          [0, 108, "0"],
          [100, 108, "1"],
          [-5, 100, "0"],
          [-5, 5, "1"],
        ].map(([x, y, text]) => (
          <text key={`${x} ${y}`} x={x} y={y}>
            {text}
          </text>
        ))}
        <text transform="translate(-5 50) rotate(-90)">{p.y}</text>
      </svg>
      <details className="examples">
        <summary>In numbers</summary>
        <NumberTable head={p.columns} rows={p.rows} />
      </details>
    </figure>
  );
}

/** Rows are true classes, columns what was said; of more classes than a page has room for, the commonest mistakes. */
export function Confusion({ classes, confusion }: Mistakes) {
  const table = tableOf(classes, confusion);
  if (!table)
    return (
      <ul className="statements">
        {mistakesOf(confusion).map(([t, p, n]) => (
          <li key={`${t} ${p}`}>
            {formatCount(n)} of <b>{classes[t]}</b> predicted as <b>{classes[p]}</b>
          </li>
        ))}
      </ul>
    );
  return (
    <div className="table-frame">
      <table className="confusion">
        <caption className="hidden">Confusion matrix: rows are true classes, columns predicted ones</caption>
        <thead>
          <tr>
            <th scope="col">true \ predicted</th>
            {classes.map(c => (
              <th key={c} scope="col" className="number">
                {c}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.map((row, t) => (
            <tr key={classes[t]}>
              <th scope="row">{classes[t]}</th>
              {row.map(({ items, share }, p) => (
                <td
                  key={classes[p]}
                  className="number"
                  style={{
                    background: `color-mix(in srgb, var(--${t === p ? "accent" : "clay"}) ${Math.round(40 * share)}%, transparent)`,
                  }}
                  title={`${Math.round(100 * share)} % of ${classes[t]}`}
                >
                  {formatCount(items)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Picture({ of }: { readonly of: ClassPicture }) {
  const { classes, confusion, curves, reliability } = of;
  const [wanted, setWanted] = useState("");
  const curve = curves.find(c => c.positive === wanted) ?? curves[0];
  return (
    <>
      {classes.length > 0 && (
        <>
          <h3>Confusion matrix</h3>
          <Confusion classes={classes} confusion={confusion} />
        </>
      )}
      <h3>Thresholds and probabilities</h3>
      {curve && (
        <div className="bar">
          {curves.length > 1 ? (
            <Pick label="Class" value={curve.positive} options={curves.map(c => c.positive)} onPick={setWanted} />
          ) : (
            <span>{curve.positive}</span>
          )}
          against the rest
        </div>
      )}
      <div className="plots">
        {curve && <PlotFigure of={rocPlot(curve)} />}
        {curve && <PlotFigure of={precisionRecallPlot(curve)} />}
        <PlotFigure of={reliabilityPlot(reliability)} />
      </div>
    </>
  );
}
