/** Links to the pages, in groups: lists within a list, each named by its group, so that a screen reader says where a page belongs. */
import { type Group, groups, type Page, routeHash } from "../route.ts";
import { Icon } from "./icons.tsx";

export const pageTitles: { readonly [P in Page]: string } = {
  home: "Home",
  playground: "Playground",
  data: "Data",
  training: "Training",
  lineage: "Lineage",
  engine: "Engine",
  models: "Models",
  deployments: "Deployments",
  releases: "Releases",
  governance: "Governance",
  evaluations: "Evaluations",
  runs: "Runs",
  cost: "Cost",
  labels: "Labels",
  jobs: "Jobs",
  start: "Start a run",
  gateway: "Gateway",
  watch: "Watch",
};

export interface NavigationProps {
  readonly current: Page;
  /** Those that the server has; groups without any are left out. */
  readonly has: (page: Page) => boolean;
}

export function Navigation({ current, has }: NavigationProps) {
  const shown = Object.entries(groups)
    .map(([group, of]) => ({ group: group as Group, pages: (of as readonly Page[]).filter(has) }))
    .filter(({ pages }) => pages.length > 0);
  return (
    <nav aria-label="Pages">
      <ul>
        {shown.map(({ group, pages }) => (
          <li key={group}>
            {/* one page of the same name says it already */}
            <span id={`group-${group}`} className={pages.length === 1 && pageTitles[pages[0]!] === group ? "hidden" : "nav-group"}>
              {group}
            </span>
            <ul aria-labelledby={`group-${group}`}>
              {pages.map(page => (
                <li key={page}>
                  <a href={routeHash(page)} aria-current={current === page ? "page" : undefined}>
                    <Icon name={page} />
                    <span>{pageTitles[page]}</span>
                  </a>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </nav>
  );
}
