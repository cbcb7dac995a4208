import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reviewCipher } from "../review/cipher.ts";
import { ReviewQueue } from "../review/queue.ts";
import { openState } from "../state/state.ts";
import { countOlder, eraseOlder } from "./erase-older.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-older-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const caseOf = (subject: string) => ({
  guard: "reviewer",
  request: `req_${subject}`,
  key: `key_${subject}`,
  subject,
  model: "chat",
  endpoint: "chat" as const,
  flaggedBy: [],
  policy: "v1",
  text: `kestrel of ${subject}`,
  priority: 0,
  reviewers: 1 as const,
  deadlineMs: 3_600_000,
  onDeadline: "keep" as const,
});

test.each(["memory:", "sqlite:older.db"])(
  "decided cases and requests go by age; waiting ones, newer ones and those on hold stay (%s)",
  async url => {
    const state = await openState({ url, root: folder });
    const { database } = state;
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
    await state.close();
  },
);
