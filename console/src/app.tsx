/**
 * The frame around every page: navigation, which model is served, whether the server is there. All pages are loaded at once: together they are
 * small, and a page opens also while the server is gone or newly built. The gateway's, which many servers have no use for, follows when the rest
 * has been shown.
 */
import { lazy, Suspense, useEffect, useSyncExternalStore } from "react";
import { api } from "./api.ts";
import { followChanges } from "./changes.ts";
import { serverUrl } from "./client.ts";
import { useIsUp } from "./connection.ts";
import { sessionOf, signOut, useHasKey, useSession, useSignInNeed } from "./credentials.ts";
import { formatShort } from "./format.ts";
import { Guard } from "./parts/guard.tsx";
import { Icon, Mark } from "./parts/icons.tsx";
import { Navigation, pageTitles } from "./parts/navigation.tsx";
import { Shortcuts } from "./parts/shortcuts.tsx";
import { SignIn } from "./parts/sign-in.tsx";
import { useResource } from "./resource.ts";
import { type Page, parseRoute, type Route, routeHash } from "./route.ts";
import { Data } from "./routes/data.tsx";
import { Engine } from "./routes/engine.tsx";
import { Evaluations } from "./routes/evaluations.tsx";
import { Jobs } from "./routes/jobs.tsx";
import { Lineage } from "./routes/lineage.tsx";
import { Models } from "./routes/models.tsx";
import { Releases } from "./routes/releases.tsx";
import { Talk } from "./routes/talk.tsx";
import { Training } from "./routes/training.tsx";

const loadGateway = () => import("./routes/gateway.tsx");
const loadGovernance = () => import("./routes/governance.tsx");
const loadLabels = () => import("./routes/labels.tsx");
const loadRuns = () => import("./routes/runs.tsx");
const loadWatch = () => import("./routes/watch.tsx");
const Watch = lazy(async () => ({ default: (await loadWatch()).Watch }));
const Labels = lazy(async () => ({ default: (await loadLabels()).Labels }));
const Runs = lazy(async () => ({ default: (await loadRuns()).Runs }));
const Governance = lazy(async () => ({ default: (await loadGovernance()).Governance }));
const Gateway = lazy(async () => ({ default: (await loadGateway()).Gateway }));

/** What there is to look at where a gateway stands alone. */
const withoutRecord: readonly Page[] = ["gateway", "talk"];

const onHash = (listener: () => void) => {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
};
const hashNow = () => location.hash;

function Shown({ route }: { readonly route: Route }) {
  switch (route.page) {
    case "talk":
      return <Talk />;
    case "data":
      return <Data id={route.id} />;
    case "training":
      return <Training id={route.id} />;
    case "lineage":
      return <Lineage id={route.id} />;
    case "engine":
      return <Engine />;
    case "models":
      return <Models />;
    case "releases":
      return <Releases id={route.id} />;
    case "evaluations":
      return <Evaluations id={route.id} />;
    case "runs":
      return (
        <Suspense>
          <Runs id={route.id} />
        </Suspense>
      );
    case "governance":
      return (
        <Suspense>
          <Governance id={route.id} />
        </Suspense>
      );
    case "watch":
      return (
        <Suspense>
          <Watch id={route.id} />
        </Suspense>
      );
    case "labels":
      return <Labels id={route.id} />;
    case "jobs":
      return <Jobs id={route.id} />;
    case "gateway":
      return (
        <Suspense>
          <Gateway />
        </Suspense>
      );
  }
}

/** Between looks at what is served: a new version should appear, and nobody waits for it. */
const overviewMs = 10_000;
const idleMs = 1_000;

export function App() {
  const route = parseRoute(useSyncExternalStore(onHash, hashNow));
  const session = useSession();
  const [need, hasKey] = [useSignInNeed(), useHasKey()];
  const isOut = need !== "no";
  // a gateway alone has no record to look at, and models to talk to
  const hasRecord = session?.record !== false;
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

  useEffect(() => {
    void sessionOf(serverUrl("/api/session"));
    // at hand, should the server go
    const timer = setTimeout(
      () => void Promise.allSettled([loadGateway(), loadGovernance(), loadLabels(), loadRuns(), loadWatch()]),
      idleMs,
    );
    return () => clearTimeout(timer);
  }, []);

  return (
    <div className="frame">
      <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the page
      </button>
      <header className="side">
        <a className="brand" href={routeHash("talk")} aria-label="Loam">
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
