/** Data: what curation did with every document, as `loam data report` says it. */
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { ClusterList } from "../data/cluster-list.tsx";
import { Clusters } from "../data/clusters.tsx";
import { DocumentPage } from "../data/document.tsx";
import { DocumentTable } from "../data/documents.tsx";
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
import { Segmented } from "../parts/segmented.tsx";
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

function ReportView({ set }: { readonly set: DataSet }) {
  const report = useResource(`data ${set.artifact}`, signal => api.dataReport(set.artifact, signal));
  return (
    <Loaded resource={report} what="the report">
      {r => (
        <>
          <Report report={r} />
          <Next name={set.name} />
        </>
      )}
    </Loaded>
  );
}

const views = ["report", "documents", "clusters"] as const;
type View = (typeof views)[number];
const viewNames: Record<View, string> = { report: "Report", documents: "Documents", clusters: "Clusters" };
const isView = (text: string): text is View => (views as readonly string[]).includes(text);

function Chosen({ set, sets }: { readonly set: DataSet; readonly sets: readonly DataSet[] }) {
  const [view, setView] = useChoice("view", "report");
  const [document, setDocument] = useChoice("document");
  return (
    <>
      <div className="subject">
        <h2>{set.name}</h2>
        <Id id={set.artifact} />
        <span className="hint">{formatAgo(set.createdAt, Date.now())}</span>
        <a href={routeHash("lineage", set.artifact)}>Lineage</a>
        <Choice sets={sets} chosen={set} />
      </div>
      {document === "" && (
        <Segmented label="View" options={views} value={isView(view) ? view : "report"} onChange={setView} names={viewNames} />
      )}
      {document !== "" ? (
        <DocumentPage artifact={set.artifact} id={document} onOpen={setDocument} />
      ) : view === "documents" ? (
        <DocumentTable artifact={set.artifact} onOpen={setDocument} />
      ) : view === "clusters" ? (
        <ClusterList artifact={set.artifact} onOpen={setDocument} />
      ) : (
        <ReportView set={set} />
      )}
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
          const set = id === null ? all[0] : all.find(s => s.name === id || s.artifact === id);
          if (!set && all.length > 0)
            return (
              <Empty icon="data" title={`No data set named ${id}`}>
                <p>
                  There {all.length === 1 ? "is" : "are"}{" "}
                  {all.map(s => (
                    <a key={s.name} className="tag" href={routeHash("data", s.name)}>
                      {s.name}
                    </a>
                  ))}
                  .
                </p>
              </Empty>
            );
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
