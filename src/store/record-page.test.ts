import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { handClock } from "../base/index.ts";
import { proveEntry } from "./log/log.ts";
import { registerVersion } from "./models.ts";
import { runStage } from "./runner.ts";
import { scratchFolder } from "./scratch.laws.ts";
import { collect, filter, train } from "./stages.laws.ts";
import { openStore } from "./store.ts";
import { verify } from "./verify.ts";

const root = scratchFolder("page");

test("the worked example of docs/record.md is what comes out: ids, digests, tree head, proof, finding", async () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/record.md", import.meta.url)), "utf8");
  const clock = handClock(1_795_616_000_000);
  const store = await openStore({ root, clock });
  const mails = (await runStage(store, collect, { inputs: {}, options: { ids: ["mail/1", "mail/2", "mail/3-fr", "mail/4"] } })).artifact;
  clock.advance(3100);
  const english = (await runStage(store, filter, { inputs: { documents: mails }, options: { drop: "-fr" } })).artifact;
  clock.advance(2000);
  const model = (await runStage(store, train, { inputs: { documents: english }, options: { steps: 4, bytes: 40_000 } })).artifact;
  clock.advance(1000);
  await registerVersion(store, "mail-small", model.id, { bitsPerByte: 1.74 });
  const short = (hex: string) => `\`${hex.slice(0, 12)}...\``;
  for (const a of [mails, english, model]) {
    expect(page).toContain(`\`${a.id}\``);
    expect(page).toContain(short(a.digest));
  }
  const { head, ok } = await verify(store, { content: true });
  expect(ok).toBe(true);
  expect(page).toContain(`${head.size} ${head.root} ${head.head}`);
  const proof = (await proveEntry(store.records.read, 2))!;
  expect(page).toContain(`leaf ${short(proof.leaf)} and the path ${proof.path.map(short).join(", ")} to that root`);
  await store.records.write(t =>
    t.updateTable("artifacts").set({ summary: '{"documents":4,"dropped":1}' }).where("id", "=", english.id).execute(),
  );
  const [finding] = (await verify(store)).findings;
  expect(page).toContain(`${finding!.place}   expected ${finding!.expected}, got ${finding!.received}`);
  await store.close();
});
