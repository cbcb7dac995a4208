/** When each rank of a planned step does what: for a look at the pipeline's bubble, as a drawing and as a Chrome trace (chrome://tracing, Perfetto). */
import { type PipelineAction, pipelineSchedule } from "../../tensor/index.ts";
import type { PlannedStep } from "./plan.ts";

export interface TimelineSpan {
  /** Of the pipeline: other axes do the same beside it. */
  readonly rank: number;
  readonly kind: "forward" | "backward" | "data" | "optimizer";
  /** Of forward and backward. */
  readonly microBatch?: number;
  readonly stage?: number;
  /** Seconds from the step's beginning. */
  readonly from: number;
  readonly to: number;
}

export interface StepTimeline {
  readonly ranks: number;
  readonly seconds: number;
  readonly spans: readonly TimelineSpan[];
}

type Transfer = Extract<PipelineAction, { readonly peer: number }>;
const sentKey = ({ what, stage, microBatch }: Pick<Transfer, "what" | "stage" | "microBatch">): string => `${what} ${stage} ${microBatch}`;

/** Spans of forward and backward passes. A transfer takes `message` seconds after its sender computed; whoever needs it waits, and only then. */
function pipelineSpans(
  plan: readonly (readonly PipelineAction[])[],
  pass: { readonly forward: number; readonly backward: number },
  message: number,
): TimelineSpan[] {
  const spans: TimelineSpan[] = [];
  const arrival = new Map<string, number>();
  const awaited = new Set(plan.flatMap(actions => actions.flatMap(a => (a.kind === "receive" ? [sentKey(a)] : []))));
  const next = plan.map(() => 0);
  const now = plan.map(() => 0);
  /** What a pass needs of another rank. */
  const neededBy = ({ kind, stage, microBatch }: Extract<PipelineAction, { readonly kind: "forward" | "backward" }>): string =>
    kind === "forward"
      ? sentKey({ what: "activation", stage: stage - 1, microBatch })
      : sentKey({ what: "gradient", stage: stage + 1, microBatch });
  /** Does what one rank can do now; tells whether that was anything. */
  function advance(rank: number): boolean {
    const actions = plan[rank]!;
    const before = next[rank]!;
    for (let action = actions[before]; action; action = actions[++next[rank]!]) {
      if (action.kind === "send") arrival.set(sentKey(action), now[rank]! + message);
      if ("peer" in action) continue;
      const needed = neededBy(action);
      const at = awaited.has(needed) ? arrival.get(needed) : 0;
      if (at === undefined) break;
      const from = Math.max(now[rank]!, at);
      const { kind, stage, microBatch } = action;
      now[rank] = from + pass[kind];
      spans.push({ rank, kind, stage, microBatch, from, to: now[rank]! });
    }
    return next[rank]! > before;
  }
  while (plan.map((_, rank) => advance(rank)).some(Boolean));
  return spans;
}

/** The step of a plan, micro-batch by micro-batch. At most `mostMicroBatches` are drawn: a step of thousands looks like one of dozens. */
export function stepTimeline({ layout, seconds }: PlannedStep, mostMicroBatches = 64): StepTimeline {
  const { pipeline, chunks, rows, data, microRows } = layout;
  const all = rows / data / microRows;
  const microBatches = Math.min(all, Math.max(pipeline, mostMicroBatches - (mostMicroBatches % pipeline)));
  const kind = chunks > 1 ? "interleaved" : "1f1b";
  const { ranks } = pipelineSchedule(kind, { ranks: pipeline, microBatches, chunks });
  const message = seconds.parts.pipeline / all / Math.max(1, 2 * chunks);
  const spans = pipelineSpans(ranks, { forward: seconds.forward / chunks, backward: seconds.backward / chunks }, message);
  const passed = Math.max(...spans.map(s => s.to));
  for (let rank = 0; rank < pipeline; rank++) {
    const reduced = passed + seconds.parts.data;
    if (seconds.parts.data > 0) spans.push({ rank, kind: "data", from: passed, to: reduced });
    spans.push({ rank, kind: "optimizer", from: reduced, to: reduced + seconds.parts.optimizer });
  }
  return { ranks: pipeline, seconds: Math.max(...spans.map(s => s.to)), spans };
}

/** Chrome's trace event format: complete events in microseconds, a thread for each pipeline rank. */
export const timelineTrace = ({ spans }: StepTimeline): string =>
  JSON.stringify({
    displayTimeUnit: "ms",
    traceEvents: spans.map(({ rank, kind, stage, microBatch, from, to }) => ({
      name: microBatch === undefined ? kind : `${kind} ${microBatch}`,
      cat: kind,
      ph: "X",
      pid: 0,
      tid: rank,
      ts: from * 1e6,
      dur: (to - from) * 1e6,
      args: { stage, microBatch },
    })),
  });

const colours = { forward: "#4c8bf5", backward: "#34a853", data: "#f9ab00", optimizer: "#a142f4" } as const;
const height = 22;
const left = 60;
const width = 1100;

/** The drawing as one `<svg>` element: a line for each pipeline rank; what is empty is idle. No script, no fonts. */
export function timelineSvg({ ranks, seconds, spans }: StepTimeline): string {
  const x = (t: number): string => (left + (width * t) / seconds).toFixed(2);
  const bars = spans.map(({ rank, kind, stage, microBatch, from, to }) => {
    const title = microBatch === undefined ? kind : `${kind} of micro-batch ${microBatch}, stage ${stage}`;
    const w = Math.max(0.2, (width * (to - from)) / seconds).toFixed(2);
    return `<rect x="${x(from)}" y="${30 + rank * height}" width="${w}" height="${height - 4}" fill="${colours[kind]}" fill-opacity="${stage !== undefined && Math.floor(stage / ranks) % 2 ? 0.65 : 1}" stroke="#fff" stroke-width="0.3"><title>${title}: ${((to - from) * 1000).toFixed(2)} ms</title></rect>`;
  });
  const names = Array.from({ length: ranks }, (_, rank) => `<text x="4" y="${30 + rank * height + 13}">rank ${rank}</text>`);
  const legend = Object.entries(colours).map(
    ([kind, colour], i) =>
      `<rect x="${left + 110 * i}" y="8" width="12" height="12" fill="${colour}"/><text x="${left + 110 * i + 17}" y="18">${kind}</text>`,
  );
  const total = `<text x="${left + width - 120}" y="18">${seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(1000 * seconds).toFixed(1)} ms`}</text>`;
  const size = { w: left + width + 10, h: 40 + ranks * height };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.w} ${size.h}" font-family="sans-serif" font-size="12"><title>A training step by pipeline rank</title><rect width="${size.w}" height="${size.h}" fill="#fff"/>${legend.join("")}${total}${names.join("")}${bars.join("")}</svg>\n`;
}
