/** What an administrator looks at and changes: the state that the file names, or, with `url`, a gateway that runs somewhere. */
import { defined } from "../../base/index.ts";
import {
  type ChangeEntry,
  type ExplainAsked,
  type Explained,
  explainRequest,
  type JournalEntry,
  type JournalFilter,
  type KeyGiven,
  type KeyInfo,
  type LimitsAsk,
  type LimitsView,
  type UsageRow,
} from "../../gateway/index.ts";
import { projectErrors } from "../errors.ts";
import { type GatewayPlace, withControl } from "./gateway-place.ts";
import { askRunning, type RunningGateway, runningGateway } from "./running-gateway.ts";

/** The secret is returned only here. */
export interface CreatedKey {
  readonly key: KeyInfo;
  readonly secret: string;
}

export interface GatewayAdministration {
  listKeys(subject: string | undefined): Promise<readonly KeyInfo[]>;
  createKey(given: KeyGiven, by: string): Promise<CreatedKey>;
  revokeKey(key: string, by: string): Promise<KeyInfo>;
  rotateKey(key: string, by: string, overlapMs: number | undefined): Promise<CreatedKey>;
  usage(from: string, to: string): Promise<readonly UsageRow[]>;
  /** All, the oldest first. */
  changes(): Promise<readonly ChangeEntry[]>;
  /** Whether they fit together where they are kept. */
  verifyChanges(): Promise<string | null>;
  explain(asked: ExplainAsked): Promise<Explained>;
  limits(ask: LimitsAsk): Promise<LimitsView>;
  requests(filter: JournalFilter): Promise<readonly JournalEntry[]>;
  /** The newest first; none: it is not known. */
  request(id: string): Promise<readonly JournalEntry[]>;
}

/** Entries in one answer, the most that a gateway gives. */
const page = 1_000;

const queryOf = (
  values: Readonly<Record<string, string | number | undefined | null>>,
  repeated: Readonly<Record<string, readonly string[]>> = {},
): string => {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null) query.set(key, String(value));
  for (const [key, all] of Object.entries(repeated)) for (const one of all) query.append(key, one);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
};

interface Listed<T> {
  readonly data: readonly T[];
}

/** A gateway that runs. The list of changes has there whose key it was. */
function remote(running: RunningGateway): GatewayAdministration {
  const get = <T>(path: string) => askRunning<T>(running, "GET", path);
  const keyPath = (key: string) => `/gateway/keys/${encodeURIComponent(key)}`;
  return {
    listKeys: async subject => (await get<Listed<KeyInfo>>(`/gateway/keys${queryOf({ subject })}`)).data,
    createKey: ({ name, subject, scopes = [], expiresMs, kind }) =>
      askRunning<CreatedKey>(running, "POST", "/gateway/keys", {
        name,
        subject,
        scopes,
        ...defined({ kind }),
        ...(expiresMs === undefined || expiresMs === null ? {} : { expiresAt: new Date(expiresMs).toISOString() }),
      }),
    revokeKey: async key => (await askRunning<{ readonly key: KeyInfo }>(running, "DELETE", keyPath(key))).key,
    rotateKey: (key, _by, overlapMs) =>
      askRunning<CreatedKey>(
        running,
        "POST",
        `${keyPath(key)}/rotate`,
        overlapMs === undefined ? {} : { overlap: overlapMs === 0 ? "0" : `${overlapMs}ms` },
      ),
    usage: async (from, to) => (await get<Listed<UsageRow>>(`/gateway/usage${queryOf({ from, to })}`)).data,
    changes: async () => {
      const all: ChangeEntry[] = [];
      for (;;) {
        const { data } = await get<Listed<ChangeEntry>>(`/gateway/changes${queryOf({ from: all.length, most: page })}`);
        all.push(...data);
        if (data.length < page) return all;
      }
    },
    verifyChanges: async () => (await get<{ readonly finding: string | null }>("/gateway/changes?most=1&verify=true")).finding,
    explain: ({ set, header = [], ...asked }) => get<Explained>(`/gateway/explain${queryOf({ ...asked }, { set, header })}`),
    limits: async ({ top, limit, only = {} }) => {
      const { data, currency, isWhole } = await get<
        Omit<LimitsView, "limits"> & Listed<LimitsView["limits"][number] & { readonly rule?: unknown }>
      >(`/gateway/limits${queryOf({ top, limit, ...only })}`);
      // rules are shown by `show` and `list`; this is what is used of them
      return { currency, limits: data.map(({ rule: _, ...view }) => view), isWhole };
    },
    requests: async ({ sinceMs, ...filter }) => {
      const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
      return (await get<Listed<JournalEntry>>(`/gateway/requests${queryOf({ ...filter, since })}`)).data;
    },
    request: async id => (await get<Listed<JournalEntry>>(`/gateway/requests/${encodeURIComponent(id)}`)).data,
  };
}

/** `verb` names the call in errors. Errors: those of the file and the state; with `url` project/argument, gateway/unavailable, project/answer. */
export async function administered<T>(
  at: GatewayPlace,
  verb: string,
  use: (administration: GatewayAdministration) => Promise<T>,
): Promise<T> {
  if (at.url !== undefined) return use(remote(await runningGateway(at, undefined, verb)));
  return withControl(at, (control, config) =>
    use({
      listKeys: subject => control.keys.list(subject === undefined ? {} : { subject }),
      createKey: (given, by) => control.keys.create(given, by),
      revokeKey: (key, by) => control.keys.revoke(key, by),
      rotateKey: (key, by, overlapMs) => control.keys.rotate(key, by, ...(overlapMs === undefined ? [] : [overlapMs])),
      usage: (from, to) => control.usage(from, to),
      changes: async () => {
        const all: ChangeEntry[] = [];
        for await (const entry of control.changes()) all.push(entry);
        return all;
      },
      verifyChanges: () => control.verifyChanges(),
      explain: asked => explainRequest(control, config.routes, asked),
      limits: ask => control.limitsView(ask),
      requests: filter => control.journal.list(filter),
      request: id => control.journal.find(id),
    }),
  );
}

/** All that is known of a request, the newest first. Errors: project/nothing. */
export async function findRequest(
  at: GatewayPlace,
  verb: string,
  id: string,
  journal = "the gateway's journal",
): Promise<readonly JournalEntry[]> {
  const found = await administered(at, verb, a => a.request(id));
  if (found.length > 0) return found;
  throw projectErrors.fail("nothing", {
    place: id,
    message: `no such request is in ${journal}`,
    hint: "It may be too old, or left out (`journal` of the gateway's file).",
  });
}
