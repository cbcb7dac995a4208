/**
 * Who there is and who may do what, as one snapshot of the file's part and the state's entries, which each change takes the place of whole. A
 * change is checked as if it held already, then written with its entry in the list of changes in one transaction; other processes look for it.
 */
import { canonicalJson, check, defined, hashOf, isLoamError } from "../../base/index.ts";
import { type ControlConfig, controlPart } from "../control-config.ts";
import { gatewayErrors } from "../errors.ts";
import { compilePolicies, type PolicyIndex } from "../policy/compile.ts";
import type { Database, Sql } from "../state/sql.ts";
import { asParameter } from "./as-parameter.ts";
import { appendChange, lastChange } from "./changes.ts";
import {
  checkedValue,
  entriesOf,
  entryKey,
  inFile,
  inOrder,
  mergedEntries,
  noEntries,
  type Read,
  readEntries,
  type Stored,
  writeEntry,
} from "./entries.ts";
import type { AccessEntry, Entries, EntryAsked, EntryKind, EntryValue } from "./entry.ts";
import { checkNames, checkUnused, foundIn, keepsAdminKeys, matches } from "./entry-checks.ts";
import { keepsAdministration } from "./last-admin.ts";
import { adminsOf } from "./principals.ts";
import { type TokenChecker, tokenChecker } from "./tokens.ts";

export interface Snapshot {
  readonly config: ControlConfig;
  readonly index: PolicyIndex;
  readonly tokens: TokenChecker | undefined;
}

interface AccessOptions {
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

/** What a change came to. */
interface Change {
  readonly read: Read;
  readonly before: AccessEntry | undefined;
  readonly entry: AccessEntry;
  /** Undefined: nothing has changed, or what there is does not fit the file. */
  readonly compiled?: Snapshot | undefined;
}

export class Access implements Entries {
  readonly #options: AccessOptions;
  readonly #timer: NodeJS.Timeout;
  #file: ControlConfig;
  /** What the state was found to have. */
  #read: Read;
  #current: Snapshot;
  #misfit: string | undefined;
  /** Made once for what holds now. */
  #shown: { readonly of: Snapshot; readonly read: Read; readonly all: readonly AccessEntry[] } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Errors: stateLost; those of entries that do not fit the file, unless they may. */
  static async open(options: AccessOptions): Promise<Access> {
    const access = new Access(options, await readEntries(options.database, noEntries));
    try {
      await access.#note(options.config, "start");
    } catch (error) {
      access.close();
      throw error;
    }
    return access;
  }

  private constructor(options: AccessOptions, read: Read) {
    this.#options = options;
    this.#file = options.config;
    this.#read = read;
    this.#current = this.#snapshotOf(this.#opened());
    this.#timer = setInterval(() => void this.#inLine(() => this.#look()).catch(() => {}), options.everyMs);
    this.#timer.unref();
  }

  get current(): Snapshot {
    return this.#current;
  }

  #snapshotOf(config: ControlConfig, before?: Snapshot): Snapshot {
    const { now, fetch } = this.#options;
    return {
      config,
      index: compilePolicies(config.policies),
      // issuers that have not changed keep the keys that were fetched
      tokens:
        before && canonicalJson(before.config.issuers) === canonicalJson(config.issuers)
          ? before.tokens
          : config.issuers.length > 0
            ? tokenChecker(config.issuers, { now, ...defined({ fetch }) })
            : undefined,
    };
  }

  #opened(): ControlConfig {
    try {
      return mergedEntries(this.#file, this.#read.stored, this.#options.place);
    } catch (error) {
      if (!this.#options.mayNotFit) throw error;
      this.#told(error);
      return this.#file;
    }
  }

  #told(error: unknown): void {
    const message = error === undefined ? undefined : error instanceof Error ? error.message : String(error);
    if (message !== this.#misfit) this.#options.onMisfit(error);
    this.#misfit = message;
  }

  /** One after the other: each is checked against what the one before left. */
  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.catch(() => {});
    return next;
  }

  /** One entry for each configuration, however many processes take it. */
  async #note(config: ControlConfig, by: string): Promise<void> {
    const digest = hashOf(config);
    await this.#options.database.write(async sql => {
      if ((await lastChange(sql, "config"))?.digest === digest) return;
      await appendChange(sql, this.#options.now(), by, "config", {
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
  }

