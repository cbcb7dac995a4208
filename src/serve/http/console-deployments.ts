/** /api/deployments: what the console's page Deployments reads, and its rollback. Restricted as all of /api (`console-api.ts`). */
import { Hono } from "hono";
import type { ActionSource } from "../action-source.ts";
import type { DeploymentSource } from "../deployment-source.ts";
import { actorOf, changingProject, verifiedAccountOf } from "./console-actions.ts";
import { deploymentBodies } from "./console-answers/deployments.ts";
import { type AppEnvironment, bodyOf } from "./exchange.ts";
import { parseBody } from "./parse.ts";

/** Behind a gateway, writing needs the role admin. */
export function deploymentRoutes(
  source: DeploymentSource | undefined,
  actions: ActionSource | undefined,
  checkedId: (id: string | undefined) => string,
): Hono<AppEnvironment> {
  const api = new Hono<AppEnvironment>();
  const who = actorOf(actions);
  api.get("/deployments", async c => c.json((await source?.list()) ?? []));
  api.post("/deployments/:name/rollback", async c => {
    const name = checkedId(c.req.param("name"));
    const given = parseBody(deploymentBodies.rollback, await bodyOf(c));
    return c.json(await changingProject(source, actions).rollback(name, given, who(c), verifiedAccountOf(c) !== undefined));
  });
  return api;
}
