/** One fine-tuning job: how far it is, what may be asked of it, its curves, the models that came of it, what happened. */
import { useMemo, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import { formatFixed, formatMoment, formatShare, formatShort, none, words } from "../format.ts";
import type { Checkpoint, Job, JobEvent } from "../generated/server.ts";
import { Chart } from "../parts/chart.tsx";
import type { Series } from "../parts/chart-options.ts";
import { CopyButton, Id } from "../parts/copy.tsx";
import { Figure } from "../parts/facts.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { lastOf } from "../parts/value-at.ts";
import { jobs } from "./api.ts";
import { type Steps, stepsOf } from "./steps.ts";
import { type Wish, wishesOf } from "./wishes.ts";

const names: { readonly [W in Wish]: string } = { pause: "Pause", resume: "Resume", cancel: "Cancel" };

function Wishes({ job, onChanged }: { readonly job: Job; onChanged(): void }) {
  const [isAsking, setAsking] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const ask = async (wish: Wish) => {
    setAsking(true);
    try {
      await jobs.wish(job.id, wish);
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
    setAsking(false);
    onChanged();
  };
  return (
    <>
      <div className="bar">
        {wishesOf(job.status).map(wish => (
          <button key={wish} type="button" disabled={isAsking} onClick={() => void ask(wish)}>
            {names[wish]}
          </button>
        ))}
      </div>
      {failure && <FailureNotice failure={failure} />}
    </>
  );
}

function Progress({ job, steps }: { readonly job: Job; readonly steps: Steps }) {
  const step = steps.x.at(-1) ?? 0;
  const { total, columns } = steps;
  const note = job.estimated_finish === null ? undefined : `ends about ${formatMoment(job.estimated_finish * 1000)}`;
  return (
    <dl className="figures">
      <Figure label="Status" note={note}>
        {words(job.status)}
      </Figure>
      <Figure label="Step" note={total !== null && <progress aria-label="Steps done" value={step} max={total} />}>
        {total === null ? none : `${step} of ${total}`}
      </Figure>
      <Figure label="Training loss" note={`validation ${formatFixed(lastOf(columns.valid_loss), 3)}`}>
        {formatFixed(lastOf(columns.train_loss), 3)}
      </Figure>
      <Figure label="Tokens right" note={`validation ${formatShare(lastOf(columns.valid_mean_token_accuracy))}`}>
        {formatShare(lastOf(columns.train_mean_token_accuracy))}
      </Figure>
      <Figure label="Trained tokens">{formatShort(job.trained_tokens)}</Figure>
    </dl>
  );
}

function Curves({ steps: { x, columns } }: { readonly steps: Steps }) {
  const charts = useMemo(() => {
    const series = (train: readonly (number | null)[], valid: readonly (number | null)[]): Series[] => [
      { label: "train", values: train, colour: "accent", width: 1.5 },
      ...(valid.some(v => v !== null) ? [{ label: "validation", values: valid, colour: "clay", width: 2 } as const] : []),
    ];
    const accuracy = columns.train_mean_token_accuracy;
    return [
      {
        title: "Loss, nats per token",
        series: series(columns.train_loss, columns.valid_loss),
        format: (v: number | null) => formatFixed(v, 3),
      },
      ...(accuracy.some(v => v !== null)
        ? [{ title: "Tokens right", series: series(accuracy, columns.valid_mean_token_accuracy), format: formatShare }]
        : []),
    ];
  }, [columns]);
  return (
    <div className="two">
      {charts.map(c => (
        <section className="card" key={c.title} aria-label={c.title}>
          <Chart {...c} unit="step" x={x as number[]} height={200} group="jobs" />
        </section>
      ))}
    </div>
  );
}

const Checkpoints = ({ of }: { readonly of: readonly Checkpoint[] }) => (
  <section className="card" aria-label="Models that came of it">
    <header className="card-head">
      <h2>Models that came of it</h2>
    </header>
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className="number">
              Step
            </th>
            <th scope="col" className="number">
              Training loss
            </th>
            <th scope="col" className="number">
              Validation loss
            </th>
            <th scope="col" className="number wide">
              Tokens right
            </th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ id, fine_tuned_model_checkpoint: name, step_number, metrics: m }) => (
            <tr key={id}>
              <th scope="row">
                {name} <CopyButton text={name} label="Copy" />
              </th>
              <td className="number">{step_number}</td>
              <td className="number">{formatFixed(m.train_loss, 3)}</td>
              <td className="number">{formatFixed(m.full_valid_loss, 3)}</td>
              <td className="number wide">{formatShare(m.full_valid_mean_token_accuracy ?? m.train_mean_token_accuracy)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);

/** Events that are shown; the API has all. */
const mostShown = 50;

const Events = ({ of }: { readonly of: readonly JobEvent[] }) => (
  <section className="card" aria-label="Events">
    <header className="card-head">
      <h2>Events</h2>
    </header>
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
          </tr>
        </thead>
        <tbody>
          {of
            .slice(-mostShown)
            .toReversed()
            .map(e => (
              <tr key={e.id}>
                <td>{formatMoment(e.created_at * 1000)}</td>
                <td className="text">
                  {e.level !== "info" && <span className={e.level === "error" ? "tag bad" : "tag"}>{e.level}</span>} {e.message}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  </section>
);

interface JobViewProps {
  readonly job: Job;
  /** Oldest first. */
  readonly events: readonly JobEvent[];
  readonly checkpoints: readonly Checkpoint[];
  onChanged(): void;
}

export function JobView({ job, events, checkpoints, onChanged }: JobViewProps) {
  const steps = useMemo(() => stepsOf(events), [events]);
  return (
    <>
      <div className="subject">
        <h2>{job.fine_tuned_model ?? `From ${job.model}`}</h2>
        <Id id={job.id} />
      </div>
      <Wishes job={job} onChanged={onChanged} />
      <Progress job={job} steps={steps} />
      {steps.x.length > 0 && <Curves steps={steps} />}
      {checkpoints.length > 0 && <Checkpoints of={checkpoints} />}
      <Events of={events} />
    </>
  );
}
