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
  /** Slots that it needs, all at once; 1 when absent. */
  readonly slots?: number;
  /** Positions of the cache that what it knows takes. */
  readonly known: number;
  /** It ran before and was put back for lack of positions: it comes before those who never ran. */
  readonly isResumed?: boolean;
}

export interface RunningView extends Omit<WaitingView, "slots" | "isResumed"> {
  /** The search that it is a beam of, which runs and is put back as a whole; itself when absent. */
  readonly search?: number;
  readonly slot: number;
  readonly computed: number;
  /** Its client does not read, or what it says is being judged: it keeps its slot and pauses. */
  readonly isBlocked: boolean;
  /** Step of its last chunk; -1 before the first. */
  readonly lastChunk: number;
  /** Tokens that are guessed to follow what is known. */
  readonly guessed?: number;
  /** They are no guesses: the answer was given beforehand. */
  readonly isForced?: boolean;
  /** A small model guesses them: its last token is computed in a round with them, and in no chunk. */
  readonly isDrafted?: boolean;
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
  /** Tokens that are verified at once, the known one included; nothing is when absent. */
  readonly verifyWidth?: number;
  /** Positions that all who run may hold together; what the slots have when absent. At least `room`. */
  readonly cacheTokens?: number;
}

export interface StepPlan {
  /** Who gives up its slots and is computed anew later: answers, and searches by their first answer. */
  readonly preempt: readonly number[];
  /** Who leaves the queue for which slot. It is planned for from the next step on. */
  readonly admit: readonly { readonly id: number; readonly slot: number; readonly more?: readonly number[] }[];
  readonly decode: readonly { readonly id: number; readonly slot: number }[];
  /** Whose guesses are verified, instead of a decode. */
  readonly verify: readonly { readonly id: number; readonly slot: number }[];
  /** For whom a small model guesses, and whose guesses are judged, all at once. */
  readonly round: readonly { readonly id: number; readonly slot: number }[];
  /** `end` is how far chunks of it go: all that is known, but for the last token of who is in rounds. */
  readonly chunks: readonly { readonly id: number; readonly slot: number; readonly chunk: Chunk; readonly end: number }[];
}

/** Who comes in finds positions for so many steps, so that nobody is put back as soon as it is there. */
const stepsAhead = 16;

/** Positions that it holds when this step is done: they are reserved before it runs. */
const heldBy = ({ known, guessed = 0 }: RunningView): number => known + guessed;

/**
 * Who has to go so that all that run find positions in this step: the newest first, so that the oldest always gets on and everybody is
 * answered in the end. Putting back and computing anew, instead of moving memory away, is vLLM's choice too.
 */
function preemptions({ running }: SchedulerView, cacheTokens: number): number[] {
  const held = new Map<number, number>();
  for (const r of running) held.set(r.search ?? r.id, (held.get(r.search ?? r.id) ?? 0) + heldBy(r));
  let all = [...held.values()].reduce((a, b) => a + b, 0);
  const newest = [...held.keys()].sort((a, b) => b - a);
  const gone: number[] = [];
  while (all > cacheTokens && gone.length < newest.length - 1) {
    const id = newest[gone.length]!;
    gone.push(id);
    all -= held.get(id)!;
  }
  return gone;
}

/**
 * Who takes the free slots: whoever was put back goes first, then the group with the fewest sequences running, the earliest arrival of
 * equals. A request of a hundred answers takes the slots that nobody else wants. One that needs several slots, or many positions, waits for
 * them at the head: free ones are kept for it.
 */
function admissions({ freeSlots, waiting, running }: SchedulerView, cacheTokens: number): StepPlan["admit"] {
  const load = new Map<string, number>();
  for (const { group } of running) load.set(group, (load.get(group) ?? 0) + 1);
  let held = running.reduce((n, r) => n + heldBy(r), 0);
  const left = [...waiting];
  const rank = ({ isResumed, id, group }: WaitingView) => (isResumed ? id - Number.MAX_SAFE_INTEGER : (load.get(group) ?? 0));
  const admit: { id: number; slot: number; more?: readonly number[] }[] = [];
  for (let at = 0; at < freeSlots.length && left.length > 0; ) {
    let best = 0;
    for (let i = 1; i < left.length; i++) if (rank(left[i]!) < rank(left[best]!)) best = i;
    const { id, group, known, slots = 1 } = left[best]!;
    if (at + slots > freeSlots.length || (held > 0 && held + known + slots * stepsAhead > cacheTokens)) break;
    left.splice(best, 1);
    load.set(group, (load.get(group) ?? 0) + slots);
    held += known;
    const [slot, ...more] = freeSlots.slice(at, at + slots) as [number, ...number[]];
    admit.push({ id, slot, ...(more.length ? { more } : {}) });
    at += slots;
  }
  return admit;
}

export function planStep(view: SchedulerView, limits: SchedulerLimits): StepPlan {
  const { cacheTokens = Number.POSITIVE_INFINITY } = limits;
  const preempt = preemptions(view, cacheTokens);
  const active = view.running.filter(s => !s.isBlocked && !preempt.includes(s.search ?? s.id));
  const wantOne = active.filter(s => s.known - s.computed === 1);
  // a guess pays where a step has idle rows anyway: the program that verifies serves one sequence, the one that decodes serves all
  const isVerified = (s: RunningView) =>
    (s.guessed ?? 0) > 0 &&
    limits.verifyWidth !== undefined &&
    !s.isDrafted &&
    s.computed + limits.verifyWidth <= limits.room &&
    (wantOne.length === 1 || s.isForced === true);
  const placed = ({ id, slot }: RunningView) => ({ id, slot });
  const decode = wantOne.filter(s => !isVerified(s) && !s.isDrafted).map(placed);
  const round = wantOne.filter(s => s.isDrafted).map(placed);
  const verify = wantOne.filter(isVerified).map(placed);
  // whoever waited longest for a chunk goes first: long prompts take turns, short ones are soon through
  const inPrompt = active.filter(s => s.known - s.computed > 1).sort((a, b) => a.lastChunk - b.lastChunk || a.id - b.id);
  const chunks: { id: number; slot: number; chunk: Chunk; end: number }[] = [];
  let budget = limits.chunkTokens;
  for (const { id, slot, computed, known, isDrafted } of inPrompt) {
    const end = isDrafted ? known - 1 : known;
    const chunk = nextChunk(computed, end, limits.widths, limits.room);
    if (chunks.length > 0 && chunk.width > budget) break;
    budget -= chunk.width;
    chunks.push({ id, slot, chunk, end });
  }
  // whoever was just put back does not come in again before the others have gone on
  const admit = preempt.length > 0 ? [] : admissions(view, cacheTokens);
  return { preempt, admit, decode, verify, round, chunks };
}

/** Sequences that get one token or more. */
export const decoding = ({ decode, verify, round }: StepPlan): number => decode.length + verify.length + round.length;

export const isIdle = (plan: StepPlan): boolean => plan.preempt.length + plan.admit.length + decoding(plan) + plan.chunks.length === 0;
