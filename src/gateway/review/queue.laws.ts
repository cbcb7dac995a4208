/** What holds of the review queue whatever database keeps it. */
import { expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import { changesIn, verifyChanges } from "../identity/changes.ts";
import type { State } from "../state/state.ts";
import { reviewCipher } from "./cipher.ts";
import { ReviewQueue, voteOutcome } from "./queue.ts";
import type { NewReviewCase, ReviewDecision } from "./review-case.ts";

const secret = "test-only".repeat(5);
const minute = 60_000;

const caseOf = (more: Partial<NewReviewCase> = {}): NewReviewCase => ({
  guard: "reviewer",
  request: "req_1",
  key: "key_1",
  subject: "ann",
  model: "chat",
  endpoint: "chat",
  flaggedBy: ["risky"],
  policy: "v1",
  text: "a wire transfer to nightingale",
  priority: 0,
  reviewers: 1,
  deadlineMs: 60 * minute,
  onDeadline: "refuse",
  ...more,
});

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "none";
  } catch (error) {
    return isLoamError(error) ? error.code : String(error);
  }
};

export function reviewLaws(open: (name: string) => Promise<State>): void {
  let count = 0;
  const queueOf = async () => {
    const state = await open(`review${count++}`);
    const clock = { now: 1_000_000 };
    const of = (secrets = [secret]) =>
      new ReviewQueue({ database: state.database, cipher: reviewCipher(secrets), now: () => clock.now, leaseMs: 10 * minute });
    return { state, clock, queue: of(), of };
  };
  const vote = async (queue: ReviewQueue, subject: string, id: string, decision: ReviewDecision, category?: string) => {
    await queue.take(subject, { id });
    return queue.decide(subject, id, decision, category ?? null);
  };

  test("cases come by priority, then by age, each to one reviewer at a time", async () => {
    const { queue, clock, state } = await queueOf();
    const first = await queue.open(caseOf());
    clock.now += 1;
    const second = await queue.open(caseOf());
    const urgent = await queue.open(caseOf({ priority: 5 }));
    expect((await queue.list("waiting")).map(c => c.id)).toEqual([urgent.id, first.id, second.id]);
    const mine = await queue.take("vera");
    expect([mine?.id, mine?.text]).toEqual([urgent.id, "a wire transfer to nightingale"]);
    expect((await queue.take("vera"))?.id).toBe(urgent.id);
    expect((await queue.take("walt"))?.id).toBe(first.id);
    expect(await codeOf(queue.take("walt", { id: urgent.id }))).toBe("gateway/reviewConflict");
    await state.close();
  });

  test("a new secret in front makes no second reviewer of one: nobody votes twice on a case", async () => {
    const { queue, of, state } = await queueOf();
    const { id } = await queue.open(caseOf({ reviewers: 2 }));
    await vote(queue, "vera", id, "approve");
    const rotated = of(["another secret of thirty-two characters", secret]);
    expect(await codeOf(rotated.take("vera", { id }))).toBe("gateway/reviewConflict");
    expect(await rotated.take("vera")).toBeUndefined();
    expect(await vote(rotated, "walt", id, "approve")).toMatchObject({ state: "decided", decision: "approve" });
    await state.close();
  });

  test("a reviewer who leaves in the middle frees the case when the lease is over, and decides nothing any more", async () => {
    const { queue, clock, state } = await queueOf();
    const { id } = await queue.open(caseOf());
    await queue.take("vera");
    expect(await queue.take("walt")).toBeUndefined();
    clock.now += 10 * minute;
    expect((await queue.take("walt"))?.id).toBe(id);
    expect(await codeOf(queue.decide("vera", id, "approve"))).toBe("gateway/reviewConflict");
    expect((await queue.decide("walt", id, "refuse", "fraud")).decision).toBe("refuse");
    await state.close();
  });

  test("two reviewers must agree; where they differ a third decides, and nobody votes twice", async () => {
    const { queue, state } = await queueOf();
    const agreed = await queue.open(caseOf({ reviewers: 2 }));
    expect((await vote(queue, "vera", agreed.id, "approve")).state).toBe("waiting");
    expect(await codeOf(queue.take("vera", { id: agreed.id }))).toBe("gateway/reviewConflict");
    expect(await vote(queue, "walt", agreed.id, "approve")).toMatchObject({ decision: "approve", decidedBy: "reviewers" });
    const disputed = await queue.open(caseOf({ reviewers: 2 }));
    await vote(queue, "vera", disputed.id, "approve");
    expect(await vote(queue, "walt", disputed.id, "refuse")).toMatchObject({ state: "waiting", needed: 3, decision: null });
    expect(await vote(queue, "xena", disputed.id, "refuse")).toMatchObject({ decision: "refuse", decidedBy: "adjudicator" });
    await state.close();
  });

  test("two reviewers have a case of two at once, a third has it not", async () => {
    const { queue, state } = await queueOf();
    const { id } = await queue.open(caseOf({ reviewers: 2 }));
    expect([(await queue.take("vera"))?.id, (await queue.take("walt"))?.id, await queue.take("xena")]).toEqual([id, id, undefined]);
    await state.close();
  });

  test("what is decided stays decided: another vote, another decision and an unknown case are errors", async () => {
    const { queue, state } = await queueOf();
    const { id } = await queue.open(caseOf());
    expect(await codeOf(queue.decide("vera", id, "approve"))).toBe("gateway/reviewConflict");
    await vote(queue, "vera", id, "approve");
    const late = [
      () => queue.decide("vera", id, "refuse"),
      () => queue.take("walt", { id }),
      () => queue.overrule(id, "refuse", "root"),
      () => queue.escalate("vera", id),
    ];
    for (const work of late) expect(await codeOf(work())).toBe("gateway/reviewConflict");
    expect(await queue.decisionOf(id)).toBe("approve");
    const none = [
      () => queue.decide("vera", "review_x", "approve"),
      () => queue.take("vera", { id: "review_x" }),
      () => queue.decisionOf("review_x"),
    ];
    for (const work of none) expect(await codeOf(work())).toBe("gateway/unknownReview");
    await state.close();
  });

  test("a deadline decides as its policy says, and is no label", async () => {
    const { queue, clock, state } = await queueOf();
    const refused = await queue.open(caseOf({ deadlineMs: minute }));
    const kept = await queue.open(caseOf({ deadlineMs: minute, onDeadline: "keep" }));
    clock.now += minute;
    expect((await queue.list("waiting")).map(c => c.id)).toEqual([kept.id]);
    expect(await queue.list("decided")).toMatchObject([{ id: refused.id, decision: "refuse", decidedBy: "deadline" }]);
    expect(await queue.documents()).toEqual([]);
    await state.close();
  });

  test("an appeal opens a refused case once, for reviewers who have not voted on it", async () => {
    const { queue, state } = await queueOf();
    const { id, appealToken } = await queue.open(caseOf());
    expect(await codeOf(queue.appeal(appealToken, "x"))).toBe("gateway/reviewConflict");
    await vote(queue, "vera", id, "refuse", "fraud");
    expect(await codeOf(queue.appeal("no token", "x"))).toBe("gateway/unknownReview");
    expect(await queue.appeal(appealToken, "it is a song about nightingales")).toMatchObject({ id, round: 2, state: "waiting" });
    expect(await codeOf(queue.take("vera", { id }))).toBe("gateway/reviewConflict");
    expect((await queue.take("walt", { id }))?.appeal).toBe("it is a song about nightingales");
    expect((await queue.decide("walt", id, "approve")).decision).toBe("approve");
    expect(await codeOf(queue.appeal(appealToken, "again"))).toBe("gateway/reviewConflict");
    expect(await queue.documents()).toMatchObject([{ id, label: "approve", round: 2 }]);
    await state.close();
  });

  test("an escalated case is for administrators alone", async () => {
    const { queue, state } = await queueOf();
    const { id } = await queue.open(caseOf());
    await queue.take("vera");
    await queue.escalate("vera", id);
    expect(await queue.take("walt")).toBeUndefined();
    expect((await queue.take("ann", { isAdjudicator: true }))?.id).toBe(id);
    expect(await queue.decide("ann", id, "refuse")).toMatchObject({ decidedBy: "adjudicator" });
    await state.close();
  });

  test("documents have their label and where it comes from; the state has neither text nor reviewer", async () => {
    const { queue, state, of } = await queueOf();
    const { id } = await queue.open(caseOf({ reviewers: 2 }));
    await vote(queue, "vera", id, "refuse", "fraud");
    await vote(queue, "walt", id, "refuse", "fraud");
    const [document] = await queue.documents();
    expect(document).toMatchObject({
      id,
      text: "a wire transfer to nightingale",
      label: "fraud",
      policy: "v1",
      model: "chat",
      agreement: 1,
    });
    expect(document!.reviewers.length).toBe(2);
    for (const table of ["cases", "votes", "leases"]) {
      const rows = JSON.stringify(await state.database.all(`select * from gateway_review_${table}`));
      for (const secretText of ["nightingale", "vera", "walt"]) expect(rows).not.toContain(secretText);
    }
    // a new secret in front, the old one behind it
    expect((await of(["new secret".repeat(5), secret]).documents())[0]?.text).toBe("a wire transfer to nightingale");
    expect(await codeOf(of(["new secret".repeat(5)]).documents())).toBe("gateway/secret");
    await state.close();
  });

  test("each vote, overruling and appeal is a change in its transaction, by pseudonym; one that is refused is none", async () => {
    const { queue, state } = await queueOf();
    const changes = async () => {
      const all = [];
      for await (const { by, what, detail } of changesIn(state.database)) all.push({ by, what, id: detail.id, round: detail.round });
      return all;
    };
    const reviewer = expect.stringMatching(/^reviewer-/) as string;
    const { id, appealToken } = await queue.open(caseOf());
    await vote(queue, "vera", id, "refuse");
    const voted = [{ by: reviewer, what: "review.refuse", id, round: 1 }];
    expect(await changes()).toEqual(voted);
    // one after the other: a promise that is refused before it is awaited is an error of its own
    for (const refused of [
      () => queue.decide("walt", id, "approve"),
      () => queue.overrule(id, "approve", "root"),
      () => queue.appeal("no token", "why"),
    ])
      expect(await codeOf(refused())).not.toBe("none");
    expect(await changes()).toEqual(voted);
    await queue.appeal(appealToken, "it was meant well");
    await queue.overrule(id, "approve", "root");
    const all = await changes();
    expect(all.slice(1)).toEqual([
      { by: "client", what: "review.appeal", id, round: 2 },
      { by: "root", what: "review.overrule.approve", id, round: 2 },
    ]);
    expect(await verifyChanges(state.database)).toBeNull();
    expect(JSON.stringify(await state.database.all("select * from gateway_changes"))).not.toMatch(/vera|nightingale|meant well/);
    await state.close();
  });

  test("many who take and decide at once decide each case once", async () => {
    const { queue, of, state } = await queueOf();
    const other = of();
    const ids = new Set((await Promise.all(Array.from({ length: 12 }, () => queue.open(caseOf())))).map(c => c.id));
    const decided: string[] = [];
    const work = async (one: ReviewQueue, subject: string) => {
      for (let taken = await one.take(subject); taken; taken = await one.take(subject)) {
        await one.decide(subject, taken.id, "approve");
        decided.push(taken.id);
      }
    };
    await Promise.all(["vera", "walt", "xena", "yuri"].map((s, i) => work(i % 2 ? queue : other, s)));
    expect([decided.length, new Set(decided)]).toEqual([12, ids]);
    await state.close();
  });

  test("of two who differ a third decides, of more the majority", () => {
    const votes = (text: string) => [...text].map(c => ({ decision: c === "a" ? ("approve" as const) : ("refuse" as const) }));
    expect(voteOutcome(votes("a"), 2)).toEqual({ needed: 2 });
    expect(voteOutcome(votes("ar"), 2)).toEqual({ needed: 3 });
    expect(voteOutcome(votes("arr"), 3)).toEqual({ decision: "refuse", needed: 3 });
    expect(voteOutcome(votes("aa"), 2)).toEqual({ decision: "approve", needed: 2 });
  });
}
