/** What `loam deploy diff` says of a deployment: versions, wishes, files, and objects of the cluster. */
import type { DeploymentView } from "../generated/deployments.ts";
import { CopyButton } from "../parts/copy.tsx";

/** Files and fields that a list names; the rest is a number. */
const mostShown = 12;

const absent = "absent";

function More({ of, what }: { readonly of: number; readonly what: string }) {
  return of > mostShown ? (
    <li>
      and {of - mostShown} more {what}
    </li>
  ) : null;
}

const Cluster = ({ of }: { readonly of: NonNullable<DeploymentView["cluster"]> }) =>
  "unreachable" in of ? (
    <li>
      <span className="tag bad">cluster unreachable</span> {of.unreachable}
    </li>
  ) : (
    <>
      {of.drift.map(d => (
        <li key={d.object}>
          <span className="tag bad">{d.drift}</span> {d.object}
          {d.fields.slice(0, mostShown).map(f => (
            <small key={f.path}>
              {" "}
              <code>{f.path}</code>: there {f.there ?? absent}, manifest {f.manifest ?? absent}
            </small>
          ))}
        </li>
      ))}
      {of.rollouts.map(r => (
        <li key={r.object}>
          {r.object}: {r.ready} of {r.wanted} pods ready, {r.updated} of them updated
        </li>
      ))}
    </>
  );

export function Difference({ of }: { readonly of: DeploymentView }) {
  const { name, generation, deployedVersion, registryVersion, files, wishes, cluster, isSame } = of;
  return (
    <section className="card" aria-labelledby="difference">
      <header className="card-head">
        <h2 id="difference">Differences</h2>
      </header>
      {isSame && <p className="hint">None: versions, wishes of loam.yaml and files{cluster ? ", and the cluster" : ""}.</p>}
      <ul className="statements">
        {deployedVersion !== registryVersion && (
          <li>
            {generation === null ? (
              <>
                Never applied. <code>loam deploy apply {name}</code> writes version {registryVersion ?? "–"}.
              </>
            ) : (
              <>
                {of.model} is {registryVersion === null ? "gone" : `version ${registryVersion}`}; version {deployedVersion} is deployed.{" "}
                {registryVersion !== null && <code>loam deploy apply {name}</code>}
              </>
            )}
          </li>
        )}
        {wishes.map(w => (
          <li key={w.key}>
            <code>{w.key}</code>: deployed {w.from ?? absent}, loam.yaml {w.to ?? absent}
          </li>
        ))}
        {files.slice(0, mostShown).map(f => (
          <li key={f.path}>
            <span className="tag bad">{f.change}</span> <code>{f.path}</code>
          </li>
        ))}
        <More of={files.length} what="files" />
        {cluster && <Cluster of={cluster} />}
      </ul>
      <CopyButton text={`loam deploy diff ${name}`} label="Copy the command" />
    </section>
  );
}
