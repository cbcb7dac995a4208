/** A step's kernels as boxes over time, for a flame chart: the step, its programs, what kind of work follows on what, and every kernel. Pure. */
import type { RunProfile } from "../generated/server.ts";

type Timeline = NonNullable<RunProfile["profile"]>["timeline"];
export type KernelKind = Timeline[number]["spans"][number]["kind"];

export interface FlameBox {
  /** 0: the step, 1: a program, 2: kernels of one kind that follow each other, 3: a kernel. */
  readonly depth: 0 | 1 | 2 | 3;
  readonly startMs: number;
  readonly ms: number;
  readonly text: string;
  readonly kind: KernelKind | null;
}

/** Boxes of a depth in the order of time. Programs follow each other: each has a clock of its own. */
export function flameBoxes(timeline: Timeline): FlameBox[] {
  const totalMs = timeline.reduce((n, p) => n + p.ms, 0);
  const boxes: FlameBox[] = [{ depth: 0, startMs: 0, ms: totalMs, text: "step", kind: null }];
  let at = 0;
  for (const { program, ms, spans } of timeline) {
    boxes.push({ depth: 1, startMs: at, ms, text: program, kind: null });
    for (const group of groupsOf(spans)) {
      const [first, last] = [group[0]!, group.at(-1)!];
      const untilMs = last.startMs + last.ms;
      boxes.push({ depth: 2, startMs: at + first.startMs, ms: untilMs - first.startMs, text: first.kind, kind: first.kind });
    }
    for (const s of spans) boxes.push({ depth: 3, startMs: at + s.startMs, ms: s.ms, text: s.what, kind: s.kind });
    at += ms;
  }
  return boxes;
}

type Spans = Timeline[number]["spans"];
/** Spans of one kind that follow each other. */
function groupsOf(spans: Spans): Spans[] {
  const groups: Spans[] = [];
  for (const s of spans) {
    const open = groups.at(-1);
    if (open?.[0]?.kind === s.kind) open.push(s);
    else groups.push([s]);
  }
  return groups;
}

/** What of a text a box of so many pixels has room for; nothing where that is too little to read. */
export function fitted(text: string, pixels: number): string {
  const room = Math.floor((pixels - 8) / 6.2);
  if (text.length <= room) return text;
  return room < 4 ? "" : `${text.slice(0, room - 1)}…`;
}
