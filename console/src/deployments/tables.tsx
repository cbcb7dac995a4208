/** Tables of deployments: all of them, and the acts of one. */
import { ActionButton } from "../actions/action-dialog.tsx";
import type { Permissions } from "../actions/permissions.ts";
import { formatAgo, formatMoment, none } from "../format.ts";
import type { DeploymentAct, DeploymentView } from "../generated/deployments.ts";
import { Id } from "../parts/copy.tsx";
import { routeHash } from "../route.ts";

const short = (digest: string): string => digest.slice(0, 12);
/** `mail-small@prod` is of the model mail-small. */
export const versionId = ({ model }: Pick<DeploymentView, "model">, version: number): string => `${model.split("@")[0]}@${version}`;

const isWell = (state: DeploymentView["state"]): boolean => state === "current";

export const State = ({ of }: { readonly of: DeploymentView["state"] }) => (
  <span className={isWell(of) ? "tag strong" : of === "absent" || of === "rolling" || of === "preview" ? "tag" : "tag bad"}>{of}</span>
);

export function By({ of: { by, isVerified } }: { readonly of: Pick<DeploymentAct, "by" | "isVerified"> }) {
  return (
    <span>
      {by}
      {!isVerified && <small> (unverified)</small>}
    </span>
  );
}

const Approvals = ({ of: { deployed } }: { readonly of: DeploymentView }) => (
  <span>
    {deployed === null || deployed.approvals.length === 0
      ? none
      : deployed.approvals.map((a, i) => (
          <span key={`${a.alias} ${a.role} ${a.by}`}>
            {i > 0 && ", "}
            <By of={a} />
          </span>
        ))}
  </span>
);

interface AllProps {
  readonly of: readonly DeploymentView[];
  readonly chosen: string;
}

export const AllDeployments = ({ of, chosen }: AllProps) => (
  <div className="table-frame">
    <table className="rows stacked">
      <thead>
        <tr>
          <th scope="col">Deployment</th>
          <th scope="col">Target</th>
          <th scope="col">Version</th>
          <th scope="col">Fingerprint</th>
          <th scope="col">Digest</th>
          <th scope="col">Deployed</th>
          <th scope="col">Approved by</th>
        </tr>
      </thead>
      <tbody>
        {of.map(d => (
          <tr key={d.name} className={d.name === chosen ? "is-chosen" : ""}>
            <th scope="row">
              <span className="version">
                <a href={routeHash("deployments", d.name)} aria-current={d.name === chosen ? "true" : undefined}>
                  {d.name}
                </a>
                <State of={d.state} />
              </span>
            </th>
            <td data-label="Target">{d.target}</td>
            <td data-label="Version">
              {d.deployedVersion === null ? (
                none
              ) : (
                <a href={routeHash("releases", versionId(d, d.deployedVersion))}>{versionId(d, d.deployedVersion)}</a>
              )}
            </td>
            <td data-label="Fingerprint">{d.deployed ? <Id id={d.deployed.fingerprint} short={short(d.deployed.fingerprint)} /> : none}</td>
            <td data-label="Digest">{d.deployed ? <Id id={d.deployed.plan} short={short(d.deployed.plan)} /> : none}</td>
            <td data-label="Deployed" className="text" title={d.deployed?.since ? formatMoment(d.deployed.since.atMs) : undefined}>
              {d.deployed?.since ? (
                <span>
                  {formatAgo(d.deployed.since.atMs, Date.now())} by <By of={d.deployed.since} />
                </span>
              ) : (
                none
              )}
            </td>
            <td data-label="Approved by" className="text">
              <Approvals of={d} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

interface ActsProps {
  readonly of: DeploymentView;
  readonly permissions: Permissions;
  onRollback(generation: number): void;
}

/** Every act, with a rollback beside the newest act of each generation that is kept. */
export function DeploymentActs({ of, permissions, onRollback }: ActsProps) {
  if (of.acts.length === 0) return <p className="hint">No act is in the log.</p>;
  const newest = new Map(of.generations.map(g => [g, of.acts.find(a => a.generation === g)]));
  return (
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">Generation</th>
            <th scope="col">Act</th>
            <th scope="col">Version</th>
            <th scope="col">When</th>
            <th scope="col">By</th>
            <th scope="col">Digest</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {of.acts.map(a => (
            <tr key={`${a.atMs} ${a.act} ${a.generation}`}>
              <th scope="row">
                <span className="version">
                  {a.generation}
                  {a.generation === of.generation && newest.get(a.generation) === a && <span className="tag strong">current</span>}
                </span>
              </th>
              <td data-label="Act">{a.act}</td>
              <td data-label="Version">
                <a href={routeHash("releases", versionId(of, a.version))}>{versionId(of, a.version)}</a>
              </td>
              <td data-label="When" title={formatMoment(a.atMs)}>
                {formatAgo(a.atMs, Date.now())}
              </td>
              <td data-label="By" className="text">
                <By of={a} />
              </td>
              <td data-label="Digest">
                <Id id={a.plan} short={short(a.plan)} />
              </td>
              <td className="row-links">
                {a.generation !== of.generation && newest.get(a.generation) === a && (
                  <ActionButton
                    missing={permissions.missing("project")}
                    label={`Roll ${of.name} back to generation ${a.generation}`}
                    onClick={() => onRollback(a.generation)}
                  >
                    Roll back…
                  </ActionButton>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
