/** Runs summed up by the values of a column: how many, and mean, least and greatest of each number, one row per unit. */
import { formatNumber, formatWait, none } from "../format.ts";
import type { RunColumn, RunGroup, RunGroupMetric } from "../generated/runs.ts";
import { cellText, columnLabel } from "./cells.ts";

interface GroupsProps {
  readonly column: RunColumn;
  readonly groups: readonly RunGroup[];
  /** Numbers of these columns are shown. */
  readonly columns: readonly RunColumn[];
  onOpen(value: string | number | null): void;
}

const numbers: ReadonlySet<string> = new Set(["number", "duration"]);

/** Keys and units of the numbers that a group has. */
const headsOf = (groups: readonly RunGroup[], columns: readonly RunColumn[]): Pick<RunGroupMetric, "key" | "unit">[] =>
  columns
    .filter(c => numbers.has(c.type))
    .flatMap(({ key }) => {
      const units = new Set(groups.flatMap(g => g.metrics.filter(m => m.key === key).map(m => m.unit)));
      return [...units].map(unit => ({ key, unit }));
    });

export function Groups({ column, groups, columns, onOpen }: GroupsProps) {
  const heads = headsOf(groups, columns);
  const shown = (key: string, value: number) =>
    columns.find(c => c.key === key)?.type === "duration" ? formatWait(value) : formatNumber(value);
  return (
    <div className="table-frame">
      <table className="rows">
        <caption className="hidden">Runs by {columnLabel(column)}: mean, least and greatest</caption>
        <thead>
          <tr>
            <th scope="col">{columnLabel(column)}</th>
            <th scope="col" className="number">
              Runs
            </th>
            {heads.map(({ key, unit }) => (
              <th key={`${key} ${unit}`} scope="col" className="number">
                {columnLabel({ key })} {unit && <small>{unit}</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.map(({ value, count, metrics }) => (
            <tr key={String(value)}>
              <th scope="row">
                <button type="button" className="quiet" onClick={() => onOpen(value)}>
                  {value === null ? "none" : cellText(value, column.type, Date.now())}
                </button>
              </th>
              <td className="number">{formatNumber(count)}</td>
              {heads.map(({ key, unit }) => {
                const metric = metrics.find(m => m.key === key && m.unit === unit);
                return (
                  <td key={`${key} ${unit}`} className="number">
                    {metric === undefined ? (
                      none
                    ) : (
                      <>
                        {shown(key, metric.mean)}{" "}
                        <small>
                          {shown(key, metric.min)} to {shown(key, metric.max)}
                        </small>
                      </>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
