/**
 * A server's part in a comparison: what its responses came to is gathered and added to the record once a second, while a comparison of their model is open. A
 * server that is killed loses what it gathered in that second, of both arms alike. One that answers nobody asks the record nothing.
 */
import type { EndedResponse, ResponseObserver } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { type ArmResponse, flushMs } from "./arrivals.ts";
import { addToComparison, comparisonOpenedMs } from "./comparison.ts";

/** Responses that are gathered between two flushes; more are left out, whatever their arm. */
const mostGathered = 20_000;

const isError = ({ status, outcome }: Pick<EndedResponse, "status" | "outcome">): boolean => status >= 500 || outcome === "error";

export interface TrafficObserver extends ResponseObserver {
  close(): Promise<void>;
}

export function observeTraffic(store: Store, onFailure: (error: unknown) => void): TrafficObserver {
  let gathered = new Map<string, ArmResponse[]>();
  let count = 0;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    const taken = gathered;
    gathered = new Map();
    count = 0;
    for (const [model, responses] of taken) {
      const openedMs = await comparisonOpenedMs(store, model);
      if (openedMs === undefined) continue;
      await addToComparison(
        store,
        model,
        responses.filter(r => r.atMs >= openedMs),
      );
    }
  }
  const flush = (): Promise<void> => {
    timer = undefined;
    working ??= write()
      .catch(onFailure)
      .finally(() => {
        working = undefined;
      });
    return working;
  };

  return {
    ended(response) {
      const { modelName, modelVersion: version } = response;
      if (modelName === null || version === null || count >= mostGathered) return;
      const { requestId: id, isShadow, user, atMs, totalMs } = response;
      // a client that left, or asked wrongly, says nothing of a version
      if (response.status === 499 || (response.status >= 400 && response.status < 500)) return;
      count++;
      timer ??= setTimeout(() => void flush(), flushMs).unref();
      const one: ArmResponse = { id, version, isShadow, user, atMs, isError: isError(response), totalMs };
      const own = gathered.get(modelName);
      if (own) own.push(one);
      else gathered.set(modelName, [one]);
    },
    async close() {
      clearTimeout(timer);
      await working;
      await flush();
    },
  };
}
