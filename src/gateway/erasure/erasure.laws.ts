/** Laws of erasure from a gateway's state, of a person and by age, on every database. */
import { expect, test } from "vitest";
import type { UsageRow } from "../contract.ts";
import { reviewCipher } from "../review/cipher.ts";
import { ReviewQueue } from "../review/queue.ts";
import type { State } from "../state/state.ts";
import { addUsage } from "../state/tables.ts";
import { topUsage } from "../usage/top-usage.ts";
import { usageBetween, usageValues } from "../usage/usage.ts";
import { countOlder, eraseOlder } from "./erase-older.ts";
import { eraseFromState } from "./erase-subject.ts";

export const caseOf = (subject: string, text = `kestrel of ${subject}`) => ({
  guard: "reviewer",
  request: `req_${subject}`,
  key: `key_${subject}`,
  subject,
  model: "chat",
  endpoint: "chat" as const,
  flaggedBy: [],
  policy: "v1",
  text,
  priority: 0,
  reviewers: 1 as const,
  deadlineMs: 3_600_000,
  onDeadline: "keep" as const,
});

const row = (day: string, subject: string, more: Partial<UsageRow> = {}): UsageRow => ({
  day,
  keyId: `key_${subject}`,
  subject,
  team: "research",
  organisation: "acme",
  model: "chat",
  requests: 2,
  errors: 1,
  inputTokens: 30,
  cachedTokens: 4,
  outputTokens: 5,
  costNano: 600,
  ...more,
});
const totals = (rows: readonly UsageRow[]) => {
  const sums = new Map<string, number[]>();
  for (const r of rows) {
    const key = `${r.day} ${r.organisation} ${r.model}`;
    const own = sums.get(key) ?? [0, 0, 0, 0, 0, 0];
    const values = [r.requests, r.errors, r.inputTokens, r.cachedTokens, r.outputTokens, r.costNano];
    sums.set(
      key,
      own.map((n, i) => n + values[i]!),
    );
  }
  return sums;
};

