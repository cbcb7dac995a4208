/**
 * The page's places as text after `#`: `#/training/model-3f2a?scale=log`. One table, in the order of the navigation; an unknown place is Home.
 * What is chosen on a page (sorting, filters, what is compared) stands behind `?`, so that a link opens the same view.
 */

/** Pages by what they are for. A new page is a name here and a row in `app.tsx`. */
export const groups = {
  Home: ["home"],
  Data: ["data", "labels"],
  Train: ["training", "runs", "cost", "jobs", "start"],
  Evaluate: ["evaluations"],
  Serve: ["playground", "engine", "models", "deployments"],
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
  /** What is chosen on the page, by name. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Pages by the names that they had before. */
const renamed: Readonly<Record<string, Page>> = { talk: "playground" };

const isPage = (text: string): text is Page => (pages as readonly string[]).includes(text);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone % that somebody typed: taken as it stands.
    return text;
  }
};

export function parseRoute(hash: string): Route {
  const [, name = "", id = "", query = ""] = /^#?\/?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(hash) ?? [];
  const page = Object.hasOwn(renamed, name) ? renamed[name]! : name;
  if (!isPage(page)) return { page: "home", id: null, choices: {} };
  return { page, id: decoded(id) || null, choices: Object.fromEntries(new URLSearchParams(query)) };
}

/** The place of a page; choices that are empty are left out. */
export function routeHash(page: Page, id?: string | null, choices: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(Object.entries(choices).filter(([, value]) => value !== "")).toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${query ? `?${query}` : ""}`;
}
