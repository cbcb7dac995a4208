/** A report for a law or framework: what the artifact store shows, and every gap by name. */
import type { GovernanceReport } from "../generated/governance.ts";
import { CopyButton, Id } from "../parts/copy.tsx";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { governance } from "./api.ts";

export const reportKinds = ["annex-iv", "nist-rmf", "gdpr-records"] as const;
export type ReportKind = (typeof reportKinds)[number];

type Section = GovernanceReport["sections"][number];

const SectionPart = ({ section }: { readonly section: Section }) => (
  <section aria-label={`${section.number} ${section.title}`}>
    <h3>
      {section.number}. {section.title}
      {section.missing.length > 0 && <span className="tag bad">{section.missing.length} missing</span>}
    </h3>
    <ul className="statements">
      {section.statements.map(s => (
        <li key={s.text}>
          {s.text}
          {s.evidence.map(e => (
            <small key={e.what}>
              {" "}
              {e.what} <Id id={e.digest} short={e.digest.slice(0, 12)} />
            </small>
          ))}
        </li>
      ))}
      {section.missing.map(gap => (
        <li key={gap} className="gap">
          <strong>Missing</strong> {gap.split("`").map((part, at) => (at % 2 === 0 ? part : <code key={part}>{part}</code>))}
        </li>
      ))}
    </ul>
  </section>
);

const Duties = ({ of }: { readonly of: GovernanceReport["duties"] }) => (
  <>
    <h2>Dates of duties</h2>
    <p className="hint">Laws change: check each date against its source.</p>
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Duty</th>
            <th scope="col">Source</th>
            <th scope="col">Last checked</th>
          </tr>
        </thead>
        <tbody>
          {of.map(d => (
            <tr key={`${d.source} ${d.duty}`}>
              <th scope="row">{d.from ?? "no date"}</th>
              <td data-label="Duty" className="text">
                {d.duty}
              </td>
              <td data-label="Source" className="text">
                {d.source}
              </td>
              <td data-label="Last checked">{d.checked}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </>
);

export function Report({ kind }: { readonly kind: ReportKind }) {
  const report = useResource(`governance report ${kind}`, signal => governance.report(kind, signal), { on: ["artifacts"] });
  return (
    <Loaded resource={report} what="the report">
      {r => (
        <>
          <div className="subject">
            <h2>{r.title}</h2>
            <CopyButton text={`loam report ${kind} --out ${kind}.md`} label="Copy the command" />
          </div>
          <p className="hint">
            {r.source}. {r.missing === 0 ? "No gaps." : `${r.missing} gaps.`} This page lists what the artifact store shows; whether that
            meets a duty is for a person to decide. Statements of people stand under <code>governance</code> in loam.yaml.
          </p>
          <div className="report">
            {r.sections.map(section => (
              <SectionPart key={section.number} section={section} />
            ))}
          </div>
          <Duties of={r.duties} />
        </>
      )}
    </Loaded>
  );
}
