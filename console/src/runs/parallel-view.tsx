/** Parallel coordinates of runs as SVG: an axis per option, one per unit of a result, a line per run. Arrow keys walk the lines; the table below says the same. */
import { useId, useState } from "react";
import { useChoice } from "../choices.ts";
import type { RunColumn, RunRow } from "../generated/runs.ts";
import { Pick as PickOne } from "../parts/pick.tsx";
import { cellText, columnLabel } from "./cells.ts";
import { type AxisScale, differingOptions, lineInWords, type ParallelAxis, parallelAxes } from "./parallel.ts";

const [width, height, top, bottom, side] = [960, 300, 44, 16, 70];
const labelOf = (key: string): string => columnLabel({ key });
const yOf = (place: number): number => height - bottom - place * (height - bottom - top);
const short = (text: string): string => (text.length > 14 ? `${text.slice(0, 13)}…` : text);

/** Scales that were chosen: `options.recipe.rate:log,...`. */
const scalesOf = (text: string): ReadonlyMap<string, AxisScale> =>
  new Map(
    text.split(",").flatMap((part): [string, AxisScale][] => {
      const at = part.lastIndexOf(":");
      const scale = part.slice(at + 1);
      return scale === "log" || scale === "linear" ? [[part.slice(0, at), scale]] : [];
    }),
  );

function Axis({ axis, x }: { readonly axis: ParallelAxis; readonly x: number }) {
  // of many names those that have room
  const every = Math.ceil(axis.ticks.length / 12);
  return (
    <g className="parallel-axis">
      <line x1={x} x2={x} y1={yOf(0)} y2={yOf(1)} />
      <text x={x} y={16} textAnchor="middle" className="parallel-name">
        {short(labelOf(axis.key))}
      </text>
      {axis.unit && (
        <text x={x} y={30} textAnchor="middle">
          {axis.unit}
        </text>
      )}
      {axis.ticks.map(
        (tick, i) =>
          i % every === 0 && (
            <text key={tick.text} x={x - 6} y={yOf(tick.at) + 4} textAnchor="end">
              {short(tick.text)}
            </text>
          ),
      )}
    </g>
  );
}

/** From axis to axis where the run has both places; a gap elsewhere. */
function pathOf(axes: readonly ParallelAxis[], xs: readonly number[], run: number): string {
  let path = "";
  let isOpen = false;
  for (const [i, axis] of axes.entries()) {
    const place = axis.places[run] ?? null;
    // axes of other units of the same result are passed over
    if (place === null && axis.unit !== null) continue;
    if (place === null) isOpen = false;
    else {
      path += `${isOpen ? "L" : "M"}${xs[i]!.toFixed(1)} ${yOf(place).toFixed(1)}`;
      isOpen = true;
    }
  }
  return path;
}

interface ParallelProps {
  readonly rows: readonly RunRow[];
  readonly names: readonly string[];
  readonly columns: readonly RunColumn[];
}

