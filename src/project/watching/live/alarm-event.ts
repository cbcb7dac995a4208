/** An alarm as receivers of a gateway's webhooks get it: names and numbers. */
import type { GatewayAlarm } from "../../../gateway/index.ts";
import type { AlarmNotice } from "./tell-alarms.ts";

export const alarmEvent = ({ type, alarm, owner }: AlarmNotice): GatewayAlarm => {
  const { id, monitor, kind, model, severity, sinceMs, endedMs, resolution = null, evidence } = alarm;
  const at = (ms: number) => new Date(ms).toISOString();
  return {
    type,
    id,
    data: {
      ...{ alarm: id, monitor, kind, model, owner, severity },
      ...{ since: at(sinceMs), ended: endedMs === null ? null : at(endedMs), resolution, evidence },
    },
  };
};
