/**
 * Alarms for a Prometheus Alertmanager (API v2): active ones are posted again every minute with an end a few minutes ahead, as Prometheus does, so that one that Loam can no longer
 * confirm resolves by itself; one that has ended is posted with its end until the Alertmanager took it. Failures are tried again at the next post.
 */
import type { AccountableOwner } from "../../../governance/part.ts";
import { ownerText } from "../../owners.ts";
import type { KeptAlarm } from "./alarms-kept.ts";

interface AlertFacts {
  readonly project: string | null;
  readonly ownerOf: (alarm: KeptAlarm) => AccountableOwner | null;
}

/** An active alarm lasts so long without being posted again. */
const aheadMs = 5 * 60_000;
const deadlineMs = 10_000;

const label = (text: string): string => text.slice(0, 200);

/**
 * An Alertmanager routes by labels, so the severity is one. A ticket that becomes a page is another alert there: the ticket's is not posted again and ends by
 * itself.
 */
function alertOf(alarm: KeptAlarm, { project, ownerOf }: AlertFacts, nowMs: number) {
  const { id, monitor, kind, model, severity, sinceMs, endedMs, resolution, evidence } = alarm;
  const owner = ownerOf(alarm);
  return {
    labels: {
      alertname: `Loam${kind.charAt(0).toUpperCase()}${kind.slice(1)}`,
      monitor: label(monitor),
      ...(model === null ? {} : { model: label(model) }),
      ...(project === null ? {} : { project: label(project) }),
      severity,
      alarm: id,
    },
    annotations: {
      summary: `${kind} alarm: ${monitor}${model === null ? "" : ` of ${model}`}`,
      ...(resolution === undefined ? {} : { resolution }),
      // no label: labels tell alerts apart, and an owner may change while an alarm is active
      ...(owner === null ? {} : { owner: ownerText(owner) }),
      evidence: JSON.stringify(evidence).slice(0, 2000),
    },
    startsAt: new Date(sinceMs).toISOString(),
    endsAt: new Date(endedMs ?? nowMs + aheadMs).toISOString(),
  };
}

/** Posts alarms; resolves when the Alertmanager has them. Errors: a sentence with its address and what it said. */
export async function postAlerts(url: URL, alarms: readonly KeptAlarm[], facts: AlertFacts, nowMs: number): Promise<void> {
  const at = new URL(`${url.pathname.replace(/\/$/, "")}/api/v2/alerts`, url);
  const response = await fetch(at, {
    method: "POST",
    headers: { "content-type": "application/json", ...(url.username ? { authorization: basic(url) } : {}) },
    body: JSON.stringify(alarms.map(a => alertOf(a, facts, nowMs))),
    signal: AbortSignal.timeout(deadlineMs),
    redirect: "error",
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url.origin} answered ${response.status}`);
}

const basic = ({ username, password }: URL): string =>
  `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`;
