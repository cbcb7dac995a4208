/** Home: what runs, what is served, the newest versions with their scores, active alarms, what waits for a person. Each line leads to its page. */
import { api } from "../api.ts";
import { useSession } from "../credentials.ts";
import { formatAgo, formatMoment, formatNumber, formatShort, words } from "../format.ts";
import { Running } from "../home/running.tsx";
import { Icon } from "../parts/icons.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import "../home/home.css";

const newestVersions = 5;
const newestScores = 3;

/** A sentence with commands between backticks. */
const Sentence = ({ of }: { readonly of: string }) => (
  <p>
    {of.split("`").map((part, i) =>
      i % 2 === 1 ? (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence never move.
        <code key={i}>{part}</code>
      ) : (
        part
      ),
    )}
  </p>
);

/** Its addresses are those of pages that follow when the rest is shown. */
const loadWaiting = () => import("../home/waiting.ts");

function Attention({ hasGateway }: { readonly hasGateway: boolean }) {
  const alarms = useResource("alarms", async signal => (await loadWaiting()).activeAlarms(signal), { on: ["watch"], everyMs: 10_000 });
  const waiting = useResource(`waiting ${hasGateway}`, async signal => (await loadWaiting()).waitingItems(hasGateway, signal), {
    on: ["labels", "artifacts"],
    everyMs: 15_000,
  });
  return (
    <>
      <section className={alarms.data?.length ? "card home-list is-alarmed" : "card home-list"} aria-label="Alarms">
        <h2>Alarms</h2>
        <Loaded resource={alarms} what="alarms">
          {active =>
            active.length === 0 ? (
              <p className="hint">No alarm is active.</p>
            ) : (
              <ul>
                {active.map(a => (
                  <li key={a.id}>
                    <a href={routeHash("watch", a.model)}>
                      <Icon name="alert" /> {words(a.monitor)}
                    </a>
                    <span>{a.model ?? "whole server"}</span>
                    <small title={formatMoment(a.since)}>since {formatAgo(a.since, Date.now())}</small>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      <section className="card home-list" aria-label="Waiting for a person">
        <h2>Waiting for a person</h2>
        <Loaded resource={waiting} what="what waits">
          {items =>
            items.length === 0 ? (
              <p className="hint">Nothing to label, review or approve.</p>
            ) : (
              <ul>
                {items.map(({ text, href }) => (
                  <li key={text}>
                    <a href={href}>{text}</a>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function ServedModels({ reason }: { readonly reason: string | null }) {
  const serving = useResource("serving", api.serving, { on: ["serving", "engine"], everyMs: 5_000 });
  return (
    <section className="card home-list" aria-label="Served">
      <h2>Served</h2>
      <Loaded resource={serving} what="served versions">
        {({ versions }) =>
          versions.length === 0 ? (
            <Empty icon="engine" title="No model is served">
              {reason !== null && <Sentence of={reason} />}
            </Empty>
          ) : (
            <ul>
              {versions.map(v => (
                <li key={v.id}>
                  <a href={routeHash("engine")}>{v.id}</a>
                  <span>{[v.state, ...v.labels, ...(v.weight === null ? [] : [`${v.weight} % of requests`])].join(", ")}</span>
                  <small>
                    {v.requests} requests, {formatShort(v.tokensPerSecond)} tokens/s
                  </small>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function NewestVersions() {
  const models = useResource("models", api.models, { on: ["artifacts"], everyMs: 15_000 });
  return (
    <section className="card home-list" aria-label="Newest versions">
      <h2>Newest versions</h2>
      <Loaded resource={models} what="versions">
        {versions =>
          versions.length === 0 ? (
            <p className="hint">No version is registered yet. Each training that ends registers one, with its scores.</p>
          ) : (
            <ul>
              {versions
                .toSorted((a, b) => b.createdAt - a.createdAt)
                .slice(0, newestVersions)
                .map(v => (
                  <li key={v.id}>
                    <a href={routeHash("evaluations", v.id)}>{v.id}</a>
                    <span>
                      {Object.entries(v.scores)
                        .slice(0, newestScores)
                        .map(([name, value]) => `${words(name)} ${formatNumber(value, 3)}`)
                        .join(", ") || "not evaluated yet"}
                    </span>
                    <small title={formatMoment(v.createdAt)}>{formatAgo(v.createdAt, Date.now())}</small>
                  </li>
                ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

export function Home() {
  const overview = useResource("overview", api.overview, { on: ["serving", "artifacts"] });
  const session = useSession();
  return (
    <>
      <header className="page-head">
        <h1>Home</h1>
      </header>
      <Loaded resource={overview} what="the overview">
        {({ noModels }) => (
          <div className="two">
            <Running />
            <ServedModels reason={noModels} />
            <NewestVersions />
            {session !== null && <Attention hasGateway={session.gateway} />}
          </div>
        )}
      </Loaded>
    </>
  );
}
