/**
 * Reviewers in several processes that are killed with SIGKILL at any moment: no case that was acknowledged is lost, and none is decided twice.
 * `test/gateway-state.test.ts` runs it on a SQLite file and on PostgreSQL.
 */
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { until } from "../../../test/support/until.ts";
import type { ChildProcess } from "../limits/processes.laws.ts";
import { openState } from "../state/state.ts";
import { reviewCipher } from "./cipher.ts";
import { ReviewQueue } from "./queue.ts";

/** What a bundled child runs: it opens, takes and decides cases and says each that was acknowledged. */
export const reviewScript = `
import { openState } from "../gateway/state/state.ts";
import { reviewCipher } from "../gateway/review/cipher.ts";
import { ReviewQueue } from "../gateway/review/queue.ts";
const [url, config] = process.argv.slice(2);
const { subject } = JSON.parse(config);
const state = await openState({ url, root: "." });
const queue = new ReviewQueue({ database: state.database, cipher: reviewCipher(["test-only".repeat(5)]), now: Date.now, leaseMs: 200 });
const given = { guard: "g", request: "r", key: "k", subject: "ann", model: "m", endpoint: "chat", flaggedBy: [], policy: "v", text: "text of " + subject,
  priority: 0, reviewers: 1, deadlineMs: 3600000, onDeadline: "keep" };
for (;;) {
  const opened = await queue.open(given);
  console.log("opened " + opened.id);
  const taken = await queue.take(subject);
  if (!taken) continue;
  const decision = Math.random() < 0.5 ? "approve" : "refuse";
  try {
    await queue.decide(subject, taken.id, decision);
    console.log("decided " + taken.id + " " + decision);
  } catch (error) {
    // its lease was over: another has it
    if (error.code !== "gateway/reviewConflict") throw error;
  }
}
`;

/** `start` runs the script over a state, with its configuration; `url` is that state's for this process. */
export function killedReviewLaws(start: (state: string, config: object) => Promise<ChildProcess>, url: (name: string) => string): void {
  test("processes that are killed lose no case and decide none twice", async () => {
    const place = url("reviews");
    const state = await openState({ url: place, root: "." });
    const queue = new ReviewQueue({
      database: state.database,
      cipher: reviewCipher(["test-only".repeat(5)]),
      now: Date.now,
      leaseMs: 60_000,
    });
    const opened = new Set<string>();
    const decided = new Map<string, string>();
    const twice: string[] = [];
    const listen = async (child: ChildProcess) => {
      for (;;) {
        const [word, id, decision] = (await child.line("")).split(" ");
        if (word === "opened") opened.add(id!);
        else if (word === "decided") {
          if (decided.has(id!)) twice.push(id!);
          decided.set(id!, decision!);
        }
      }
    };
    for (let round = 0; round < rounds(10, 3); round++) {
      const before = decided.size;
      const children = await Promise.all(["vera", "walt", "xena"].map(subject => start(place, { subject: `${subject} ${round}` })));
      // lines end with the process
      const heard = children.map(child => listen(child).catch(() => {}));
      await until(() => decided.size >= before + 8 + 3 * round);
      for (const child of children) await child.kill();
      await Promise.all(heard);
    }
    expect(twice).toEqual([]);
    const kept = [...(await queue.list("waiting", 100_000)), ...(await queue.list("decided", 100_000))];
    const byId = new Map(kept.map(c => [c.id, c]));
    for (const id of opened) expect(byId.has(id), `${id} is lost`).toBe(true);
    for (const [id, decision] of decided) expect(byId.get(id)?.decision, id).toBe(decision);
    // whoever was killed in the middle frees the case: all that wait are decided by another
    const [first] = kept.filter(c => c.state === "waiting");
    if (first) await until(async () => (await queue.take("yuri", { id: first.id }).catch(() => undefined)) !== undefined);
    const votes = await state.database.all<{ n: number }>(
      "select count(*) as n from gateway_review_votes group by case_id having count(*) > 1",
    );
    expect(votes).toEqual([]);
    await state.close();
  });
}
