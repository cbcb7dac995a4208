/** Alarms with their evidence: those that are active first on the page, past ones at its end. */
import { useState } from "react";
import { formatAgo, formatDuration, formatMoment, words } from "../format.ts";
import type { WatchAlarm } from "../generated/watch.ts";
import { Facts } from "../parts/facts.tsx";
import { Icon } from "../parts/icons.tsx";
import { Examples } from "./examples.tsx";

const endings: Readonly<Record<NonNullable<WatchAlarm["resolution"]>, string>> = {
  cleared: "",
  adapted: ", until the new level was the baseline",
  noData: ", until there was no data",
};

/** Past ones that are listed. */
const mostPast = 50;

function Alarm({ of: a }: { readonly of: WatchAlarm }) {
  const [isOpen, setOpen] = useState(a.endedAt === null);
  const hasEvidence = typeof a.evidence === "object" && a.evidence !== null && Object.keys(a.evidence).length > 0;
  const head = (
    <>
      <span className={a.endedAt === null ? "tag alarm" : "tag"}>{a.severity}</span> <b>{words(a.monitor)}</b>
      {a.model && ` of ${a.model}`}{" "}
      <small title={formatMoment(a.since)}>
        {a.endedAt === null
          ? `since ${formatAgo(a.since, Date.now())}`
          : `${formatAgo(a.since, Date.now())}, for ${formatDuration(a.endedAt - a.since)}${a.resolution === null ? "" : endings[a.resolution]}`}
      </small>
    </>
  );
  return (
    <li>
      <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>{head}</summary>
        {hasEvidence && <Facts of={a.evidence} />}
        {isOpen && <Examples alarm={a.id} isActive={a.endedAt === null} />}
      </details>
    </li>
  );
}

export function Alarms({ of, isActive }: { readonly of: readonly WatchAlarm[]; readonly isActive: boolean }) {
  const shown = of.filter(a => (a.endedAt === null) === isActive);
  if (shown.length === 0) return null;
  const title = isActive ? (shown.length === 1 ? "An alarm is active" : `${shown.length} alarms are active`) : "Past alarms";
  return (
    <section className={isActive ? "card alarms is-active" : "card alarms"} aria-label={title}>
      <header className="card-head">
        <h2>
          {isActive && <Icon name="alert" />} {title}
        </h2>
      </header>
      <ul>
        {shown.slice(0, isActive ? shown.length : mostPast).map(a => (
          <Alarm key={a.id} of={a} />
        ))}
      </ul>
    </section>
  );
}
