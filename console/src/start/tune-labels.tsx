/** Label sets with enough labels: each leads to the form of a classifier that is tuned on them. */
import { useState } from "react";
import { ActionButton } from "../actions/action-dialog.tsx";
import { api } from "../api.ts";
import { formatCount } from "../format.ts";
import type { LabelState } from "../generated/server.ts";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

/** Labels of a class that a classifier is tuned on at least: fewer leave nothing to hold out. */
const leastPerClass = 5;

function LabelSet({ of, missing }: { readonly of: LabelState; readonly missing: string | null }) {
  const [name, setName] = useState(`${of.name}-classifier`);
  const least = leastPerClass * of.classes.length;
  const few = of.decided >= least ? null : `${of.name} has ${of.decided} labels; at least ${least} are needed.`;
  return (
    <li className="bar">
      <span>
        {of.name}: {formatCount(of.decided)} of {formatCount(of.texts)} texts labelled ({of.classes.join(", ")})
      </span>
      <label className="push">
        <span className="hidden">Name of the model</span>
        <input value={name} onChange={e => setName(e.target.value)} pattern="[A-Za-z0-9][A-Za-z0-9\-]*" />
      </label>
      <ActionButton
        missing={missing ?? few}
        label={`Tune a classifier from ${of.name}`}
        onClick={() => {
          location.hash = routeHash("start", `models.${name}`, { labels: of.name });
        }}
      >
        Tune…
      </ActionButton>
    </li>
  );
}

export function TuneFromLabels({ missing }: { readonly missing: string | null }) {
  const sets = useResource("labels", api.labelSets, { on: ["labels"] });
  if (!sets.data || sets.data.length === 0) return null;
  return (
    <section className="card" aria-label="Tune from labels">
      <header className="card-head">
        <h2>Tune from labels</h2>
        <p>Adds a classifier to loam.yaml that learns from what people labelled, and the data set that reads it.</p>
      </header>
      <ul className="start-labels">
        {sets.data.map(s => (
          <LabelSet key={s.name} of={s} missing={missing} />
        ))}
      </ul>
    </section>
  );
}