/** `open` gives a state of its own for each name. */
export function erasureLaws(open: (name: string) => Promise<State>): void {
  const using = async (name: string, work: (state: State) => Promise<void>) => {
    const state = await open(name);
    try {
      await work(state);
    } finally {
      await state.close();
    }
  };

  test("a person's cases lose text, name, key and appeal; decisions stay, others' cases too", () =>
    using("person", async ({ database }) => {
      const queue = new ReviewQueue({ database, cipher: reviewCipher(["test-only".repeat(5)]), now: () => 1000 });
      const decided = await queue.open(caseOf("ann", "kestrel one"));
      await queue.take("vera", { id: decided.id });
      await queue.decide("vera", decided.id, "approve");
      const waiting = await queue.open(caseOf("ann", "kestrel two"));
      await queue.take("vera", { id: waiting.id });
      const other = await queue.open(caseOf("bob", "kestrel three"));
      const before = (await database.all<{ sealed: string }>("select sealed from gateway_review_cases where subject = 'ann'")).map(
        r => r.sealed,
      );
      expect(await eraseFromState(database, "user:ann", 2000)).toMatchObject({ reviewCases: 2 });
      const rows = JSON.stringify(await database.all("select * from gateway_review_cases"));
      for (const gone of [...before, '"ann"', "req_ann", "key_ann"]) expect(rows).not.toContain(gone);
      expect(await queue.list("decided")).toMatchObject([
        { id: waiting.id, decision: "refuse", decidedBy: "erasure" },
        { id: decided.id, decision: "approve", decidedBy: "reviewers" },
      ]);
      // an erased case is no document, no appeal opens it, and the queue goes on with those of others
      expect(await queue.documents()).toEqual([]);
      await expect(queue.appeal(waiting.appealToken, "again")).rejects.toMatchObject({ code: "gateway/unknownReview" });
      expect(await queue.take("walt")).toMatchObject({ id: other.id, text: "kestrel three" });
      expect(await eraseFromState(database, "ann", 3000)).toMatchObject({ reviewCases: 0 });
    }));

  test("decided cases and requests go by age; waiting ones, newer ones and those on hold stay", () =>
    using("age", async ({ database }) => {
      let now = 1000;
      const queue = new ReviewQueue({ database, cipher: reviewCipher(["test-only".repeat(5)]), now: () => now });
      const decided = async (subject: string) => {
        const { id } = await queue.open(caseOf(subject));
        await queue.take("vera", { id });
        await queue.decide("vera", id, "approve");
      };
      await decided("ann");
      await decided("held");
      await queue.open(caseOf("waits"));
      now = 9000;
      await decided("bob");
      await database.write(async sql => {
        for (const [id, at, subject] of [
          ["r1", 1000, "ann"],
          ["r2", 1000, "held"],
          ["r3", 1000, null],
          ["r4", 9000, "ann"],
        ] as const)
          await sql.all(
            "insert into gateway_requests (id, at_ms, key_id, subject, model, status, record) values (?, ?, null, ?, 'm', 200, '{}')",
            [id, at, subject],
          );
      });
      const older = { beforeMs: 5000, except: ["user:held"] };
      expect([await countOlder(database, "review", older), await countOlder(database, "journal", older)]).toEqual([1, 2]);
      expect([await eraseOlder(database, "review", older), await eraseOlder(database, "journal", older)]).toEqual([1, 2]);
      const left = await database.all<{ subject: string; sealed: string }>("select subject, sealed from gateway_review_cases");
      expect(
        left
          .filter(c => c.sealed !== "")
          .map(c => c.subject)
          .sort(),
      ).toEqual(["bob", "held", "waits"]);
      expect(left.filter(c => c.sealed === "").map(c => c.subject)).toEqual(["erased:age"]);
      expect((await database.all<{ id: string }>("select id from gateway_requests order by id")).map(r => r.id)).toEqual(["r2", "r4"]);
      // done twice it does nothing
      expect([await eraseOlder(database, "review", older), await eraseOlder(database, "journal", older)]).toEqual([0, 0]);
    }));

  test("old usage loses people and keys and keeps its sums; newer days and people on hold keep their names", () =>
    using("usage", async ({ database }) => {
      const beforeMs = Date.UTC(2026, 2, 10, 12);
      const rows = [
        row("2026-03-01", "ann"),
        row("2026-03-01", "ann", { keyId: "key_other", model: "large" }),
        row("2026-03-01", "bob"),
        row("2026-03-01", "cid"),
        row("2026-03-01", "dan", { team: "legal" }),
        row("2026-03-01", "held", { team: "legal" }),
        row("2026-03-09", "ann", { organisation: "other" }),
        // a day is older when all of it is
        row("2026-03-10", "ann"),
      ];
      await database.write(async sql => {
        for (const r of rows) await sql.all(addUsage, usageValues(r));
      });
      const all = () => usageBetween(database, "2026-01-01", "2026-12-31");
      const before = await all();
      const older = { beforeMs, except: ["user:held"] };
      expect(await countOlder(database, "usage", older)).toBe(6);
      expect((await topUsage(database, "2026-03-01", 9)).all.requests).toBe(12);
      expect(await eraseOlder(database, "usage", older)).toBe(6);
      const after = await all();
      expect(totals(after)).toEqual(totals(before));
      const told = (day: string) => after.filter(r => r.day === day).map(r => [r.subject, r.keyId, r.team, r.model, r.requests]);
      const nobody = "erased:age";
      // three people are enough for a team's sum, one is not
      expect(told("2026-03-01").sort()).toEqual(
        [
          [nobody, nobody, "", "chat", 2],
          [nobody, nobody, "research", "chat", 6],
          [nobody, nobody, "research", "large", 2],
          ["held", "key_held", "legal", "chat", 2],
        ].sort(),
      );
      expect(told("2026-03-09")).toEqual([[nobody, nobody, "", "chat", 2]]);
      expect(told("2026-03-10")).toEqual([["ann", "key_ann", "research", "chat", 2]]);
      // done twice it does nothing
      expect(await eraseOlder(database, "usage", older)).toBe(0);
      expect(await all()).toEqual(after);
      expect((await topUsage(database, "2026-03-01", 9)).all.requests).toBe(12);
    }));
}
