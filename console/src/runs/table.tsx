/** The table of runs: heads that sort, a box per run that compares it, its note and tags. A page of rows at a time. */
import { formatMoment, formatNumber } from "../format.ts";
import type { RunColumn, RunRow } from "../generated/runs.ts";
import { Icon } from "../parts/icons.tsx";
import { useTheme } from "../parts/theme.ts";
import { routeHash } from "../route.ts";
import { cellText, cellUnit, columnLabel, nextSort } from "./cells.ts";
import { colourOf, isDashed, mostCompared } from "./colours.ts";

interface TableProps {
  readonly rows: readonly RunRow[];
  readonly names: readonly string[];
  readonly columns: readonly RunColumn[];
  readonly sort: string;
  /** Ids of runs that are compared. */
  readonly compared: readonly string[];
  onSort(sort: string): void;
  onCompare(row: RunRow): void;
  onAnnotate(row: RunRow, name: string): void;
}

const isNumber = ({ type }: RunColumn) => type === "number" || type === "duration";
const trains: ReadonlySet<unknown> = new Set(["training", "tuning", "trial", "job"]);

function Head({ column, sort, onSort }: { readonly column: RunColumn } & Pick<TableProps, "sort" | "onSort">) {
  const { key, unit } = column;
  const order = sort === key ? "ascending" : sort === `-${key}` ? "descending" : "none";
  return (
    <th scope="col" aria-sort={order} className={isNumber(column) ? "number" : ""} title={key}>
      <button type="button" className="sort" onClick={() => onSort(nextSort(sort, key))}>
        {columnLabel(column)}
        {unit && <small> {unit}</small>}
        <span aria-hidden="true">{order === "ascending" ? "↑" : order === "descending" ? "↓" : ""}</span>
      </button>
    </th>
  );
}

function Cell({ row, column }: { readonly row: RunRow; readonly column: RunColumn }) {
  const value = row.values[column.key];
  if (column.key === "tags")
    return (
      <td>
        {row.tags.map(t => (
          <span key={t.tag} className="run-tag" title={`${t.by}, ${formatMoment(t.at)}`}>
            {t.tag}
          </span>
        ))}
      </td>
    );
  const text = cellText(value, column.type, Date.now());
  const unit = value === undefined ? "" : cellUnit(row, column);
  const title = column.type === "time" && value !== undefined ? formatMoment(Number(value)) : typeof value === "number" ? undefined : text;
  return (
    <td className={isNumber(column) ? "number" : "run-text"} title={title}>
      {text}
      {unit && <small> {unit}</small>}
    </td>
  );
}

export function RunRows({ rows, names, columns, sort, compared, onSort, onCompare, onAnnotate }: TableProps) {
  const theme = useTheme();
  const [nameColumn, ...rest] = columns;
  return (
    <div className="table-frame run-frame">
      <table className="rows run-table">
        <caption className="hidden">Runs; heads of columns sort</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="hidden">Compare</span>
            </th>
            {nameColumn && <Head column={nameColumn} sort={sort} onSort={onSort} />}
            {rest.map(c => (
              <Head key={c.key} column={c} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const at = compared.indexOf(row.id);
            const name = names[i]!;
            return (
              <tr key={row.id} className={at >= 0 ? "is-chosen" : ""}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`Compare ${name}`}
                    checked={at >= 0}
                    disabled={at < 0 && compared.length >= mostCompared}
                    onChange={() => onCompare(row)}
                  />
                </td>
                <th scope="row">
                  {at >= 0 && <i className={isDashed(at) ? "swatch dashed" : "swatch run"} style={{ color: theme[colourOf(at)] }} />}
                  {row.artifact === null ? (
                    name
                  ) : (
                    <a href={routeHash(trains.has(row.values.kind) ? "training" : "lineage", row.artifact)}>{name}</a>
                  )}
                  <button
                    type="button"
                    className="quiet square run-annotate"
                    aria-label={`Note and tags of ${name}`}
                    title={row.note ? `${row.note.by}, ${formatMoment(row.note.at)}: ${row.note.text}` : "Note and tags"}
                    onClick={() => onAnnotate(row, name)}
                  >
                    <Icon name={row.note ? "labels" : "plus"} />
                  </button>
                  {row.note && <small className="run-note">{row.note.text}</small>}
                </th>
                {rest.map(c => (
                  <Cell key={c.key} row={row} column={c} />
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface PagesProps {
  readonly offset: number;
  readonly shown: number;
  readonly matched: number;
  readonly size: number;
  onPage(offset: number): void;
}

export const Pages = ({ offset, shown, matched, size, onPage }: PagesProps) => (
  <section className="bar" aria-label="Pages of runs">
    <span className="hint" role="status">
      {matched === 0 ? "No runs" : `${formatNumber(offset + 1)} to ${formatNumber(offset + shown)} of ${formatNumber(matched)} runs`}
    </span>
    {matched > size && (
      <>
        <button type="button" disabled={offset === 0} onClick={() => onPage(Math.max(0, offset - size))}>
          Previous
        </button>
        <button type="button" disabled={offset + size >= matched} onClick={() => onPage(offset + size)}>
          Next
        </button>
      </>
    )}
  </section>
);
