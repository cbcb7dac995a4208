/** A table of figures: what each row is called, then its numbers. */
import type { ReactNode } from "react";

interface NumberTableProps {
  readonly head: readonly string[];
  readonly rows: readonly (readonly ReactNode[])[];
}

export const NumberTable = ({ head, rows }: NumberTableProps) => (
  <div className="scrolled">
    <div className="scrolled">
      <table className="bits">
        <thead>
          <tr>
            {head.map((name, i) => (
              <th key={name} scope="col" className={i ? "number" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells], r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows and cells are their places.
            <tr key={r}>
              <th scope="row">{name}</th>
              {cells.map((cell, i) => (
                <td key={head[i + 1]} className="number">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </div>
);
