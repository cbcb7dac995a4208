/** Who approved the version that is deployed, and what is known of the deployment itself. */
import { formatMoment, none } from "../format.ts";
import type { DeploymentView } from "../generated/deployments.ts";

type Approval = NonNullable<DeploymentView["deployed"]>["approvals"][number];

const proof = ({ signedBy, isVerified }: Approval): string =>
  signedBy !== null ? "signed" : isVerified ? "unsigned, by account" : "unsigned, name unverified";

export function DeploymentFacts({ of }: { readonly of: DeploymentView }) {
  const { deployed, folder, generation, generations, colors, model } = of;
  return (
    <section className="card" aria-labelledby="deployed">
      <header className="card-head">
        <h2 id="deployed">What is deployed</h2>
      </header>
      <dl className="facts">
        <div>
          <dt>Model</dt>
          <dd>
            {model}
            {deployed?.alias ? `, approved as ${deployed.alias}` : ""}
          </dd>
        </div>
        <div>
          <dt>Folder</dt>
          <dd>
            <code>{folder}</code>
          </dd>
        </div>
        <div>
          <dt>Generation</dt>
          <dd>
            {generation ?? none}
            {generations.length > 0 && ` of ${generations.join(", ")}`}
          </dd>
        </div>
        {colors && (
          <div>
            <dt>Requests</dt>
            <dd>
              {colors.live.color}, version {colors.live.version}
              {colors.idle && `; without: ${colors.idle.color}, version ${colors.idle.version}`}
            </dd>
          </div>
        )}
      </dl>
      <h3>Approvals</h3>
      {!deployed || deployed.approvals.length === 0 ? (
        <p className="hint">
          None: <code>loam models approve</code>.
        </p>
      ) : (
        <ul className="statements">
          {deployed.approvals.map(a => (
            <li key={`${a.alias} ${a.role} ${a.by}`}>
              {a.by} approved it for {a.alias} as {a.role} <span className={a.signedBy === null ? "tag" : "tag strong"}>{proof(a)}</span>
              <br />
              <small>
                {formatMoment(a.atMs)}
                {a.signedBy && (
                  <>
                    , key <code>{a.signedBy}</code>
                  </>
                )}
              </small>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
