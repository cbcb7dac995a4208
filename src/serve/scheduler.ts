/**
 * Decides what the next step computes: a pure function from who waits and who runs to a plain plan. One idea carries it (vLLM): a sequence
 * has tokens known and tokens computed; one missing is a decode, more are a chunk. Every decode runs in every step; chunks share a budget,
 * so a long prompt slows the others' tokens by one chunk and never stops them. The chunk itself is a function of its sequence alone
 * (`nextChunk`), so the plan decides when something is computed and never what.
 */
import { type Chunk, nextChunk } from "../nn/index.ts";

export interface WaitingView {
  readonly id: number;
  /** Who it belongs to: sequences of one request share a group. */
  readonly group: string;
}

export interface RunningView extends WaitingView {
  readonly slot: number;
  readonly computed: number;
  readonly known: number;
  /** Its client does not read: it keeps its slot and pauses. */
  readonly isBlocked: boolean;
  /** Step of its last chunk; -1 before the first. */
  readonly lastChunk: number;
}

export interface SchedulerView {
  readonly freeSlots: readonly number[];
  /** In order of arrival. */
  readonly waiting: readonly WaitingView[];
  readonly running: readonly RunningView[];
}

export interface SchedulerLimits {
  /** Width of all chunks of a step together; one chunk always runs. */
  readonly chunkTokens: number;
  readonly widths: readonly number[];
  readonly room: number;
}

export interface Plan {
  /** Who leaves the queue for which slot. It is planned for from the next step on. */
  readonly admit: readonly { readonly id: number; readonly slot: number }[];
  readonly decode: readonly { readonly id: number; readonly slot: number }[];
  readonly chunks: readonly { readonly id: number; readonly slot: number; readonly chunk: Chunk }[];
}

/**
 * Who takes the free slots: the group with the fewest sequences running goes first, the earliest arrival of equals. A request of a hundred
 * answers takes the slots that nobody else wants.
 */
function admissions({ freeSlots, waiting, running }: SchedulerView): Plan["admit"] {
  const load = new Map<string, number>();
  for (const { group } of running) load.set(group, (load.get(group) ?? 0) + 1);
  const left = [...waiting];
  const admit: { id: number; slot: number }[] = [];
  for (const slot of freeSlots) {
    if (left.length === 0) break;
    let best = 0;
    for (let i = 1; i < left.length; i++) if ((load.get(left[i]!.group) ?? 0) < (load.get(left[best]!.group) ?? 0)) best = i;
    const [{ id, group }] = left.splice(best, 1) as [WaitingView];
    load.set(group, (load.get(group) ?? 0) + 1);
    admit.push({ id, slot });
  }
  return admit;
}

export function decide(view: SchedulerView, limits: SchedulerLimits): Plan {
  const active = view.running.filter(s => !s.isBlocked);
  const decode = active.filter(s => s.known - s.computed === 1).map(({ id, slot }) => ({ id, slot }));
  // whoever waited longest for a chunk goes first: long prompts take turns, short ones are soon through
  const inPrompt = active.filter(s => s.known - s.computed > 1).sort((a, b) => a.lastChunk - b.lastChunk || a.id - b.id);
  const chunks: { id: number; slot: number; chunk: Chunk }[] = [];
  let budget = limits.chunkTokens;
  for (const { id, slot, computed, known } of inPrompt) {
    const chunk = nextChunk(computed, known, limits.widths, limits.room);
    if (chunks.length > 0 && chunk.width > budget) break;
    budget -= chunk.width;
    chunks.push({ id, slot, chunk });
  }
  return { admit: admissions(view), decode, chunks };
}

export const isIdle = (plan: Plan): boolean => plan.admit.length === 0 && plan.decode.length === 0 && plan.chunks.length === 0;
