/** Named values: a list of pairs, and the wider figures on top of a page. */
import type { ReactNode } from "react";
import { formatValue, label } from "../format.ts";
import { flattened } from "./flattened.ts";

export const Facts = ({ of }: { readonly of: unknown }) => (
  <dl className="facts">
    {flattened(of).map(([name, value]) => (
      <div key={name}>
        <dt>{label(name, value)}</dt>
        <dd>{formatValue(name.split(" ").at(-1)!, value)}</dd>
      </div>
    ))}
  </dl>
);

interface FigureProps {
  readonly label: string;
  readonly children: ReactNode;
  readonly note?: ReactNode;
}

export const Figure = ({ label, children, note }: FigureProps) => (
  <div className="figure">
    <dt>{label}</dt>
    <dd>
      {children}
      {note && <small>{note}</small>}
    </dd>
  </div>
);
