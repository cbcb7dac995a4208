/**
 * Who there is and who may do what, as one snapshot of the file's part and the state's entries, which each change takes the place of whole. A
 * change is checked as if it held already, then written with its entry in the list of changes in one transaction; other processes look for it.
 */
import { canonicalJson, check, hashOf, isLoamError } from "../../base/index.ts";
import { type ControlConfig, controlPart } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import { compilePolicies, type PolicyIndex } from "../policy/compile.ts";
import type { Database } from "../state/sql.ts";
import { asParameter } from "./as-parameter.ts";
import { appendChange, lastChange } from "./changes.ts";
import {
  checkedValue,
  type Entry,
  type EntryKind,
  type EntryValue,
  entriesOf,
  inFile,
  inOrder,
  keyOf,
  merged,
  nothing,
  type Read,
  readEntries,
  type Stored,
  writeEntry,
} from "./entries.ts";
import { checkNames, checkUnused, type EntryAsked, foundIn, keepsAdminKeys, matches } from "./entry-checks.ts";
import { keepsAdministration } from "./last-admin.ts";
import { adminsOf } from "./principals.ts";
import { type TokenChecker, tokenChecker } from "./tokens.ts";

export interface Snapshot {
  readonly config: ControlConfig;
  readonly index: PolicyIndex;
  readonly tokens: TokenChecker | undefined;
}

/** Entries: shown and changed; every change is in the list of changes in the same transaction. */
export interface Entries {
  /** Of the file and the state, as it is now. */
  list(kind?: EntryKind): readonly Entry[];
  /** Errors: unknownEntry. */
  find(kind: EntryKind, name: string): Entry;
  /** Makes or replaces one. Errors: parameter, entryTaken, entryChanged, entryRevision, lastAdmin. */
  put(asked: EntryAsked & { readonly value: unknown }, by: string): Promise<{ readonly entry: Entry; readonly isNew: boolean }>;
  /** Changes one from what it is, whatever its revision. Errors: unknownEntry, entryTaken, parameter, lastAdmin. */
  edit(asked: EntryAsked, how: (value: EntryValue) => EntryValue, by: string): Promise<Entry>;
  /** Errors: unknownEntry, entryTaken, entryChanged, entryInUse, lastAdmin. */
  remove(asked: EntryAsked, by: string): Promise<Entry>;
}

export interface AccessOptions {
  readonly database: Database;
  /** The file's part, checked. */
  readonly config: ControlConfig;
  /** Names the configuration in errors. */
  readonly place: string;
  /** Names the file in which it stands. */
  readonly file: string;
  readonly now: () => number;
  readonly fetch?: typeof fetch;
  /** How late a change comes to other processes. */
  readonly everyMs: number;
  /** Entries that do not fit the file are told and left out at the opening, so that they can be taken away. */
  readonly mayNotFit: boolean;
  /** Told once when entries of the state do not fit the file of this process (what held before goes on), and once when they do again. */
  readonly onMisfit: (error: unknown) => void;
}

export interface Access {
  readonly current: Snapshot;
  readonly entries: Entries;
  reload(config: unknown, by: string): Promise<void>;
  close(): void;
}

