/** All that was evaluated of a version, alone or against another version of any model. */
import { api } from "../api.ts";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { Task, Tasks } from "./task.tsx";

export function VersionReport({ id, against }: { readonly id: string; readonly against: string | null }) {
  const report = useResource(`report ${id} ${against}`, signal => api.report(id, against, signal));
  return (
    <Loaded resource={report} what="the report">
      {({ tasks }) =>
        tasks.length === 0 ? (
          <Empty icon="evaluations" title={`${id} has no evaluation on a task yet`}>
            <p>
              <code>loam eval TASK --model {id}</code> evaluates it and keeps the response to every item.
            </p>
          </Empty>
        ) : (
          <>
            {tasks.length > 1 && <Tasks of={tasks} />}
            {tasks.map(t => (
              <Task key={t.artifact} of={t} against={against} />
            ))}
          </>
        )
      }
    </Loaded>
  );
}
