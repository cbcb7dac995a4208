/** What the guarded aliases ask of a version, and what of it is met, in the registry's own words. */

import { useState } from "react";
import { ActionButton, MissingRight } from "../actions/action-dialog.tsx";
import type { Permissions } from "../actions/permissions.ts";
import type { Verdicts } from "../generated/server.ts";
import { Approve, Promote, roleOf } from "./actions.tsx";
import { GateRow } from "./gate-row.tsx";

type Open = { readonly alias: string | null; readonly role?: string } | null;

interface GatesProps {
  readonly of: Verdicts;
  readonly permissions: Permissions;
  /** Something was changed. */
  onDone(): void;
}

export function Gates({ of, permissions, onDone }: GatesProps) {
  const { id, gates, looks = [] } = of;
  const [open, setOpen] = useState<Open>(null);
  const missing = permissions.missing("project");
  const close = () => setOpen(null);
  return (
    <section className="card" aria-labelledby="gates">
      <header className="card-head">
        <h2 id="gates">What aliases ask of it</h2>
        <p>
          Judged now, by <code>releases</code> of loam.yaml. A promotion is judged again in its own transaction.
        </p>
      </header>
      {looks.map(line => (
        <p key={line} className="hint">
          {line}
        </p>
      ))}
      {gates.length === 0 ? (
        <p className="hint">
          No alias of this model is guarded: <code>releases</code> in loam.yaml does.
        </p>
      ) : (
        <div className="gates">
          {gates.map(({ alias, holder, passed, gates: asked }) => {
            const isHolder = holder !== null && id.endsWith(`@${holder}`);
            return (
              <div key={alias}>
                <h3>
                  {alias}
                  <span className={passed ? "tag strong" : "tag bad"}>
                    {isHolder ? "has it" : passed ? "may have it" : "may not have it"}
                  </span>
                  {!isHolder && (
                    <ActionButton missing={missing} label={`Promote ${id} to ${alias}`} onClick={() => setOpen({ alias })}>
                      Promote…
                    </ActionButton>
                  )}
                  {asked
                    .filter(g => g.kind === "approval")
                    .map(g => (
                      <ActionButton
                        key={g.gate}
                        missing={missing}
                        label={`Approve ${id} for ${alias} as ${roleOf(g.gate)}`}
                        onClick={() => setOpen({ alias, role: roleOf(g.gate) })}
                      >
                        Approve…
                      </ActionButton>
                    ))}
                </h3>
                {asked.length === 0 ? <p className="hint">It asks for nothing.</p> : asked.map(g => <GateRow key={g.gate} gate={g} />)}
              </div>
            );
          })}
        </div>
      )}
      <div className="bar">
        <ActionButton missing={missing} label={`Promote ${id} to another alias`} onClick={() => setOpen({ alias: null })}>
          Promote to another alias…
        </ActionButton>
      </div>
      <MissingRight missing={missing} />
      {open?.role === undefined
        ? open && <Promote of={of} alias={open.alias} onDone={onDone} onClose={close} />
        : open.alias !== null && <Approve id={id} alias={open.alias} role={open.role} onDone={onDone} onClose={close} />}
    </section>
  );
}
