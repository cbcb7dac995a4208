/** Tells receivers of alarms: webhooks of a gateway, each event once under the alarm's id, and an Alertmanager. What was told is kept, so that whoever evaluates next goes on. */
import type { AccountableOwner } from "../../../governance/part.ts";
import { changeStates, readState, type Store, statesOf } from "../../../store/index.ts";
import { ownerOfFirst } from "../../owners.ts";
import { alarmKey, alarmOf, type KeptAlarm, putAlarm } from "./alarms-kept.ts";
import { postAlerts } from "./alertmanager.ts";
import { cursorKey, cursorOf } from "./evaluate-windows.ts";
import { watchScopes } from "./scopes.ts";

/** An alarm for receivers of webhooks. */
export interface AlarmNotice {
  readonly type: "alarm.raised" | "alarm.resolved";
  readonly alarm: KeptAlarm;
  readonly owner: AccountableOwner | null;
}

export interface AlarmReceivers {
  /** Hands an event over; returns at once. The same event may be given again after a crash, with the same alarm. */
  readonly notify?: ((notice: AlarmNotice) => void) | undefined;
  readonly alertmanager?: URL | undefined;
  /** Accountable owners by what they own: an alarm of a model names its owner. */
  readonly owners?: Readonly<Record<string, AccountableOwner>> | undefined;
  /** For the Alertmanager's labels. */
  readonly project: string | null;
  /** Once, until it works again. */
  readonly warn: (text: string) => void;
}

/** Between two posts of active alarms. */
const repeatMs = 60_000;
/** Alarms that are looked at: the newest. */
const mostLooked = 200;

export class AlarmTeller {
  readonly #store: Store;
  readonly #receivers: AlarmReceivers;
  #postedMs = Number.NEGATIVE_INFINITY;
  #isFailing = false;

  constructor(store: Store, receivers: AlarmReceivers) {
    this.#store = store;
    this.#receivers = receivers;
  }

  /** Tells what is new; whoever holds the lease calls it every few seconds. Errors: those of the record. */
  async tell(nowMs: number): Promise<void> {
    const { alertmanager } = this.#receivers;
    const rows = await statesOf(this.#store.records.read, watchScopes.alarms, { limit: mostLooked, isNewestFirst: true });
    const alarms = rows.map(r => alarmOf(r.value));
    const open = alarms.filter(a => !a.told.raised || (a.endedMs !== null && !a.told.resolved));
    const active = alarms.filter(a => a.endedMs === null);
    const isDue = nowMs - this.#postedMs >= repeatMs || nowMs < this.#postedMs;
    if (open.length === 0 && !(alertmanager && active.length > 0 && isDue)) return;
    const isPosted = alertmanager === undefined || (await this.#post(alertmanager, [...new Set([...open, ...active])], nowMs));
    for (const alarm of open) {
      const owner = this.#ownerOf(alarm);
      if (!alarm.told.raised) this.#receivers.notify?.({ type: "alarm.raised", alarm, owner });
      if (alarm.endedMs !== null) this.#receivers.notify?.({ type: "alarm.resolved", alarm, owner });
    }
    // an Alertmanager that is away is told until it comes back; webhooks have a queue of their own, and know an event by its id
    if (isPosted) await this.#keep(open);
  }

  #ownerOf({ model }: KeptAlarm): AccountableOwner | null {
    return model === null ? null : ownerOfFirst(this.#receivers.owners ?? {}, [`model/${model.replace(/@[^@]*$/, "")}`]);
  }

  async #post(url: URL, alarms: readonly KeptAlarm[], nowMs: number): Promise<boolean> {
    try {
      const { project } = this.#receivers;
      await postAlerts(url, alarms, { project, ownerOf: alarm => this.#ownerOf(alarm) }, nowMs);
      this.#postedMs = nowMs;
      this.#isFailing = false;
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!this.#isFailing)
        this.#receivers.warn(`alarms do not reach the Alertmanager at ${url.origin} (${why}); it is tried again every few seconds`);
      this.#isFailing = true;
      return false;
    }
  }

  async #keep(told: readonly KeptAlarm[]): Promise<void> {
    if (told.length === 0) return;
    await changeStates(this.#store, async states => {
      for (const before of told) {
        const value = await states.read(watchScopes.alarms, alarmKey(before));
        if (value === undefined) continue;
        const now = alarmOf(value);
        // what changed meanwhile is told next time
        const isSame = now.severity === before.severity;
        await putAlarm(states, {
          ...now,
          told: { raised: now.told.raised || isSame, resolved: now.told.resolved || before.endedMs !== null },
        });
      }
    });
  }
}

/** Active alarms, as the record has them now. */
export async function activeAlarms(store: Store): Promise<KeptAlarm[]> {
  const read = store.records.read;
  const keys = Object.values(cursorOf(await readState(read, watchScopes.state, cursorKey)).active);
  if (keys.length === 0) return [];
  const rows = await statesOf(read, watchScopes.alarms, { from: keys.toSorted()[0]! });
  return rows.filter(r => keys.includes(r.key)).map(r => alarmOf(r.value));
}
