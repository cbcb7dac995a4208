/** The fake server's slots and queue: real counts of the streams it serves, with a made-up past so that a chart has something to show. */
import { random } from "../../src/base/index.ts";

const historySeconds = 300;

export interface FakeEngine {
  /** Runs `work` when a slot is free. */
  inSlot(work: (signal: { readonly token: () => void }) => Promise<void>): Promise<void>;
  state(): object;
  /** Stops the clock. */
  close(): void;
}

export function fakeEngine(slots: number): FakeEngine {
  const draw = random("engine");
  const history: { t: number; running: number; queued: number; tokensPerSecond: number }[] = [];
  let [running, queued, requests, tokens] = [0, 0, 214, 0];
  const waiting: (() => void)[] = [];
  const now = Date.now();
  let level = 0;
  for (let s = historySeconds; s > 0; s--) {
    if (draw.uniform() < 0.06) level = draw.below(slots + 3);
    const busy = Math.min(level, slots);
    history.push({
      t: now - s * 1000,
      running: busy,
      queued: Math.max(0, level - slots),
      tokensPerSecond: Math.max(0, busy ** 0.75 * 170 * (1 + 0.06 * draw.normal())),
    });
  }
  const clock = setInterval(() => {
    history.push({ t: Date.now(), running, queued, tokensPerSecond: tokens });
    if (history.length > historySeconds) history.shift();
    tokens = 0;
  }, 1000);
  clock.unref();
  return {
    async inSlot(work) {
      requests++;
      if (running >= slots) {
        queued++;
        await new Promise<void>(go => void waiting.push(go));
        queued--;
      }
      running++;
      try {
        await work({ token: () => tokens++ });
      } finally {
        running--;
        waiting.shift()?.();
      }
    },
    state: () => ({
      slots,
      running,
      queued,
      requests,
      tokensPerSecond: history.at(-1)?.tokensPerSecond ?? 0,
      history,
      latency: { firstTokenMs: { p50: 19.4, p99: 61.2 }, perTokenMs: { p50: 5.6, p99: 9.8 } },
    }),
    close: () => clearInterval(clock),
  };
}
