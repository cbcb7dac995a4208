import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { reviewCipher } from "../review/cipher.ts";
import { ReviewQueue } from "../review/queue.ts";
import { openState } from "../state/state.ts";
import { eraseFromState } from "./erase-subject.ts";
import { caseOf, erasureLaws } from "./erasure.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-erase-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("in memory", () => erasureLaws(() => openState({ url: "memory:", root: folder })));
describe("in a SQLite file", () => erasureLaws(name => openState({ url: `sqlite:${name}.db`, root: folder })));

test("a SQLite file has no byte of an erased text", async () => {
  const state = await openState({ url: "sqlite:bytes.db", root: folder });
  const queue = new ReviewQueue({ database: state.database, cipher: reviewCipher(["test-only".repeat(5)]), now: () => 1000 });
  await queue.open(caseOf("ann", "kestrel one"));
  const texts = await state.database.all<{ sealed: string }>("select sealed from gateway_review_cases where subject = 'ann'");
  expect(texts.length).toBe(1);
  await eraseFromState(state.database, "user:ann", 2000);
  await state.close();
  const bytes = readFileSync(join(folder, "bytes.db"), "latin1");
  for (const { sealed } of texts) expect(bytes).not.toContain(sealed);
});
