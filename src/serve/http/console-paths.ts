/**
 * The console's pages as paths. The console routes by hash (`/#/runs`), so a page is one file at `/`; a path that a browser asks for (`/runs/x`) is
 * redirected there. Every other path is 404: probes must not mistake the page for the answer of a health check.
 */

/** Page names; `console/src/route.ts` has the same ones. */
export const consolePages: readonly string[] = [
  "home",
  "data",
  "labels",
  "training",
  "runs",
  "cost",
  "jobs",
  "start",
  "evaluations",
  "playground",
  "engine",
  "models",
  "deployments",
  "gateway",
  "watch",
  "releases",
  "lineage",
  "governance",
];

/** Paths of APIs as well (SageMaker, the gateway's administration): never redirected, whatever a client accepts. */
const apiPaths: readonly string[] = ["models", "gateway"];

/** Pages by the names that they had before; the console opens them. */
const formerPages: readonly string[] = ["talk"];

const pagePath = new RegExp(`^/(${[...consolePages, ...formerPages].filter(page => !apiPaths.includes(page)).join("|")})(/[^/]+)?/?$`);

/** Where a browser that asks for a console page's path is redirected to; undefined for other clients (no `Accept: text/html`) and other paths. */
export function consoleLocation({ method, url, headers }: Request): string | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const { pathname } = new URL(url);
  if (!pagePath.test(pathname) || !headers.get("accept")?.includes("text/html")) return undefined;
  return `/#${pathname}`;
}
