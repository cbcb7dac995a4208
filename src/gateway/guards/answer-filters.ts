/** The filters that guards have for an answer's texts: one chain a text, made when the text begins. */
import type { Clock } from "../../base/index.ts";
import type { GuardActs } from "./acts.ts";
import type { Did, FilteredPiece, Guard, GuardSession, TextFilter, TextForm } from "./contract.ts";
import { closedBy, GuardFailure } from "./failure.ts";
import { joinedFilters } from "./joined.ts";

export interface AnswerFilters {
  /** For a text that begins. */
  open(form: TextForm, isWhole?: boolean): TextFilter;
  /** Some text of the answer ended early. */
  readonly hasBlocked: boolean;
  /** The answer is over, whatever became of it. */
  ended(): void;
}

const decisionOf: { readonly [D in Did]: "flag" | "rewrite" | "restore" | "open" } = {
  flag: "flag",
  rewrite: "rewrite",
  restore: "restore",
  unjudged: "open",
};

/** `sessions` in the order that the request passed them. Undefined where none looks at answers. */
export function answerFilters(
  sessions: readonly { readonly guard: Guard; readonly session: GuardSession }[],
  acts: GuardActs,
  clock: Clock,
): AnswerFilters | undefined {
  const looking = sessions
    .filter(({ guard, session }) => session.filter && guard.stages.includes("answer"))
    .map(({ guard, session }) => ({ guard, session, ms: 0, has: session.filter!("text", false) !== undefined }))
    .filter(({ has }) => has)
    .reverse();
  if (looking.length === 0) return undefined;

  const watched = (row: (typeof looking)[number], filter: TextFilter): TextFilter => {
    const { name } = row.guard;
    const run = async (work: () => FilteredPiece | Promise<FilteredPiece>): Promise<FilteredPiece> => {
      const from = clock.monotonic();
      try {
        const piece = await work();
        if (piece.did) acts.add(name, "answer", decisionOf[piece.did]);
        if (piece.isBlocked) acts.add(name, "answer", "block");
        if (piece.note) acts.note(name, "answer", piece.note);
        return piece;
      } catch (error) {
        if (!(error instanceof GuardFailure)) throw error;
        acts.add(name, "answer", "closed");
        throw closedBy(name, error);
      } finally {
        row.ms += clock.monotonic() - from;
      }
    };
    return { push: text => run(() => filter.push(text)), end: () => run(() => filter.end()) };
  };
  return {
    open: (form, isWhole = false) =>
      joinedFilters(looking.flatMap(row => [row.session.filter!(form, isWhole)].filter(f => f !== undefined).map(f => watched(row, f)))),
    get hasBlocked() {
      return looking.some(({ guard }) => acts.has(guard.name, "answer", "block"));
    },
    ended: () => {
      for (const { guard, ms } of looking) {
        acts.passed(guard.name, "answer");
        acts.took(guard.name, "answer", ms);
      }
    },
  };
}
