/** Data: what curation did with every document, as `loam data report` says it. */
import { api } from "../api.ts";
import { Clusters } from "../data/clusters.tsx";
import { FacetCard } from "../data/facets.tsx";
import { Funnel } from "../data/funnel.tsx";
import { Histogram } from "../data/histogram.tsx";
import { Next } from "../data/next.tsx";
import { Examples, Rules } from "../data/rules.tsx";
import { formatAgo, formatBytes, formatCount } from "../format.ts";
import type { DataReport, DataSet } from "../generated/server.ts";
import { Id } from "../parts/copy.tsx";
import { Figure } from "../parts/facts.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const figuresOf = ({ funnel, clusters }: DataReport) => {
  const of = (what: DataReport["funnel"][number]["what"]) => funnel.find(r => r.what === what);
  const [read, kept, train, heldOut] = [of("read"), of("kept"), of("train"), of("held-out")];
  const size = (bytes: number | undefined) => (bytes === undefined ? null : formatBytes(bytes));
  return (
    <dl className="figures">
      <Figure label="Read" note={`${formatCount(of("set aside")?.documents ?? 0)} set aside`}>
        {formatCount(read?.documents ?? 0)}
      </Figure>
      <Figure label="Kept" note={size(kept?.bytes)}>
        {formatCount(kept?.documents ?? 0)}
      </Figure>
      <Figure label="Dropped" note={`${formatCount(clusters.copies)} of them copies`}>
        {formatCount(kept?.dropped ?? 0)}
      </Figure>
      <Figure label="Train" note={size(train?.bytes)}>
        {formatCount(train?.documents ?? 0)}
      </Figure>
      <Figure label="Held out" note={size(heldOut?.bytes)}>
        {formatCount(heldOut?.documents ?? 0)}
      </Figure>
    </dl>
  );
};

const Reasons = ({ report: { reasons } }: { readonly report: DataReport }) => (
  <section className="card">
    <header className="card-head">
      <h2>Why documents went</h2>
    </header>
    {reasons.length === 0 ? (
      <p className="hint">None went.</p>
    ) : (
      <dl className="bars">
        {reasons.slice(0, 12).map(r => (
          <div key={r.reason}>
            <dt>
              <code>{r.reason}</code>
            </dt>
            <dd className="number">{formatCount(r.documents)}</dd>
            <dd className="bars-bar">
              <i className="lost" style={{ width: `${(100 * r.documents) / (reasons[0]?.documents || 1)}%` }} />
            </dd>
          </div>
        ))}
      </dl>
    )}
  </section>
);

const Edits = ({ edits }: { readonly edits: DataReport["edits"] }) => (
  <section className="card">
    <header className="card-head">
      <h2>Edits</h2>
      <p>The text is shown as it was after them; the text before is in the source.</p>
    </header>
    {edits.map(e => (
      <Examples
        key={`${e.step}/${e.rule}`}
        label={`${e.step}/${e.rule}: ${formatCount(e.documents)} documents${e.times === null || e.times === e.documents ? "" : `, ${formatCount(e.times)} times`}`}
        of={e.examples}
      />
    ))}
  </section>
);

function Report({ report }: { readonly report: DataReport }) {
  return (
    <>
      {figuresOf(report)}
      {report.notes.map(n => (
        <p key={n} className="hint">
          {n}
        </p>
      ))}
      <section className="card">
        <header className="card-head">
          <h2>From what was read to what is trained on</h2>
        </header>
        <Funnel rows={report.funnel} />
      </section>
      <Reasons report={report} />
      {report.rules.length > 0 && (
        <>
          <h2>Measured values, and where their thresholds stand</h2>
          <Rules rules={report.rules} />
        </>
      )}
      {report.clusters.largest.length > 0 && (
        <section className="card">
          <header className="card-head">
            <h2>Copies</h2>
            <p>
              {formatCount(report.clusters.copies)} went for {formatCount(report.clusters.stay)} that stay; the largest groups:
            </p>
          </header>
          <Clusters clusters={report.clusters.largest} />
        </section>
      )}
      {report.edits.length > 0 && <Edits edits={report.edits} />}
      {report.facets.map(f => (
        <FacetCard key={f.name} facet={f} />
      ))}
      {report.sizes && (
        <section className="card">
          <header className="card-head">
            <h2>Bytes of a kept document</h2>
          </header>
          <Histogram of={report.sizes} name="Bytes of a kept document" />
        </section>
      )}
    </>
  );
}

/** A link for each data set, where there are several. */
const Choice = ({ sets, chosen }: { readonly sets: readonly DataSet[]; readonly chosen: DataSet }) =>
  sets.length < 2 ? null : (
    <span className="choice">
      {sets.map(s => (
        <a key={s.name} className="tag" href={routeHash("data", s.name)} aria-current={s === chosen ? "true" : undefined}>
          {s.name}
        </a>
      ))}
    </span>
  );

function Chosen({ set, sets }: { readonly set: DataSet; readonly sets: readonly DataSet[] }) {
  const report = useResource(`data ${set.artifact}`, signal => api.dataReport(set.artifact, signal));
  return (
    <>
      <div className="subject">
        <h2>{set.name}</h2>
        <Id id={set.artifact} />
        <span className="hint">{formatAgo(set.createdAt, Date.now())}</span>
        <a href={routeHash("lineage", set.artifact)}>Lineage</a>
        <Choice sets={sets} chosen={set} />
      </div>
      <Loaded resource={report} what="the report">
        {r => (
          <>
            <Report report={r} />
            <Next name={set.name} />
          </>
        )}
      </Loaded>
    </>
  );
}

export function Data({ id }: { readonly id: string | null }) {
  const sets = useResource("data sets", api.dataSets, { on: ["artifacts"] });
  return (
    <>
      <header className="page-head">
        <h1>Data</h1>
      </header>
      <Loaded resource={sets} what="data sets">
        {all => {
          const set = all.find(s => s.name === id || s.artifact === id) ?? all[0];
          return set ? (
            <Chosen set={set} sets={all} />
          ) : (
            <Empty icon="data" title="No data yet">
              <p>
                <code>loam data run</code> curates the sources of <code>loam.yaml</code>: every document that goes, goes with a reason, and
                the reasons are here.
              </p>
            </Empty>
          );
        }}
      </Loaded>
    </>
  );
}