export function Parallel({ rows, names, columns }: ParallelProps) {
  const numbers = columns.filter(c => c.type === "number" && c.of !== "option" && rows.some(r => r.values[c.key] !== undefined));
  const [chosenResult, setResult] = useChoice("result");
  const result = numbers.find(c => c.key === chosenResult)?.key ?? numbers.find(c => c.key === "loss")?.key ?? numbers[0]?.key;
  const [axesChoice, setAxes] = useChoice("axes");
  const [scales, setScales] = useChoice("scales");
  const [at, setAt] = useState<number | null>(null);
  const id = useId();
  if (result === undefined) return <p className="hint">These runs have no numeric result.</p>;
  const differing = differingOptions(rows, columns);
  const options = axesChoice === "" ? differing : axesChoice.split(",").filter(key => columns.some(c => c.key === key));
  const scaleOf = scalesOf(scales);
  const axes = parallelAxes(rows, options, result, scaleOf);
  const xs = axes.map((_, i) => (axes.length === 1 ? width / 2 : side + (i * (width - 1.6 * side)) / (axes.length - 1)));
  const last = axes.filter(a => a.key === result);
  const shadeOf = (run: number): number | null => last.map(a => a.places[run] ?? null).find(p => p !== null) ?? null;
  const order = rows.map((_, i) => i).sort((a, b) => (shadeOf(a) ?? 2) - (shadeOf(b) ?? 2));
  const move = (by: number) =>
    setAt(
      before =>
        order[Math.max(0, Math.min(order.length - 1, (before === null ? (by > 0 ? -1 : order.length) : order.indexOf(before)) + by))]!,
    );
  const inWords = (run: number) => lineInWords(names[run]!, rows[run]!, axes, labelOf);
  const addable = columns.filter(c => c.of === "option" && c.distinct > 1 && !options.includes(c.key));
  const setScale = (key: string, scale: AxisScale) =>
    setScales([...new Map([...scaleOf, [key, scale]])].map(([k, s]) => `${k}:${s}`).join(","));
  return (
    <section className="card" aria-label="Parallel coordinates">
      <header className="card-head">
        <h2>Parallel coordinates</h2>
        <p>An axis per option that differs, then the result. Arrow keys walk the runs, the least result first.</p>
      </header>
      <div className="scrolled">
        <div
          role="listbox"
          tabIndex={0}
          aria-label={`Runs over ${axes.map(a => labelOf(a.key)).join(", ")}`}
          aria-activedescendant={at === null ? undefined : `${id}-${at}`}
          className="parallel"
          onKeyDown={e => {
            const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
            if (e.key === "Escape") setAt(null);
            else if (step !== undefined) {
              e.preventDefault();
              move(step);
            }
          }}
        >
          <svg viewBox={`0 0 ${width} ${height}`} role="presentation">
            {order.map(run => {
              const shade = shadeOf(run);
              return (
                <path
                  key={rows[run]!.id}
                  id={`${id}-${run}`}
                  role="option"
                  aria-selected={at === run}
                  aria-label={inWords(run)}
                  d={pathOf(axes, xs, run)}
                  className={at === run ? "is-active" : at === null ? "" : "is-faint"}
                  style={{
                    stroke: shade === null ? "var(--faint)" : `color-mix(in srgb, var(--clay) ${Math.round(100 * shade)}%, var(--accent))`,
                  }}
                  onMouseEnter={() => setAt(run)}
                  onMouseLeave={() => setAt(null)}
                />
              );
            })}
            {axes.map((axis, i) => (
              <Axis key={`${axis.key} ${axis.unit}`} axis={axis} x={xs[i]!} />
            ))}
          </svg>
        </div>
      </div>
      <p className="parallel-said" aria-live="polite">
        {at === null ? `${rows.length} runs; green: the least ${labelOf(result).toLowerCase()}, red: the greatest.` : inWords(at)}
      </p>
      <div className="bar">
        <PickOne label="Result" value={result} options={numbers.map(c => c.key)} nameOf={labelOf} onPick={setResult} />
        {addable.length > 0 && (
          <PickOne
            label="Add an axis"
            value=""
            options={["", ...addable.map(c => c.key)]}
            nameOf={key => (key === "" ? "Add an axis" : labelOf(key))}
            onPick={key => key !== "" && setAxes([...options, key].join(","))}
          />
        )}
        {axes.slice(0, -last.length || undefined).map(axis => (
          <span key={`${axis.key} ${axis.unit}`} className="parallel-control">
            {labelOf(axis.key)}
            {axis.canLog && (
              <button
                type="button"
                className="chip"
                aria-pressed={axis.scale === "log"}
                aria-label={`Logarithmic axis of ${labelOf(axis.key)}`}
                onClick={() => setScale(axis.key, axis.scale === "log" ? "linear" : "log")}
              >
                log
              </button>
            )}
            <button
              type="button"
              className="chip"
              aria-label={`Remove the axis of ${labelOf(axis.key)}`}
              onClick={() => setAxes(options.filter(o => o !== axis.key).join(","))}
            >
              ×
            </button>
          </span>
        ))}
      </div>
      <details>
        <summary>As a table</summary>
        <div className="table-frame">
          <table className="rows">
            <thead>
              <tr>
                <th scope="col">Run</th>
                {axes.map(a => (
                  <th key={`${a.key} ${a.unit}`} scope="col">
                    {labelOf(a.key)} {a.unit && <small>{a.unit}</small>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {order.map(run => (
                <tr key={rows[run]!.id}>
                  <th scope="row">{names[run]}</th>
                  {axes.map(a => (
                    <td key={`${a.key} ${a.unit}`}>{a.places[run] == null ? "none" : cellText(rows[run]!.values[a.key], "number", 0)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
