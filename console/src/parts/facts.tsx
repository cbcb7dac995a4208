/** Named values: a list of pairs, and the wider figures on top of a page. */
import type { ReactNode } from "react";
import { formatValue, label } from "../format.ts";
import { flattened } from "./flattened.ts";

interface FactsProps {
  readonly of: unknown;
  /** Names are names of things (files), not words. */
  readonly isVerbatim?: boolean;
}

export const Facts = ({ of, isVerbatim = false }: FactsProps) => (
  <dl className="facts">
    {flattened(of).map(([name, value]) => (
      <div key={name}>
        <dt>{isVerbatim ? <code>{name}</code> : label(name, value)}</dt>
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
