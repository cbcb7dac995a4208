/** Principals, policies and limits as an administrator handles them: in the state that the file names, or, with `url`, by a gateway that runs somewhere. */
import { checkModels, type EntryKind, givenEntry, isPrincipal, type Match, type ShownEntry, shownEntry } from "../../gateway/index.ts";
import { type GatewayPlace, withControl } from "./gateway-place.ts";
import { askRunning, type RunningGateway, runningGateway } from "./running-gateway.ts";

export interface PutEntry {
  readonly kind: EntryKind;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Undefined: the body's own revision, or a new entry. */
  readonly match: Match;
}

export interface EntryAdministration {
  /** Of a kind, or all principals. */
  list(kind: EntryKind | undefined): Promise<readonly ShownEntry[]>;
  show(kind: EntryKind, name: string): Promise<ShownEntry>;
  put(entry: PutEntry, by: string): Promise<{ readonly entry: ShownEntry; readonly isNew: boolean }>;
  delete(kind: EntryKind, name: string, match: Match, by: string): Promise<ShownEntry>;
}

const headersOf = (match: Match): Record<string, string> =>
  match === undefined ? {} : match === "none" ? { "if-none-match": "*" } : { "if-match": match === "any" ? "*" : `"${match}"` };

function remote(running: RunningGateway): EntryAdministration {
  type Said = { readonly [K in "principal" | "policy" | "limit"]?: ShownEntry } & { readonly created?: boolean };
  const pathOf = (kind: EntryKind, name: string) => `/gateway/${isPrincipal(kind) ? "principals/" : ""}${kind}/${encodeURIComponent(name)}`;
  const entryOf = ({ principal, policy, limit }: Said): ShownEntry => (principal ?? policy ?? limit)!;
  return {
    list: async kind => {
      if (kind === "limits") {
        const { data } = await askRunning<{ readonly data: readonly { readonly rule: ShownEntry | null }[] }>(
          running,
          "GET",
          "/gateway/limits",
        );
        return data.flatMap(({ rule }) => rule ?? []);
      }
      const path = kind === "policies" ? "/gateway/policies" : `/gateway/principals${kind === undefined ? "" : `?kind=${kind}`}`;
      return (await askRunning<{ readonly data: readonly ShownEntry[] }>(running, "GET", path)).data;
    },
    show: async (kind, name) => entryOf(await askRunning<Said>(running, "GET", pathOf(kind, name))),
    put: async ({ kind, name, body, match }) => {
      const said = await askRunning<Said>(running, "PUT", pathOf(kind, name), body, headersOf(match));
      return { entry: entryOf(said), isNew: said.created === true };
    },
    delete: async (kind, name, match) =>
      entryOf(await askRunning<Said>(running, "DELETE", pathOf(kind, name), undefined, headersOf(match))),
  };
}

/** `verb` names the call in errors. Errors: those of the file and the state; with `url` project/argument, gateway/unavailable, project/answer. */
export async function withEntries<T>(at: GatewayPlace, verb: string, use: (entries: EntryAdministration) => Promise<T>): Promise<T> {
  if (at.url !== undefined) return use(remote(await runningGateway(at, undefined, verb)));
  return withControl(
    at,
    ({ entries }, { routes }) =>
      use({
        list: async kind => (kind ? entries.list(kind) : entries.list().filter(e => isPrincipal(e.kind))).map(shownEntry),
        show: async (kind, name) => shownEntry(entries.find(kind, name)),
        put: async ({ kind, name, body, match }, by) => {
          const { value, revision } = givenEntry(kind, name, body);
          checkModels(kind, value, routes);
          const { entry, isNew } = await entries.put({ kind, name, value, match: match ?? revision }, by);
          return { entry: shownEntry(entry), isNew };
        },
        delete: async (kind, name, match, by) => shownEntry(await entries.remove({ kind, name, match }, by)),
      }),
    // an entry that does not fit a changed file must be shown, and can be taken away
    { entriesMayNotFit: true },
  );
}
