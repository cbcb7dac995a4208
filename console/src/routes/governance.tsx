/** Governance: the log of acts, and reports for laws and frameworks. The address has what is shown: `acts`, `acts-review`, `annex-iv`. */
import { type ActKind, Acts, actKinds } from "../governance/acts.tsx";
import { Report, reportKinds } from "../governance/report.tsx";
import { Unknown } from "../parts/notice.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { routeHash } from "../route.ts";

const views = ["acts", ...reportKinds] as const;
const names = { acts: "Log of acts", "annex-iv": "AI Act, Annex IV", "nist-rmf": "NIST AI RMF", "gdpr-records": "GDPR, Article 30" };

const show = (id: string) => {
  location.hash = routeHash("governance", id);
};

export function Governance({ id }: { readonly id: string | null }) {
  const report = reportKinds.find(k => k === id);
  const kind: ActKind | null = actKinds.find(k => id === `acts-${k}`) ?? null;
  return (
    <>
      <header className="page-head">
        <h1>Governance</h1>
        <Segmented label="What to show" options={views} names={names} value={report ?? "acts"} onChange={show} />
      </header>
      {id !== null && id !== "acts" && !report && !kind ? (
        <Unknown what="report or log" id={id} />
      ) : report ? (
        <Report kind={report} />
      ) : (
        <Acts kind={kind} onKind={k => show(k === null ? "acts" : `acts-${k}`)} />
      )}
    </>
  );
}
