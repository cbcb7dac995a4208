/** All that the log says of who did what, in one form: acts, and the entries that say it in words of their own (releases, approvals, gates, loop steps). */
import { type ActFilter, listActs, type ShownAct } from "./acts.ts";
import { parseColumn } from "./artifact.ts";
import type { LogEntry } from "./log/entries.ts";
import type { ReadingDb } from "./records/records.ts";
import { type ActKind, actKinds } from "./records/schema.ts";

/** Beside the kinds of acts: "release": an alias was moved; "approval": a person approved a version for one. */
export const deedKinds = [...actKinds, "release", "approval"] as const;
export type DeedKind = ActKind | "release" | "approval";

export interface Deed extends Omit<ShownAct, "kind"> {
  readonly kind: DeedKind;
}

export interface DeedFilter extends Omit<ActFilter, "kind"> {
  readonly kind?: DeedKind | undefined;
}

/** Entries of these types, in canonical JSON, whose last key is the type or, of marks, the value behind it. */
const told = {
  loop: '%"type":"loop"}',
  release: '%"type":"release"%',
  policy: '%"type":"guard"}',
  approval: '{%"kind":"approval"%"type":"mark"%',
} as const;

type Told = Extract<LogEntry, { readonly type: "loop" | "release" | "guard" | "mark" }>;
type Said = Pick<Deed, "kind" | "who" | "what" | "on"> & {
  readonly purpose?: string | undefined;
  readonly evidence?: Readonly<Record<string, string>>;
};

const textOf = (value: unknown, key: string): string | undefined => {
  const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof found === "string" ? found : undefined;
};

/** What an entry says in the terms of an act; undefined where it is of no such type. */
function saidBy(e: LogEntry): Said | undefined {
  const entry = e as Told;
  if (entry.type === "loop") return { kind: "loop", who: "loop", what: entry.step, on: `${entry.model} round ${entry.round}` };
  if (entry.type === "release") {
    const { kind, by, model, alias, number, reason } = entry;
    return {
      kind: "release",
      who: by ?? "unknown",
      what: kind,
      on: `${model}@${alias} -> ${number ?? "none"}`,
      purpose: reason ?? undefined,
    };
  }
  if (entry.type === "guard")
    return { kind: "policy", who: "configuration", what: entry.rules === null ? "gate.remove" : "gate.set", on: entry.alias };
  if (entry.type !== "mark" || entry.kind !== "approval") return undefined;
  const by = textOf(entry.value, "by");
  return {
    kind: "approval",
    who: by ?? "unknown",
    what: entry.value === null ? "approval.withdraw" : "approval.give",
    on: `${entry.model}@${entry.number}`,
  };
}

/** Entries read at a time. */
const page = 500;

/** Deeds, the newest first. */
export async function listDeeds(db: ReadingDb, { kind, who, on, sinceMs, most = 100 }: DeedFilter = {}): Promise<Deed[]> {
  const found: Deed[] = kind === "release" || kind === "approval" ? [] : await listActs(db, { kind, who, on, sinceMs, most });
  const patterns = Object.entries(told).flatMap(([k, pattern]) => (kind === undefined || kind === k ? [pattern] : []));
  let left = patterns.length === 0 ? 0 : most;
  for (let before = Number.MAX_SAFE_INTEGER; left > 0; ) {
    const rows = await db
      .selectFrom("log")
      .select(["position", "entry", "leaf"])
      .where("position", "<", before)
      .where(e => e.or(patterns.map(p => e("entry", "like", p))))
      .orderBy("position", "desc")
      .limit(page)
      .execute();
    for (const row of rows) {
      const entry = parseColumn<LogEntry>(row.entry, `log.${row.position}`);
      const said = saidBy(entry);
      if (sinceMs !== undefined && entry.atMs < sinceMs) left = 0;
      if (left === 0 || !said || (kind !== undefined && said.kind !== kind)) continue;
      if ((who !== undefined && said.who !== who) || (on !== undefined && said.on !== on)) continue;
      const { purpose, ...rest } = said;
      const { position, leaf } = row;
      found.push({
        id: `entry-${position}`,
        position,
        leaf,
        atMs: entry.atMs,
        ...rest,
        ...(purpose === undefined ? {} : { purpose }),
        erased: [],
      });
      left--;
    }
    if (rows.length < page) break;
    before = rows.at(-1)!.position;
  }
  return found.sort((a, b) => b.position - a.position).slice(0, most);
}
