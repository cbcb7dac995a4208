/** The page's places as text after `#`: `#/training/model-3f2a`. One table, in the order of the navigation; an unknown place is Home. */

/** Pages by what they are for. A new page is a name here and a row in `app.tsx`. */
export const groups = {
  Home: ["home"],
  Data: ["data", "labels"],
  Train: ["training", "runs", "jobs"],
  Evaluate: ["evaluations"],
  Serve: ["talk", "engine", "models"],
  Gateway: ["gateway"],
  Watch: ["watch"],
  Govern: ["releases", "lineage", "governance"],
} as const;
export type Group = keyof typeof groups;
export type Page = (typeof groups)[Group][number];

export const pages: readonly Page[] = Object.values(groups).flat();

export interface Route {
  readonly page: Page;
  /** An artifact, a model or nothing, as the page understands it. */
  readonly id: string | null;
}

const isPage = (text: string): text is Page => (pages as readonly string[]).includes(text);

export function parseRoute(hash: string): Route {
  const [, page = "", id = ""] = /^#?\/?([^/]*)(?:\/(.*))?$/.exec(hash) ?? [];
  if (!isPage(page)) return { page: "home", id: null };
  let decoded = id;
  try {
    decoded = decodeURIComponent(id);
  } catch {
    // A lone % that somebody typed: taken as it stands.
  }
  return { page, id: decoded === "" ? null : decoded };
}

export const routeHash = (page: Page, id?: string | null): string => `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}`;
