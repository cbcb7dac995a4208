/** Tables of a model's aliases, versions and moves. */

import { useState } from "react";
import { ActionButton } from "../actions/action-dialog.tsx";
import type { Permissions } from "../actions/permissions.ts";
import { formatAgo, formatMoment, none } from "../format.ts";
import type { ModelReleases } from "../generated/server.ts";
import { routeHash } from "../route.ts";
import { Rollback } from "./actions.tsx";
import { GateRow } from "./gate-row.tsx";

const versionOf = (model: string, number: number | null): string => (number === null ? "none" : `${model}@${number}`);

interface AliasesProps {
  readonly of: ModelReleases;
  readonly permissions: Permissions;
  onDone(): void;
}

export function Aliases({ of: { model, aliases, history }, permissions, onDone }: AliasesProps) {
  // as it was when it was opened: the table changes under the dialog
  const [open, setOpen] = useState<{ readonly alias: string; readonly from: number | null; readonly to: number } | null>(null);
  if (aliases.length === 0)
    return (
      <p className="hint">
        No alias yet. <code>loam models promote {model}@latest prod</code> gives one.
      </p>
    );
  return (
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">Alias</th>
            <th scope="col">Version</th>
            <th scope="col">Last moved</th>
            <th scope="col">A rollback goes to</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {aliases.map(({ alias, holder, isGuarded, goesBackTo }) => {
            const last = history.find(m => m.alias === alias);
            return (
              <tr key={alias}>
                <th scope="row">
                  <span className="version">
                    {alias}
                    <span className="tag">{isGuarded ? "guarded" : "free"}</span>
                  </span>
                </th>
                <td data-label="Version">
                  {holder === null ? "none" : <a href={routeHash("releases", versionOf(model, holder))}>{versionOf(model, holder)}</a>}
                </td>
                <td data-label="Last moved" title={last && formatMoment(last.at)}>
                  {last ? `${formatAgo(last.at, Date.now())}${last.by === null ? "" : ` by ${last.by}`}` : none}
                </td>
                <td data-label="A rollback goes to">{goesBackTo === null ? "nothing before" : versionOf(model, goesBackTo)}</td>
                <td className="row-links">
                  {goesBackTo !== null && (
                    <ActionButton
                      missing={permissions.missing("project")}
                      label={`Roll ${alias} back`}
                      onClick={() => setOpen({ alias, from: holder, to: goesBackTo })}
                    >
                      Roll back…
                    </ActionButton>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {open && <Rollback model={model} {...open} onDone={onDone} onClose={() => setOpen(null)} />}
    </div>
  );
}

export const Versions = ({ of: { versions }, chosen }: { readonly of: ModelReleases; readonly chosen: string }) => (
  <div className="table-frame">
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">Registered</th>
          <th scope="col" className="wide">
            <span className="hidden">Elsewhere</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map(v => (
          <tr key={v.id} className={v.id === chosen ? "is-chosen" : ""}>
            <th scope="row">
              <span className="version">
                <a href={routeHash("releases", v.id)} aria-current={v.id === chosen ? "true" : undefined}>
                  {v.id}
                </a>
                {v.aliases.map(a => (
                  <span key={a} className="tag">
                    {a}
                  </span>
                ))}
                {v.isArchived && <span className="tag bad">archived</span>}
              </span>
            </th>
            <td title={formatMoment(v.createdAt)}>{formatAgo(v.createdAt, Date.now())}</td>
            <td className="row-links wide">
              <a href={routeHash("evaluations", v.id)}>Evaluations</a>
              <a href={routeHash("training", v.artifact)}>Training</a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const kinds: Readonly<Record<string, string>> = { promote: "promoted", rollback: "rolled back", set: "set", remove: "taken away" };

export function History({ of: { model, history } }: { readonly of: ModelReleases }) {
  if (history.length === 0) return <p className="hint">No alias has been moved.</p>;
  return (
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">Alias</th>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">By</th>
            <th scope="col">Why, and the verdict of then</th>
          </tr>
        </thead>
        <tbody>
          {history.map(m => (
            <tr key={`${m.at} ${m.alias} ${m.kind}`}>
              <th scope="row">{m.alias}</th>
              <td data-label="When" title={formatMoment(m.at)}>
                {formatAgo(m.at, Date.now())}
              </td>
              <td data-label="What">
                {kinds[m.kind] ?? m.kind}: {versionOf(model, m.previous)} → {versionOf(model, m.number)}
              </td>
              <td data-label="By">{m.by ?? none}</td>
              <td className="text">
                {m.reason}
                {m.verdict?.gates && m.verdict.gates.length > 0 && (
                  <details className="examples">
                    <summary>
                      {m.verdict.gates.length === 1 ? "1 condition was met" : `${m.verdict.gates.length} conditions were met`}
                    </summary>
                    {m.verdict.gates.map(g => (
                      <GateRow key={g.gate} gate={g} />
                    ))}
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
