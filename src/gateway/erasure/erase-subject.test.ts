import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reviewCipher } from "../review/cipher.ts";
import { ReviewQueue } from "../review/queue.ts";
import { openState } from "../state/state.ts";
import { eraseFromState } from "./erase-subject.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-erase-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const caseOf = (subject: string, text: string) => ({
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

test.each(["memory:", "sqlite:erase.db"])(
  "a person's cases lose text, name, key and appeal; decisions stay, others' cases too (%s)",
  async url => {
    const state = await openState({ url, root: folder });
    const { database } = state;
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
    await state.close();
    if (url.startsWith("sqlite:")) {
      const bytes = readFileSync(join(folder, "erase.db"), "latin1");
      for (const gone of before) expect(bytes).not.toContain(gone);
    }
  },
);
