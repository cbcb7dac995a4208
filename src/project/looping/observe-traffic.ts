/**
 * A server's part in a comparison: what its responses came to is gathered and added to the record once a second, while a comparison of their model is open. A
 * server that is killed loses what it gathered in that second, of both arms alike.
 */
import type { EndedResponse, ResponseObserver } from "../../serve/index.ts";
import { readState, type Store } from "../../store/index.ts";
import { type ArmResponse, addToComparison, comparisonKey } from "./comparison.ts";
import { loopScope } from "./loop-record.ts";

const flushMs = 1_000;
/** Responses that are gathered between two flushes; more are left out, whatever their arm. */
const mostGathered = 20_000;

const isError = ({ status, outcome }: Pick<EndedResponse, "status" | "outcome">): boolean => status >= 500 || outcome === "error";

export interface TrafficObserver extends ResponseObserver {
  close(): Promise<void>;
}

/** `models`: those that are served now. */
export function observeTraffic(store: Store, models: () => Iterable<string>, onFailure: (error: unknown) => void): TrafficObserver {
  const gathered = new Map<string, ArmResponse[]>();
  /** Models whose comparison is open, as of the last flush. */
  let open: ReadonlySet<string> = new Set();
  let count = 0;
  let working: Promise<void> | undefined;

  async function look(): Promise<void> {
    const found = new Set<string>();
    for (const model of new Set(models()))
      if ((await readState(store.records.read, loopScope(model), comparisonKey)) !== undefined) found.add(model);
    open = found;
    for (const model of [...gathered.keys()]) {
      const responses = gathered.get(model)!;
      gathered.delete(model);
      count -= responses.length;
      await addToComparison(store, model, responses);
    }
  }
  const flush = (): Promise<void> => {
    working ??= look()
      .catch(onFailure)
      .finally(() => {
        working = undefined;
      });
    return working;
  };
  const timer = setInterval(() => void flush(), flushMs);
  timer.unref();

  return {
    ended(response) {
      const { modelName, modelVersion: version } = response;
      if (modelName === null || version === null || !open.has(modelName) || count >= mostGathered) return;
      const { requestId: id, isShadow, user, atMs, totalMs } = response;
      // a client that left, or asked wrongly, says nothing of a version
      if (response.status === 499 || (response.status >= 400 && response.status < 500)) return;
      count++;
      const one: ArmResponse = { id, version, isShadow, user, atMs, isError: isError(response), totalMs };
      const own = gathered.get(modelName);
      if (own) own.push(one);
      else gathered.set(modelName, [one]);
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
