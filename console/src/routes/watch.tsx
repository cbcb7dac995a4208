/** Watch: how served versions do over hours and weeks, what is wrong, and how traffic and quality compare with what a version was made on. */
import { useOption } from "../choices.ts";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { Alarms } from "../watch/alarms.tsx";
import { watch } from "../watch/api.ts";
import { Drift } from "../watch/drift.tsx";
import { Loops } from "../watch/loops.tsx";
import { Objectives } from "../watch/objectives.tsx";
import { Quality } from "../watch/quality.tsx";
import { spans, Traffic } from "../watch/traffic.tsx";
import { WatchedVersions } from "../watch/versions.tsx";
import "../style/watch.css";

const lookMs = 15_000;

export function Watch({ id }: { readonly id: string | null }) {
  const status = useResource("watch", watch.status, { on: ["watch", "serving"], everyMs: lookMs });
  const [span, setSpan] = useOption("span", spans, "hour");
  const models = status.data?.models ?? [];
  const chosen = id === null ? (models.find(m => m.requests > 0) ?? models[0]) : models.find(m => m.model === id);
  const choose = (model: string) => {
    location.hash = routeHash("watch", model);
  };
  return (
    <>
      <header className="page-head">
        <h1>Watch</h1>
        {chosen && models.length > 1 && <Pick label="Version" value={chosen.model} options={models.map(m => m.model)} onPick={choose} />}
      </header>
      <Loaded resource={status} what="monitors">
        {s =>
          chosen === undefined && id !== null ? (
            <>
              <Alarms of={s.alarms} isActive />
              <Unknown what="monitored version" id={id}>
                Only served versions that have had requests are monitored.
              </Unknown>
            </>
          ) : chosen === undefined && s.alarms.length === 0 ? (
            <Empty icon="watch" title="No requests in the last hour">
              <p>
                Send a request to a model that <code>loam serve</code> runs: its figures appear here within a minute.
              </p>
            </Empty>
          ) : (
            <>
              <Alarms of={s.alarms} isActive />
              <WatchedVersions of={s.models} chosen={chosen?.model} onChoose={choose} />
              {chosen && <Traffic key={chosen.model} model={chosen.model} span={span} onSpan={setSpan} />}
              <Objectives of={s.objectives} />
            </>
          )
        }
      </Loaded>
      <Quality model={chosen?.model ?? id} isSaidWhenEmpty={chosen !== undefined} />
      <Drift model={chosen?.model ?? id} />
      <Loops />
      {status.data && <Alarms of={status.data.alarms} isActive={false} />}
    </>
  );
}
