/** The page's places as text after `#`: `#/training/model-3f2a`. One table; an unknown place is Talk. */

export const pages = [
  "talk",
  "data",
  "training",
  "lineage",
  "engine",
  "models",
  "releases",
  "evaluations",
  "runs",
  "labels",
  "jobs",
  "gateway",
] as const;
export type Page = (typeof pages)[number];

export interface Route {
  readonly page: Page;
  /** An artifact, a model or nothing, as the page understands it. */
  readonly id: string | null;
}

const isPage = (text: string): text is Page => (pages as readonly string[]).includes(text);

export function parseRoute(hash: string): Route {
  const [, page = "", id = ""] = /^#?\/?([^/]*)(?:\/(.*))?$/.exec(hash) ?? [];
  if (!isPage(page)) return { page: "talk", id: null };
  let decoded = id;
  try {
    decoded = decodeURIComponent(id);
  } catch {
    // A lone % that somebody typed: taken as it stands.
  }
  return { page, id: decoded === "" ? null : decoded };
}

export const routeHash = (page: Page, id?: string | null): string => `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}`;