export async function openAccess(options: AccessOptions): Promise<Access> {
  const { database, place, now } = options;
  const snapshotOf = (config: ControlConfig, before?: Snapshot): Snapshot => ({
    config,
    index: compilePolicies(config.policies),
    // issuers that have not changed keep the keys that were fetched
    tokens:
      before && canonicalJson(before.config.issuers) === canonicalJson(config.issuers)
        ? before.tokens
        : config.issuers.length > 0
          ? tokenChecker(config.issuers, { now, ...(options.fetch ? { fetch: options.fetch } : {}) })
          : undefined,
  });
  let file = options.config;
  /** What the state was found to have. */
  let read: Read = await readEntries(database, nothing);
  let misfit: string | undefined;
  const told = (error: unknown): void => {
    const message = error === undefined ? undefined : error instanceof Error ? error.message : String(error);
    if (message !== misfit) options.onMisfit(error);
    misfit = message;
  };
  const opened = (): ControlConfig => {
    try {
      return merged(file, read.stored, place);
    } catch (error) {
      if (!options.mayNotFit) throw error;
      told(error);
      return file;
    }
  };
  let current = snapshotOf(opened());

  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: each is checked against what the one before left. */
  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };

  /** One entry for each configuration, however many processes take it. */
  const note = async (config: ControlConfig, by: string): Promise<void> => {
    const digest = hashOf(config);
    await database.write(async sql => {
      if ((await lastChange(sql, "config"))?.digest === digest) return;
      await appendChange(sql, now(), by, "config", {
        digest,
        policies: hashOf(config.policies),
        limits: hashOf(config.limits),
        prices: hashOf(config.prices),
        principals: hashOf(config.principals),
        issuers: hashOf(config.issuers),
        ...(config.sigv4 ? { sigv4: hashOf(config.sigv4) } : {}),
        admins: adminsOf(config.principals),
      });
    });
  };

  /** What another process has changed is taken up. */
  const look = async (): Promise<void> => {
    const found = await readEntries(database, read);
    if (found === read) return;
    read = found;
    try {
      current = snapshotOf(merged(file, found.stored, place), current);
      told(undefined);
    } catch (error) {
      told(error);
    }
  };

  /** `how` gives the value from what was there; undefined takes the entry away. */
  const changed = (
    { kind, name, match }: EntryAsked,
    how: (before: Entry | undefined) => EntryValue | undefined,
    isPut: boolean,
    by: string,
  ): Promise<{ readonly entry: Entry; readonly before: Entry | undefined }> =>
    inLine(async () => {
      const key = keyOf(kind, name);
      const done = await database.write(async sql => {
        const found = await readEntries(sql, read);
        const before = found.stored.get(key);
        if (inFile(file, kind, name) && !(before && misfit !== undefined))
          throw gatewayErrors.fail("entryTaken", {
            place: key,
            expected: "an entry of the gateway's state",
            received: `one that stands in ${options.file}, under ${place}`,
            hint: "Change it there; the file is taken up while the gateway runs.",
          });
        matches(before, key, match, isPut);
        const value = how(before);
        if (before && value && canonicalJson(before.value) === canonicalJson(value)) return { read: found, before, entry: before };
        const stored = new Map(found.stored);
        const draft: Entry = { kind, name, origin: "store", revision: null, value: value ?? before!.value };
        if (value) stored.set(key, draft);
        else stored.delete(key);
        const base = found === read && misfit === undefined ? current.config : fitting(found.stored);
        if (base) {
          if (value) await checkNames(sql, base, kind, name, value);
          else await checkUnused(sql, base, kind, name, now());
        }
        // where entries do not fit already, taking one away is how that is mended
        const after = value ? merged(file, stored, place) : fitting(stored);
        const compiled = after && snapshotOf(after, current);
        if (base && compiled) {
          keepsAdministration(found === read ? current : snapshotOf(base, current), compiled, now());
          await keepsAdminKeys(sql, base, compiled.config, now());
        }
        const what = `${kind === "policies" ? "policy" : "principal"}.${value ? (before ? "replace" : "create") : "delete"}`;
        const position = await appendChange(sql, now(), by, what, {
          kind,
          name,
          before: before?.value ?? null,
          after: value ?? null,
        });
        await writeEntry(sql, kind, name, value, position);
        const entry: Entry = { ...draft, revision: position };
        if (value) stored.set(key, entry);
        return { read: { stored: inOrder(stored), position }, before, entry, compiled };
      });
      if (done.compiled) {
        read = done.read;
        current = done.compiled;
        told(undefined);
      } else await look();
      return done;
    });
  const fitting = (stored: Stored): ControlConfig | undefined => {
    try {
      return merged(file, stored, place);
    } catch (error) {
      if (isLoamError(error)) return undefined;
      throw error;
    }
  };

  /** Made once for what holds now. */
  let shown: { readonly of: Snapshot; readonly read: Read; readonly all: readonly Entry[] } | undefined;
  const list = (kind?: EntryKind): readonly Entry[] => {
    if (shown?.of !== current || shown.read !== read) {
      const all = entriesOf(current.config, read.stored);
      // those that do not fit are shown too: somebody must see what to take away
      const others = misfit === undefined ? [] : [...read.stored.values()].filter(e => !all.includes(e));
      shown = { of: current, read, all: [...all, ...others] };
    }
    return kind === undefined ? shown.all : shown.all.filter(e => e.kind === kind);
  };
  const entries: Entries = {
    list,
    find: (kind, name) => foundIn(list(kind), kind, name),
    async put(asked, by) {
      const value = await asParameter(() => checkedValue(asked.kind, asked.name, asked.value, "body"));
      const { entry, before } = await changed(asked, () => value, true, by);
      return { entry, isNew: before === undefined };
    },
    async edit(asked, how, by) {
      const { kind, name } = asked;
      const edited = (before: Entry | undefined): EntryValue => {
        const found = before ?? foundIn(list(kind), kind, name);
        return checkedValue(kind, name, how(found.value), "body");
      };
      return (await asParameter(() => changed(asked, edited, false, by))).entry;
    },
    async remove(asked, by) {
      const { kind, name } = asked;
      const gone = (before: Entry | undefined): undefined => {
        if (!before) foundIn([...read.stored.values()], kind, name);
        return undefined;
      };
      return (await changed(asked, gone, false, by)).entry;
    },
  };

  await note(file, "start");
  const timer = setInterval(() => void inLine(look).catch(() => {}), options.everyMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    entries,
    reload: (config, by) =>
      inLine(async () => {
        const next = check(controlPart, config, place);
        const found = await readEntries(database, read);
        const compiled = snapshotOf(merged(next, found.stored, place), current);
        keepsAdministration(current, compiled, now());
        await note(next, by);
        file = next;
        read = found;
        current = compiled;
        told(undefined);
      }),
    close: () => clearInterval(timer),
  };
}
