/**
 * The frame around every page: navigation, which model is served, whether the server is there. Home and Playground come with it; every other page follows when
 * the first view has been shown, so that it opens also while the server is gone or newly built.
 */
import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { api } from "./api.ts";
import { followChanges } from "./changes.ts";
import { useRoute } from "./choices.ts";
import { serverUrl } from "./client.ts";
import { useIsUp } from "./connection.ts";
import { sessionOf, signOut, useHasKey, useSession, useSignInNeed } from "./credentials.ts";
import { formatShort } from "./format.ts";
import { keepFocus } from "./parts/focus-kept.ts";
import { Guard } from "./parts/guard.tsx";
import { Icon, Mark } from "./parts/icons.tsx";
import { Navigation, pageTitles } from "./parts/navigation.tsx";
import { Waiting } from "./parts/notice.tsx";
import { reachScrollers } from "./parts/scrollers.ts";
import { Shortcuts } from "./parts/shortcuts.tsx";
import { SignIn } from "./parts/sign-in.tsx";
import { useResource } from "./resource.ts";
import { type Page, type Route, routeHash } from "./route.ts";
import { Home } from "./routes/home.tsx";
import { Playground } from "./routes/playground.tsx";
import { versionsBehind } from "./served.ts";

interface PageProps {
  readonly id: string | null;
}

/** Pages beyond the first view; each is loaded when it is opened, or when the first view has been shown. */
const loaders = {
  data: async () => (await import("./routes/data.tsx")).Data,
  labels: async () => (await import("./routes/labels.tsx")).Labels,
  training: async () => (await import("./routes/training.tsx")).Training,
  runs: async () => (await import("./routes/runs.tsx")).Runs,
  cost: async () => (await import("./routes/cost.tsx")).Cost,
  jobs: async () => (await import("./routes/jobs.tsx")).Jobs,
  start: async () => (await import("./routes/start.tsx")).Start,
  evaluations: async () => (await import("./routes/evaluations.tsx")).Evaluations,
  engine: async () => (await import("./routes/engine.tsx")).Engine,
  models: async () => (await import("./routes/models.tsx")).Models,
  deployments: async () => (await import("./routes/deployments.tsx")).Deployments,
  gateway: async () => (await import("./routes/gateway.tsx")).Gateway,
  watch: async () => (await import("./routes/watch.tsx")).Watch,
  releases: async () => (await import("./routes/releases.tsx")).Releases,
  lineage: async () => (await import("./routes/lineage.tsx")).Lineage,
  governance: async () => (await import("./routes/governance.tsx")).Governance,
} satisfies Record<Exclude<Page, "home" | "playground">, () => Promise<ComponentType<PageProps>>>;

const later: Readonly<Record<string, ComponentType<PageProps>>> = Object.fromEntries(
  Object.entries(loaders).map(([page, load]) => [page, lazy(async () => ({ default: (await load()) as ComponentType<PageProps> }))]),
);

/** What there is to look at where a gateway stands alone. */
const withoutRecord: readonly Page[] = ["gateway", "playground"];

/** Says where the latest version of a model is not the one that answers. */
function Behind() {
  const models = useResource("models", api.models, { on: ["artifacts"], everyMs: overviewMs });
  const serving = useResource("serving", api.serving, { on: ["serving"], everyMs: overviewMs });
  return versionsBehind(models.data ?? [], serving.data).map(({ model, latest, served }) => (
    <div key={model} className="banner" role="status">
      <Icon name="alert" />
      <span>
        <a href={routeHash("releases", latest)}>{latest}</a> is the latest version, but {served} is served.
      </span>
    </div>
  ));
}

function Shown({ route: { page, id } }: { readonly route: Route }) {
  if (page === "home") return <Home />;
  if (page === "playground") return <Playground />;
  const Later = later[page]!;
  return (
    <Suspense fallback={<Waiting label={`Loading ${pageTitles[page]}`} />}>
      <Later id={id} />
    </Suspense>
  );
}

/** Between looks at what is served: a new version should appear, and nobody waits for it. */
const overviewMs = 10_000;
const idleMs = 1_000;

export function App() {
  const wanted = useRoute();
  const session = useSession();
  const [need, hasKey] = [useSignInNeed(), useHasKey()];
  const isOut = need !== "no";
  // a gateway alone has no record to look at, and models to talk to
  const hasRecord = session?.record !== false;
  const route: Route = wanted.page === "home" && !hasRecord ? { page: "gateway", id: null, choices: {} } : wanted;
  const overview = useResource(isOut || !hasRecord ? null : "overview", api.overview, {
    on: ["serving", "artifacts"],
    everyMs: overviewMs,
  });
  const isUp = useIsUp();
  const { project, model, loam } = overview.data ?? {};
  useEffect(() => {
    document.title = `${pageTitles[route.page]} · ${project ?? "Loam"}`;
    // narrow screens have the pages in a row that scrolls
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [route.page, project]);

  const isAsked = session !== null && !isOut && hasRecord;
  useEffect(() => (isAsked ? followChanges() : undefined), [isAsked]);

  useEffect(() => reachScrollers(document.body), []);
  useEffect(() => keepFocus(document), []);
  useEffect(() => {
    void sessionOf(serverUrl("/api/session"));
    // at hand, should the server go
    const timer = setTimeout(() => void Promise.allSettled(Object.values(loaders).map(load => load())), idleMs);
    return () => clearTimeout(timer);
  }, []);

  return (
    <div className="frame">
      <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the page
      </button>
      <header className="side">
        <a className="brand" href={routeHash("home")}>
          <Mark />
          <span>
            Loam
            {project && <small>{project}</small>}
          </span>
        </a>
        <Navigation current={route.page} has={page => hasRecord || withoutRecord.includes(page)} />
        <div className="side-end">
          <div className="served">
            <i className={isUp && !overview.failure ? (model ? "dot up" : "dot") : "dot down"} />
            <div>
              {isUp
                ? !hasRecord
                  ? "Gateway"
                  : model
                    ? model.id
                    : overview.data
                      ? "No model yet"
                      : overview.failure
                        ? "Server in trouble"
                        : "Loading"
                : "Server gone"}
              {isUp && model && (
                <small>
                  {formatShort(model.parameters)} parameters, context {model.context}
                </small>
              )}
              {isUp && loam && !model && <small>Loam {loam}</small>}
            </div>
          </div>
          {(hasKey || session?.access === "session") && !isOut && (
            <button type="button" className="quiet" onClick={() => void signOut(serverUrl("/logout"))}>
              {hasKey ? "Forget the key" : "Log out"}
            </button>
          )}
          <Shortcuts />
        </div>
      </header>
      <main id="main" tabIndex={-1} className={`page page-${route.page}`}>
        {!isUp && (
          <div className="banner" role="status">
            <Icon name="alert" /> The server does not answer. What you see is as it last was; the page goes on when it is back.
          </div>
        )}
        {isAsked && <Behind />}
        {isOut ? (
          <SignIn wasWrong={need === "wrong"} />
        ) : (
          <Guard key={route.page}>
            <Shown route={route} />
          </Guard>
        )}
      </main>
    </div>
  );
}
