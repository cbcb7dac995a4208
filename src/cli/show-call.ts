/** Calls of the library as a command shows them: their events as lines for people, or with --json as they are; gives the result. */
import {
  type Call,
  callOf,
  type EventContent,
  eventVersion,
  type LossPoint,
  type ProjectEvent,
  type StageEvent,
  type Watch,
} from "../project/index.ts";
import { chart } from "./chart.ts";
import type { Output } from "./output.ts";
import type { Context } from "./verb.ts";

/** Lines of a verb's own for events of a name. */
export type EventLines = { readonly [E in ProjectEvent["event"]]?: (event: Extract<ProjectEvent, { readonly event: E }>) => void };

/** Events that lines for people are made from, and no line of --json. */
const forPeople: ReadonlySet<ProjectEvent["event"]> = new Set(["study", "trials", "model", "stopping", "text", "rebuilt", "quantized"]);

/** The losses of a run, train and held-out in one picture. */
function lossChart(points: readonly LossPoint[]): string[] {
  const lines = chart([
    { name: "train", points: points.map(p => [p.step, p.loss] as const) },
    { name: "held-out", points: points.flatMap(p => (p.heldOut === undefined ? [] : [[p.step, p.heldOut] as const])) },
  ]);
  return lines.length ? ["loss and held-out loss, nats a token, by step", ...lines] : [];
}

function showStage(out: Output, { label, action, described, tookMs, losses = [], differsFrom }: StageEvent): void {
  if (action === "made") out.done(label, described, tookMs);
  else out.done(label, `${described}  (unchanged)`);
  for (const line of lossChart(losses)) out.line(`      ${line}`);
  if (differsFrom !== undefined) out.warn(`loam: ${label}: the same recipe gave other content than ${differsFrom}; both are recorded.`);
}

/** Shows an event: a warning, progress and stages in the form of all verbs, others by the verb's own lines. */
export function showEvent(out: Output, event: ProjectEvent, lines: EventLines = {}): void {
  const { event: name, ...data } = event;
  if (event.event === "progress") out.progress(event.label)(event);
  else if (event.event === "warning") out.warn(event.message);
  else if (event.event === "note") {
    out.clear();
    out.line(`  ${event.message}`);
  } else {
    if (event.event === "stage") showStage(out, event);
    // each name's own lines: TypeScript does not follow the name through the table
    (lines[name] as ((e: ProjectEvent) => void) | undefined)?.(event);
    if (!forPeople.has(name)) out.event(name, data);
  }
}

/** Reads a call to its end. Errors: those of the call. */
export async function showCall<T>({ out }: Pick<Context, "out">, call: Call<T>, lines?: EventLines): Promise<T> {
  for await (const event of call) showEvent(out, event, lines);
  return call;
}

/** For what is a function of the library and no call: its events are shown as they come. */
export const watchOf = ({ out, signal, abandon }: Context, lines?: EventLines): Watch => ({
  signal,
  abandon,
  emit: (content: EventContent) => showEvent(out, { ...content, v: eventVersion }, lines),
});

/** The same where --json is one document: progress is for people. */
export const quietWatchOf = (context: Context): Watch => {
  const { emit, ...watch } = watchOf(context);
  return { ...watch, emit: event => (context.out.json && event.event === "progress" ? undefined : emit(event)) };
};

/** What a call is given of a command. */
export const callOptions = ({ signal, abandon }: Context) => ({ signal, abandon });

/** As `showCall`, of a function of the library. */
export const showWork = <T>(context: Context, work: (watch: Watch) => Promise<T>, lines?: EventLines): Promise<T> =>
  showCall(context, callOf(work, callOptions(context)), lines);
