/** Who there is: accounts with their teams and roles, teams, organisations; which of them stand in the file and which in the state. */

import { useState } from "react";
import { ActionButton, MissingRight } from "../actions/action-dialog.tsx";
import type { Permissions } from "../actions/permissions.ts";
import { none } from "../format.ts";
import type { GatewayPrincipal as Principal } from "../generated/gateway.ts";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";
import { Hold } from "./holds.tsx";

const kinds: Readonly<Record<Principal["kind"], string>> = {
  organisations: "organisation",
  teams: "team",
  users: "user",
  serviceAccounts: "service account",
};

export const originOf = ({ origin, revision }: { readonly origin: string; readonly revision: number | null }): string =>
  origin === "file" ? "the file" : `the state, revision ${revision}`;

const list = (names: readonly string[] | undefined): string => (names && names.length > 0 ? names.join(", ") : none);

interface TableProps {
  readonly of: readonly Principal[];
  readonly permissions: Permissions;
  onHold(principal: Principal): void;
}

const Table = ({ of, permissions, onHold }: TableProps) => (
  <div className="table-frame">
    <table className="rows stacked">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">What</th>
          <th scope="col">Roles</th>
          <th scope="col">Teams</th>
          <th scope="col">Organisation</th>
          <th scope="col">Stands in</th>
          <th scope="col">
            <span className="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {of.map(p => (
          <tr key={`${p.kind}/${p.name}`}>
            <th scope="row">
              {p.name} {p.disabled && <span className="tag bad">disabled</span>}
            </th>
            <td data-label="What">{kinds[p.kind]}</td>
            <td data-label="Roles">{list(p.roles)}</td>
            <td data-label="Teams">{list(p.teams)}</td>
            <td data-label="Organisation">{p.organisation ?? none}</td>
            <td data-label="Stands in">{originOf(p)}</td>
            <td className="row-links">
              <ActionButton
                missing={permissions.missing("change")}
                className="quiet"
                icon="stop"
                label={`Hold ${p.name}`}
                onClick={() => onHold(p)}
              >
                Hold
              </ActionButton>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

interface PrincipalsProps {
  readonly permissions: Permissions;
  /** One was put on hold. */
  onHeld(): void;
}

export function Principals({ permissions, onHeld }: PrincipalsProps) {
  const [held, setHeld] = useState<Principal | null>(null);
  const principals = useResource("gateway principals", gateway.principals);
  return (
    <section className="card" aria-label="Principals">
      <header className="card-head">
        <h2>Principals</h2>
        <p>
          What stands in the file is changed there; the rest with <code>loam gateway principals</code> or over HTTP.
        </p>
      </header>
      <Loaded resource={principals} what="principals">
        {({ data }) =>
          data.length === 0 ? <p className="hint">There are none.</p> : <Table of={data} permissions={permissions} onHold={setHeld} />
        }
      </Loaded>
      <MissingRight missing={permissions.missing("change")} />
      {held && <Hold kind={held.kind} name={held.name} onDone={onHeld} onClose={() => setHeld(null)} />}
    </section>
  );
}
