/** Fine-tuning jobs that clients asked the server for: all of them, and the chosen one as it goes on. */

import { formatAgo, formatMoment, words } from "../format.ts";
import type { Job } from "../generated/server.ts";
import { jobs as api } from "../jobs/api.ts";
import { JobView } from "../jobs/job-view.tsx";
import { isOver } from "../jobs/wishes.ts";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const tagOf = ({ status }: Job): string => (status === "failed" ? "tag bad" : status === "succeeded" ? "tag strong" : "tag");

const JobTable = ({ jobs, chosen }: { readonly jobs: readonly Job[]; readonly chosen: string }) => (
  <div className="table-frame">
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Status</th>
          <th scope="col" className="wide">
            From
          </th>
          <th scope="col" className="wide">
            Method
          </th>
          <th scope="col" className="wide">
            Created
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map(job => (
          <tr key={job.id} className={job.id === chosen ? "is-chosen" : ""}>
            <th scope="row">
              <a href={routeHash("jobs", job.id)} aria-current={job.id === chosen ? "true" : undefined}>
                {job.fine_tuned_model ?? job.id}
              </a>
            </th>
            <td>
              <span className={tagOf(job)}>{words(job.status)}</span>
            </td>
            <td className="wide">{job.model}</td>
            <td className="wide">{job.method.type}</td>
            <td className="wide" title={formatMoment(job.created_at * 1000)}>
              {formatAgo(job.created_at * 1000, Date.now())}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

/** Between looks while a job goes on, and while none does. */
const goingMs = 2_000;
const lookMs = 10_000;

export function Jobs({ id }: { readonly id: string | null }) {
  const list = useResource("jobs", api.list, { on: ["jobs"], everyMs: goingMs });
  const chosen = id === null ? list.data?.[0] : list.data?.find(j => j.id === id);
  const everyMs = chosen && !isOver(chosen.status) ? goingMs : lookMs;
  // another status is another key: what a job said last is there when it ends
  const events = useResource(chosen ? `job events ${chosen.id} ${chosen.status}` : null, s => api.events(chosen!.id, s), {
    on: ["jobs"],
    everyMs,
  });
  const checkpoints = useResource(
    chosen?.status === "succeeded" ? `job checkpoints ${chosen.id}` : null,
    s => api.checkpoints(chosen!.id, s),
    { on: ["jobs"], everyMs: lookMs },
  );
  return (
    <>
      <header className="page-head">
        <h1>Jobs</h1>
      </header>
      <Loaded resource={list} what="jobs">
        {all =>
          chosen === undefined && id !== null ? (
            <Unknown what="job" id={id} />
          ) : chosen === undefined ? (
            <Empty icon="jobs" title="No fine-tuning jobs yet">
              <p>
                A client of OpenAI's API asks for one: <code>client.fineTuning.jobs.create</code> at this server.
              </p>
            </Empty>
          ) : (
            <>
              <JobTable jobs={all} chosen={chosen.id} />
              <Loaded resource={events} what="events">
                {told => (
                  <JobView key={chosen.id} job={chosen} events={told} checkpoints={checkpoints.data ?? []} onChanged={list.reload} />
                )}
              </Loaded>
            </>
          )
        }
      </Loaded>
    </>
  );
}
