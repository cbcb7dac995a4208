/** Asks that come while others are under way go together in the next call: under load a round trip to the store carries many decisions. */

interface BatchOptions {
  /** Asks in one call: bounds how long the first of them waits for the last. */
  readonly most: number;
  /** Calls at the same time. */
  readonly atOnce: number;
  /** Waits for what else comes in this turn of the event loop, where a call costs more than that; else a microtask. */
  readonly gathers?: boolean;
}

/** `call` answers one for each ask, in order; when it fails, every ask of it does. */
export function batched<A, R>(call: (asks: readonly A[]) => Promise<readonly R[]>, options: BatchOptions): (ask: A) => Promise<R> {
  const waiting: { readonly ask: A; readonly resolve: (r: R) => void; readonly reject: (e: unknown) => void }[] = [];
  let running = 0;
  const run = async (): Promise<void> => {
    running++;
    while (waiting.length > 0) {
      const group = waiting.splice(0, options.most);
      try {
        const answers = await call(group.map(g => g.ask));
        group.forEach((g, i) => {
          g.resolve(answers[i]!);
        });
      } catch (error) {
        for (const g of group) g.reject(error);
      }
    }
    running--;
  };
  let isDue = false;
  const start = (): void => {
    isDue = false;
    if (waiting.length > 0 && running < options.atOnce) void run();
  };
  return ask =>
    new Promise((resolve, reject) => {
      waiting.push({ ask, resolve, reject });
      if (running >= options.atOnce || isDue) return;
      isDue = true;
      // later, so that what is asked in the same turn goes together
      if (options.gathers) setImmediate(start);
      else queueMicrotask(start);
    });
}
