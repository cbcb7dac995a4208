/** Trainings and fine-tuning jobs under way: what each is, how far it is, how fast. */
import { api } from "../api.ts";
import { formatAgo, formatDuration, formatFixed, formatShare, formatShort, words } from "../format.ts";
import type { Job, Run } from "../generated/server.ts";
import { jobs as jobsApi } from "../jobs/api.ts";
import { stepsOf } from "../jobs/steps.ts";
import { isOver } from "../jobs/wishes.ts";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const everyMs = 2_000;

function RunningTraining({ run }: { readonly run: Run }) {
  const { artifact, stage, startedAt, done, finishesAt } = run;
  const leftMs = finishesAt == null ? null : finishesAt - Date.now();
  const metrics = useResource(`metrics ${artifact}`, signal => api.metrics(artifact, signal), { on: ["runs"], everyMs });
  const last = metrics.data?.points.at(-1);
  return (
    <li>
      <a href={routeHash("training", artifact)}>{words(stage)}</a>
      <span>
        {last
          ? `step ${last.step}, ${formatShort(last.tokens)} tokens, loss ${formatFixed(last.loss, 3)}, ${formatShort(last.tokensPerSecond)} tokens/s`
          : "no step logged yet"}
        {done != null && <progress aria-label={`Share of ${words(stage)} done`} value={done} max={1} />}
      </span>
      <small>
        {leftMs !== null && leftMs > 0
          ? `${done == null ? "" : `${formatShare(done)}, `}${formatDuration(leftMs)} left`
          : startedAt === null
            ? ""
            : `started ${formatAgo(startedAt, Date.now())}`}
      </small>
    </li>
  );
}

function RunningJob({ job }: { readonly job: Job }) {
  const events = useResource(`job ${job.id}`, signal => jobsApi.events(job.id, signal), { on: ["jobs"], everyMs });
  const { x, total } = stepsOf(events.data ?? []);
  const step = x.at(-1) ?? 0;
  const leftMs = job.estimated_finish === null ? null : job.estimated_finish * 1000 - Date.now();
  return (
    <li>
      <a href={routeHash("jobs", job.id)}>{job.fine_tuned_model ?? job.id}</a>
      <span>
        {words(job.status)}
        {total !== null && `, step ${step} of ${total} `}
        {total !== null && <progress aria-label={`Steps of ${job.id} done`} value={step} max={total} />}
      </span>
      <small>
        {leftMs !== null && leftMs > 0 ? `${formatDuration(leftMs)} left` : `started ${formatAgo(job.created_at * 1000, Date.now())}`}
      </small>
    </li>
  );
}

export function Running() {
  const runs = useResource("runs", api.runs, { on: ["runs", "artifacts"], everyMs: 5_000 });
  const jobs = useResource("jobs", jobsApi.list, { on: ["jobs"], everyMs: 5_000 });
  const under = [
    ...(runs.data ?? []).filter(r => r.endedAt === null).map(run => <RunningTraining key={run.artifact} run={run} />),
    ...(jobs.data ?? []).filter(j => !isOver(j.status)).map(job => <RunningJob key={job.id} job={job} />),
  ];
  return (
    <section className="card home-list" aria-label="Running">
      <h2>Running</h2>
      {under.length > 0 ? (
        <ul>{under}</ul>
      ) : (
        <p className="hint">
          Nothing is being trained. <code>loam run</code> trains the models of <code>loam.yaml</code>; the run appears here and in{" "}
          <a href={routeHash("training")}>Training</a>.
        </p>
      )}
    </section>
  );
}
