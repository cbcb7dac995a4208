/** What the console changes in a project. Restricted as all of /api (`console-api.ts`); behind a gateway, writing needs the role admin. */
import { Hono } from "hono";
import { consoleAccount } from "../../protocols/index.ts";
import type { ActionSource } from "../action-source.ts";
import { serveErrors } from "../errors.ts";
import { actionBodies } from "./console-answers/actions.ts";
import { type AppContext, type AppEnvironment, bodyOf, callerOf } from "./exchange.ts";
import { parseBody } from "./parse.ts";

const noProject = "This server was started without a project.";

/** Under whose name an action is recorded: the account's, else this machine's user. */
export const actorOf =
  (source: ActionSource | undefined) =>
  (c: AppContext): string =>
    callerOf(c).subject ?? source?.user ?? "unknown";

/** The account of a person, which the server has checked; undefined where a name is only what somebody says: without accounts, and by the login's link. */
export const verifiedAccountOf = (c: AppContext): string | undefined => {
  const { subject } = callerOf(c);
  return subject === consoleAccount ? undefined : subject;
};

/** `port`, where the project can be changed. Errors: serve/unsupported. */
export function changingProject<Port>(port: Port | undefined, actions: ActionSource | undefined): Port {
  const message = actions ? actions.unavailable() : noProject;
  if (port !== undefined && message === null) return port;
  throw serveErrors.fail("unsupported", { place: "project", message: message ?? noProject });
}

export function actionRoutes(source: ActionSource | undefined, checkedId: (id: string | undefined) => string): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  const who = actorOf(source);
  const unavailable = () => (source ? source.unavailable() : noProject);
  const changing = (): ActionSource => changingProject(source, source);
  api.get("/actions", c => c.json({ who: who(c), verified: verifiedAccountOf(c) !== undefined, unavailable: unavailable() }));
  api.post("/releases/:version/promote", async c => {
    const id = checkedId(c.req.param("version"));
    return c.json(await changing().promote(id, parseBody(actionBodies.promote, await bodyOf(c)), who(c)));
  });
  api.post("/releases/:model/rollback", async c => {
    const id = checkedId(c.req.param("model"));
    return c.json(await changing().rollback(id, parseBody(actionBodies.rollback, await bodyOf(c)), who(c)));
  });
  api.post("/releases/:version/approve", async c => {
    const id = checkedId(c.req.param("version"));
    return c.json(
      await changing().approve(id, parseBody(actionBodies.approve, await bodyOf(c)), who(c), verifiedAccountOf(c) !== undefined),
    );
  });
  return api;
}