  /** What another process has changed is taken up. */
  async #look(): Promise<void> {
    const found = await readEntries(this.#options.database, this.#read);
    if (found === this.#read) return;
    this.#read = found;
    try {
      this.#current = this.#snapshotOf(mergedEntries(this.#file, found.stored, this.#options.place), this.#current);
      this.#told(undefined);
    } catch (error) {
      this.#told(error);
    }
  }

  /** `how` gives the value from what was there; undefined takes the entry away. */
  #changed(
    asked: EntryAsked,
    how: (before: AccessEntry | undefined) => EntryValue | undefined,
    isPut: boolean,
    by: string,
  ): Promise<Change> {
    return this.#inLine(async () => {
      const done = await this.#options.database.write(sql => this.#write(sql, asked, how, isPut, by));
      if (done.compiled) {
        this.#read = done.read;
        this.#current = done.compiled;
        this.#told(undefined);
      } else await this.#look();
      return done;
    });
  }

  async #write(
    sql: Sql,
    { kind, name, match }: EntryAsked,
    how: (before: AccessEntry | undefined) => EntryValue | undefined,
    isPut: boolean,
    by: string,
  ): Promise<Change> {
    const { now, file, place } = this.#options;
    const key = entryKey(kind, name);
    const found = await readEntries(sql, this.#read);
    const before = found.stored.get(key);
    if (inFile(this.#file, kind, name) && !(before && this.#misfit !== undefined))
      throw gatewayErrors.fail("entryTaken", {
        place: key,
        expected: "an entry of the gateway's state",
        received: `one that stands in ${file}, under ${place}`,
        hint: "Change it there; the file is taken up while the gateway runs.",
      });
    matches(before, key, match, isPut);
    const value = how(before);
    if (before && value && canonicalJson(before.value) === canonicalJson(value)) return { read: found, before, entry: before };
    const stored = new Map(found.stored);
    const draft: AccessEntry = { kind, name, origin: "store", revision: null, value: value ?? before!.value };
    if (value) stored.set(key, draft);
    else stored.delete(key);
    const compiled = await this.#checked(sql, found, stored, draft, value);
    const what = `${kind === "policies" ? "policy" : kind === "limits" ? "limit" : "principal"}.${value ? (before ? "replace" : "create") : "delete"}`;
    const position = await appendChange(sql, now(), by, what, { kind, name, before: before?.value ?? null, after: value ?? null });
    await writeEntry(sql, kind, name, value, position);
    const entry: AccessEntry = { ...draft, revision: position };
    if (value) stored.set(key, entry);
    return { read: { stored: inOrder(stored), position }, before, entry, compiled };
  }

  /** What would hold with these entries; undefined where they do not fit the file. Errors: those of names, of what still needs the entry, lastAdmin. */
  async #checked(
    sql: Sql,
    found: Read,
    stored: Stored,
    { kind, name }: AccessEntry,
    value: EntryValue | undefined,
  ): Promise<Snapshot | undefined> {
    const { now, place } = this.#options;
    const isCurrent = found === this.#read;
    const base = isCurrent && this.#misfit === undefined ? this.#current.config : this.#fitting(found.stored);
    if (base) {
      if (value) await checkNames(sql, base, kind, name, value);
      else await checkUnused(sql, base, kind, name, now());
    }
    // where entries do not fit already, taking one away is how that is mended
    const after = value ? mergedEntries(this.#file, stored, place) : this.#fitting(stored);
    const compiled = after && this.#snapshotOf(after, this.#current);
    if (base && compiled) {
      keepsAdministration(isCurrent ? this.#current : this.#snapshotOf(base, this.#current), compiled, now());
      await keepsAdminKeys(sql, base, compiled.config, now());
    }
    return compiled;
  }

  #fitting(stored: Stored): ControlConfig | undefined {
    try {
      return mergedEntries(this.#file, stored, this.#options.place);
    } catch (error) {
      if (isLoamError(error)) return undefined;
      throw error;
    }
  }

  list(kind?: EntryKind): readonly AccessEntry[] {
    const [current, read] = [this.#current, this.#read];
    if (this.#shown?.of !== current || this.#shown.read !== read) {
      const all = entriesOf(current.config, read.stored);
      // those that do not fit are shown too: somebody must see what to take away
      const others = this.#misfit === undefined ? [] : [...read.stored.values()].filter(e => !all.includes(e));
      this.#shown = { of: current, read, all: [...all, ...others] };
    }
    const { all } = this.#shown;
    return kind === undefined ? all : all.filter(e => e.kind === kind);
  }

  find(kind: EntryKind, name: string): AccessEntry {
    return foundIn(this.list(kind), kind, name);
  }

  async put(
    asked: EntryAsked & { readonly value: unknown },
    by: string,
  ): Promise<{ readonly entry: AccessEntry; readonly isNew: boolean }> {
    const value = await asParameter(() => checkedValue(asked.kind, asked.name, asked.value, "body"));
    const { entry, before } = await this.#changed(asked, () => value, true, by);
    return { entry, isNew: before === undefined };
  }

  async edit(asked: EntryAsked, how: (value: EntryValue) => EntryValue, by: string): Promise<AccessEntry> {
    const { kind, name } = asked;
    const edited = (before: AccessEntry | undefined): EntryValue => {
      const found = before ?? foundIn(this.list(kind), kind, name);
      return checkedValue(kind, name, how(found.value), "body");
    };
    return (await asParameter(() => this.#changed(asked, edited, false, by))).entry;
  }

  async remove(asked: EntryAsked, by: string): Promise<AccessEntry> {
    const { kind, name } = asked;
    const gone = (before: AccessEntry | undefined): undefined => {
      if (!before) foundIn([...this.#read.stored.values()], kind, name);
      return undefined;
    };
    return (await this.#changed(asked, gone, false, by)).entry;
  }

  reload(config: unknown, by: string): Promise<void> {
    const { database, place, now } = this.#options;
    return this.#inLine(async () => {
      const next = check(controlPart, config, place);
      const found = await readEntries(database, this.#read);
      const compiled = this.#snapshotOf(mergedEntries(next, found.stored, place), this.#current);
      keepsAdministration(this.#current, compiled, now());
      await this.#note(next, by);
      this.#file = next;
      this.#read = found;
      this.#current = compiled;
      this.#told(undefined);
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
