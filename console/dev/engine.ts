/** The fake server's slots and queue: real counts of the streams it serves, with a made-up past so that a chart has something to show. */
import { random } from "../../src/base/index.ts";

const historySeconds = 300;

export interface FakeEngine {
  /** Runs `work` when a slot is free. */
  inSlot(work: (signal: { readonly token: () => void }) => Promise<void>): Promise<void>;
  state(): object;
  /** Prometheus text with the two histograms that the page reads: a made-up past, and the streams that were served. */
  metrics(): string;
  /** Stops the clock. */
  close(): void;
}

function histogram(name: string, bounds: readonly number[], past: readonly number[]) {
  const counts = bounds.map(b => past.filter(v => v <= b).length);
  let all = past.length;
  return {
    add(seconds: number) {
      all++;
      for (const [i, b] of bounds.entries()) if (seconds <= b) counts[i]!++;
    },
    text: () =>
      [
        ...bounds.map((b, i) => `${name}_bucket{le="${b}"} ${counts[i]}`),
        `${name}_bucket{le="+Inf"} ${all}`,
        `${name}_count ${all}`,
        "",
      ].join("\n"),
  };
}

export function fakeEngine(slots: number): FakeEngine {
  const draw = random("engine");
  const history: { t: number; running: number; queued: number; tokensPerSecond: number }[] = [];
  let [running, queued, requests, tokens] = [0, 0, 214, 0];
  const waiting: (() => void)[] = [];
  const bell = (middle: number, n: number) => Array.from({ length: n }, () => middle * Math.exp(0.35 * draw.normal()));
  const first = histogram("loam_time_to_first_token_seconds", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1], bell(0.021, 214));
  const between = histogram("loam_inter_token_seconds", [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05], bell(0.0056, 4000));
  const now = Date.now();
  let level = 0;
  for (let s = slots === 0 ? 0 : historySeconds; s > 0; s--) {
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
    if (slots === 0) return;
    history.push({ t: Date.now(), running, queued, tokensPerSecond: tokens });
    if (history.length > historySeconds) history.shift();
    tokens = 0;
  }, 1000);
  clock.unref();
  return {
    async inSlot(work) {
      requests++;
      const askedMs = performance.now();
      if (running >= slots) {
        queued++;
        await new Promise<void>(go => void waiting.push(go));
        queued--;
      }
      running++;
      try {
        let lastMs = askedMs;
        let isFirst = true;
        const token = () => {
          const now = performance.now();
          (isFirst ? first : between).add((now - lastMs) / 1000);
          [lastMs, isFirst] = [now, false];
          tokens++;
        };
        await work({ token });
      } finally {
        running--;
        waiting.shift()?.();
      }
    },
    state: () => ({
      // full streams hold two thirds of their slots
      cacheUse: slots === 0 ? null : (0.67 * running) / slots,
      cacheBytes: 12_582_912,
      slots,
      running,
      queued,
      requests,
      tokensPerSecond: history.at(-1)?.tokensPerSecond ?? 0,
      history,
    }),
    metrics: () => first.text() + between.text(),
    close: () => clearInterval(clock),
  };
}
