/** Labels: people put texts into classes, what the model is least sure of first; the answers are a file of the project that tuning reads. */
import { useCallback, useEffect, useState } from "react";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { formatCount, formatFixed } from "../format.ts";
import type { LabelBatch, LabelState } from "../generated/server.ts";
import "../data/explorer.css";
import { Desk } from "../labels/desk.tsx";
import { Disagreements, whoOf } from "../labels/disagreements.tsx";
import { Figure } from "../parts/facts.tsx";
import { Empty, Loaded, Unknown, Waiting } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const nameKey = "loam.console.labeller";

const measures = { Cohen: "Cohen's kappa", Fleiss: "Fleiss' kappa", Krippendorff: "Krippendorff's alpha" } as const;

/** All label sets of the project, with how far each is. */
const Sets = ({ all, name }: { readonly all: readonly LabelState[]; readonly name: string | null }) => (
  <ul className="card story-like" aria-label="Label sets">
    {all.map(s => (
      <li key={s.name} className="bar">
        <a href={routeHash("labels", s.name)} aria-current={s.name === name ? "page" : undefined}>
          {s.name}
        </a>
        <small>
          {s.on}; {s.kind === "one" ? "one class" : s.kind === "several" ? "several classes" : "ranges"}
        </small>
        <progress className="push" max={Math.max(1, s.texts)} value={s.decided} aria-label={`Labelled of ${s.name}`} />
        <small>
          {formatCount(s.decided)} of {formatCount(s.texts)}
        </small>
        {s.disagreements > 0 && (
          <a href={routeHash("labels", s.name, { view: "disagreements" })}>{formatCount(s.disagreements)} disagreements</a>
        )}
      </li>
    ))}
  </ul>
);

const Figures = ({ of: { texts, decided, agreement, file } }: { readonly of: LabelState }) => (
  <>
    <dl className="figures">
      <Figure label="Labelled" note={`of ${formatCount(texts)} texts`}>
        {formatCount(decided)}
      </Figure>
      <Figure
        label={agreement.kind === null ? "Agreement" : measures[agreement.kind]}
        note={
          agreement.kind === null
            ? "of two people or more"
            : `on ${formatCount(agreement.items)} texts that ${agreement.kind === "Krippendorff" ? "two or more" : "all"} labelled`
        }
      >
        {formatFixed(agreement.kappa, 2)}
      </Figure>
      {agreement.people.map(p => (
        <Figure key={`${p.name} ${p.isVerified}`} label={whoOf({ by: p.name, isVerified: p.isVerified })} note="texts">
          {formatCount(p.labelled)}
        </Figure>
      ))}
    </dl>
    <p className="hint">
      Majority label of each text: <code>{file}</code>. Texts with a tie are left out.
    </p>
  </>
);

interface RoundProps {
  readonly set: LabelBatch;
  readonly by: string;
  onMore(): void;
}

/** A batch of texts, in the order in which they are asked. */
function Round({ set, by, onMore }: RoundProps) {
  const [state, setState] = useState<LabelState>(set);
  const { model, asked } = set;
  return (
    <>
      <Figures of={state} />
      {asked && (
        <p className="hint">
          {asked.failure === null
            ? `Texts that ${asked.version ?? model} is least certain about come first: ${formatCount(asked.texts)} of ${formatCount(asked.of)} unlabelled texts classified.`
            : `${model} does not answer: ${asked.failure}`}
        </p>
      )}
      {set.items.length === 0 ? (
        <Empty icon="labels" title="Nothing left to label">
          <p>
            {set.texts === 0 ? (
              <>There are no texts yet: {<code>loam data run {set.on}</code>} makes them.</>
            ) : (
              `${by} has labelled all of them.`
            )}
          </p>
        </Empty>
      ) : (
        <Desk set={set} by={by} onState={setState} onEmpty={onMore} />
      )}
    </>
  );
}

function Person({ onName }: { readonly onName: (name: string) => void }) {
  const [text, setText] = useState("");
  return (
    <form
      className="card"
      onSubmit={e => {
        e.preventDefault();
        if (text.trim() !== "") onName(text.trim());
      }}
    >
      <label className="field">
        <span>Who labels?</span>
        <input value={text} onChange={e => setText(e.target.value)} maxLength={64} autoComplete="nickname" />
      </label>
      <p className="hint">
        The server knows no account of yours, so labels are stored with this name as unverified. With an account of a gateway they carry its
        name.
      </p>
      <div className="bar">
        <button type="submit" className="primary">
          Begin
        </button>
      </div>
    </form>
  );
}

export function Labels({ id }: { readonly id: string | null }) {
  const sets = useResource("labels", api.labelSets, { on: ["labels"] });
  // an account's name is the server's to say; another is typed
  const actions = useResource("actions", api.actions);
  const account = actions.data?.verified ? actions.data.who : null;
  const [typed, setBy] = useState(() => localStorage.getItem(nameKey) ?? "");
  const by = account ?? typed;
  const isKnown = actions.data !== undefined || actions.failure !== undefined;
  const [round, setRound] = useState(0);
  const all = sets.data ?? [];
  const [view, setView] = useChoice("view");
  const name = (id === null ? all[0] : all.find(s => s.name === id))?.name ?? null;
  const batch = useResource(name === null || by === "" || !isKnown ? null : `labels ${name} ${by} ${round}`, signal =>
    api.labelBatch(name ?? "", by, signal),
  );
  const more = useCallback(() => setRound(n => n + 1), []);
  useEffect(() => {
    if (typed !== "") localStorage.setItem(nameKey, typed);
  }, [typed]);
  return (
    <>
      <header className="page-head">
        <h1>Labels</h1>
        {name !== null && all.length > 1 && (
          <Pick
            label="What is labelled"
            value={name}
            options={all.map(s => s.name)}
            onPick={n => {
              location.hash = routeHash("labels", n);
            }}
          />
        )}
        {name !== null && account !== null && <span className="hint push">{account} labels (account)</span>}
        {name !== null && account === null && by !== "" && (
          <button type="button" className="quiet push" onClick={() => setBy("")}>
            {by} labels (unverified): change person
          </button>
        )}
      </header>
      <Loaded resource={sets} what="what is to be labelled">
        {() =>
          name === null && id !== null ? (
            <>
              <Unknown what="label set" id={id} />
              <Sets all={all} name={null} />
            </>
          ) : name === null ? (
            <Empty icon="labels" title="Nothing to label">
              <p>
                <code>labels</code> in loam.yaml names a data set and its classes; <code>loam tune</code> reads what comes of it.
              </p>
            </Empty>
          ) : !isKnown ? (
            <Waiting label="Loading texts" />
          ) : by === "" ? (
            <Person onName={setBy} />
          ) : view === "disagreements" ? (
            <>
              <Sets all={all} name={name} />
              <p>
                <button type="button" className="quiet" onClick={() => setView("")}>
                  ← Back to labelling
                </button>
              </p>
              <Disagreements name={name} by={by} onState={sets.reload} />
            </>
          ) : (
            <Loaded resource={batch} what="texts">
              {set => (
                <>
                  <Sets all={all} name={name} />
                  <Round key={`${set.name} ${by} ${round}`} set={set} by={by} onMore={more} />
                </>
              )}
            </Loaded>
          )
        }
      </Loaded>
    </>
  );
}
