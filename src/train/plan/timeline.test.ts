import { expect, test } from "vitest";
import { accelerators } from "./accelerators.ts";
import { planTraining } from "./plan.ts";
import type { ModelShape } from "./step-model.ts";
import { stepTimeline, timelineSvg, timelineTrace } from "./timeline.ts";

const shape: ModelShape = { layers: 48, width: 4096, heads: 32, hidden: 16_384, isGated: false, vocab: 51_200, length: 2048, isTied: true };
const planOf = (pipeline: number, rows = 64) =>
  planTraining({
    accelerator: accelerators["a100-80gb"]!,
    count: 8 * pipeline,
    shape,
    rows,
    mesh: { tensor: 8, pipeline },
    microRows: 1,
    overlaps: false,
  }).best;

test.each([1, 2, 4])(
  "with %i pipeline ranks every micro-batch passes every stage once in each direction, and no rank does two things at once",
  pipeline => {
    const best = planOf(pipeline);
    const { spans, ranks } = stepTimeline(best);
    expect(ranks).toBe(pipeline);
    const micros = 64;
    const stages = pipeline * best.layout.chunks;
    for (const kind of ["forward", "backward"] as const) {
      const seen = spans.filter(s => s.kind === kind).map(s => `${s.stage} ${s.microBatch}`);
      expect(new Set(seen).size).toBe(micros * stages);
      expect(seen).toHaveLength(micros * stages);
    }
    for (let rank = 0; rank < ranks; rank++) {
      const own = spans.filter(s => s.rank === rank).sort((a, b) => a.from - b.from);
      for (const [i, s] of own.slice(1).entries()) expect(s.from).toBeGreaterThanOrEqual(own[i]!.to - 1e-12);
    }
  },
);

test("a stage begins after the one before it has sent", () => {
  const { spans } = stepTimeline(planOf(4));
  const at = new Map(spans.map(s => [`${s.kind} ${s.stage} ${s.microBatch}`, s]));
  for (const s of spans) {
    if (s.kind === "forward" && s.stage! > 0) expect(s.from).toBeGreaterThanOrEqual(at.get(`forward ${s.stage! - 1} ${s.microBatch}`)!.to);
    if (s.kind === "backward") expect(s.from).toBeGreaterThanOrEqual(at.get(`forward ${s.stage} ${s.microBatch}`)!.to);
  }
});

test("the timeline takes as long as the plan says, within the transfers that it places one by one", () => {
  for (const pipeline of [1, 2, 4]) {
    const best = planOf(pipeline);
    expect(stepTimeline(best).seconds / best.seconds.total).toBeCloseTo(1, 1);
  }
});

test("a step of many micro-batches is drawn with some of them; both forms hold every span", () => {
  const timeline = stepTimeline(planOf(4, 4096), 16);
  expect(timeline.spans.filter(s => s.kind === "forward" && s.stage === 0)).toHaveLength(16);
  const trace = JSON.parse(timelineTrace(timeline)) as { traceEvents: { ts: number; dur: number; tid: number }[] };
  expect(trace.traceEvents).toHaveLength(timeline.spans.length);
  expect(trace.traceEvents.every(e => e.dur > 0 && e.tid < 4)).toBe(true);
  expect(timelineSvg(timeline).match(/<title>/g)).toHaveLength(timeline.spans.length + 1);
});
