/**
 * A request through the guards before its model: each in its turn sees what those before it have left. What it says of the answer's texts is kept
 * for `answer.ts`; an answer passes the guards the other way.
 */
import { type Clock, formatBytes } from "../../base/index.ts";
import type { Endpoint } from "../endpoints.ts";
import { gatewayErrors } from "../errors.ts";
import type { Ask } from "../http/ask.ts";
import { replaceMembers } from "../http/members.ts";
import type { Identity } from "../identity/contract.ts";
import type { ReviewQueue } from "../review/queue.ts";
import { turnFor } from "../turns.ts";
import type { Stop } from "../upstreams/stop.ts";
import type { GuardActs } from "./acts.ts";
import { type AnswerFilters, answerFilters } from "./answer-filters.ts";
import type { Guard, GuardAsk, GuardAskModel, GuardSession, Verdict } from "./contract.ts";
import { closedBy, GuardFailure } from "./failure.ts";
import { requestDocuments } from "./llm-judge/documents.ts";
import type { HeldRequests } from "./person/held.ts";
import { fixedOf, hasTokenIds, nativeTexts, requestTexts, withTexts } from "./texts.ts";

interface ToGuard {
  readonly guards: readonly Guard[];
  readonly ask: Ask;
  readonly id: string;
  readonly identity: Identity;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly acts: GuardActs;
  readonly held: HeldRequests;
  readonly reviews: ReviewQueue;
  readonly stop: Stop;
  readonly clock: Clock;
  readonly askModel: GuardAskModel;
}

interface Guarded {
  /** As the model is asked. */
  readonly ask: Ask;
  /** Undefined where no guard looks at the answer. */
  readonly filters: AnswerFilters | undefined;
}

const blocked = (guard: string, why: string) =>
  gatewayErrors.fail("blocked", {
    place: `guard ${guard}`,
    message: `the request was not sent: ${why}`,
    hint: "Change it, and send it again.",
  });

/** Errors: gateway/tooLarge. */
function checkSize({ name, maxBytes }: Guard, texts: readonly string[], fixed: readonly string[]): void {
  if (maxBytes === undefined) return;
  let size = 0;
  for (const text of texts) size += Buffer.byteLength(text);
  for (const text of fixed) size += Buffer.byteLength(text);
  if (size <= maxBytes) return;
  throw gatewayErrors.fail("tooLarge", {
    place: `guard ${name}`,
    expected: `at most ${formatBytes(maxBytes)} of text`,
    received: formatBytes(size),
    hint: "Send a shorter prompt, or raise the guard's maxBytes.",
  });
}

/** An answer that is made later is read at another address, past the guards. Errors: gateway/parameter. */
function checkForeground({ body }: Ask, watching: Guard | undefined): void {
  if (!watching || body.background !== true) return;
  throw gatewayErrors.fail("parameter", {
    place: "background",
    expected: `false, since the guard ${watching.name} checks answers of this model as they are made`,
    received: "true",
  });
}

/** Errors: gateway/cancelled, UpstreamFailure of the drain. */
function throwIfStopped({ reason }: Stop): void {
  if (!reason) return;
  if (reason.kind === "left")
    throw gatewayErrors.fail("cancelled", { message: "the client left while guards looked at its request" }, reason);
  throw reason;
}

async function withOthers(ask: Ask, texts: readonly string[]): Promise<Ask> {
  const changes = withTexts(ask.body, texts);
  const { text, members } = replaceMembers(ask.text, ask.members, changes);
  await turnFor(text.length);
  return { ...ask, text, members: { ...ask.members, members }, body: { ...ask.body, ...changes } };
}

const conversationOf = ({ body: { previous_response_id: previous, conversation } }: Ask): string | undefined => {
  if (typeof previous === "string") return previous;
  return conversation === undefined || conversation === null ? undefined : JSON.stringify(conversation);
};

/**
 * Errors: gateway/blocked, gateway/tooLarge, gateway/unavailable where a guard that is closed cannot judge, gateway/parameter for an answer in the background,
 * gateway/cancelled.
 */
export async function guarded(given: ToGuard): Promise<Guarded> {
  const { ask, id, identity, model, endpoint, acts, held, reviews, stop, clock } = given;
  const asked: GuardAsk = { id, identity, model, endpoint, askModel: given.askModel, documents: requestDocuments(ask.body) };
  const guards = given.guards.filter(g => g.isFor(asked));
  const sessions = guards.map(guard => ({ guard, session: guard.open(asked) }));
  checkForeground(ask, sessions.find(({ guard, session }) => session.filter && guard.stages.includes("answer"))?.guard);
  const looking = sessions.filter(({ guard, session }) => session.before && guard.stages.includes("request"));
  if (looking.length === 0) return { ask, filters: answerFilters(sessions, acts, clock) };
  const first = looking[0]!.guard.name;
  if (hasTokenIds(ask.body)) {
    acts.add(first, "request", "block");
    throw blocked(first, "it holds token ids, which guards cannot look at");
  }
  await turnFor(ask.sizeBytes);
  const own = requestTexts(ask.body);
  const original = ask.native ? [...own, ...nativeTexts(ask.native.text, own)] : own;
  let texts: readonly string[] = original;
  const flaggedBy: string[] = [];
  for (const { guard, session } of looking) {
    const { name } = guard;
    const fixed = fixedOf(ask.body, texts.slice(0, own.length));
    checkSize(guard, texts, fixed);
    await turnFor(ask.sizeBytes);
    const from = clock.monotonic();
    const verdict = await judged(
      guard,
      session,
      { ...asked, texts, fixed, conversation: conversationOf(ask), flaggedBy, stop, held, reviews },
      acts,
    );
    acts.took(name, "request", clock.monotonic() - from);
    await turnFor(ask.sizeBytes);
    throwIfStopped(stop);
    if (verdict === undefined) continue;
    acts.add(name, "request", verdict.kind);
    if ("note" in verdict && verdict.note) acts.note(name, "request", verdict.note);
    if (verdict.kind === "block") {
      if (verdict.appeal) acts.appeal = `${verdict.appeal.id} ${verdict.appeal.token}`;
      throw blocked(name, verdict.why);
    }
    if (verdict.kind === "flag") flaggedBy.push(name);
    if (verdict.kind === "rewrite") texts = verdict.texts;
  }
  const isSame = texts === original || texts.every((t, i) => t === original[i]);
  // another body, though with the same texts where only thoughts changed, is not put in the client's own words
  return { ask: isSame ? ask : await withOthers(ask, texts.slice(0, own.length)), filters: answerFilters(sessions, acts, clock) };
}

/** Undefined: it cannot judge, and is open. */
async function judged(
  guard: Guard,
  session: GuardSession,
  request: Parameters<NonNullable<GuardSession["before"]>>[0],
  acts: GuardActs,
): Promise<Verdict | undefined> {
  try {
    return await session.before!(request);
  } catch (error) {
    if (!(error instanceof GuardFailure)) throw error;
    acts.add(guard.name, "request", guard.failsOpen ? "open" : "closed");
    if (guard.failsOpen) return undefined;
    throw closedBy(guard.name, error);
  }
}
