/** What is said of versions: a card whose every number is in the record, and differences that hold in both directions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  aliasGuardOf,
  type GuardRules,
  type ModelVersion,
  openStore,
  type Store,
  setAlias,
  setGuards,
  setMark,
} from "../../store/index.ts";
import { approve } from "../gates/approvals.ts";
import { promote } from "../gates/promote.ts";
import { releaseRules } from "../part.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { type ModelCard, modelCard, modelCardMarkdown } from "./card.ts";
import { versionChanges, versionDiff } from "./diff.ts";
import { makeKeys, signerOf } from "./keys.ts";
import { signVersion } from "./signatures.ts";

const root = mkdtempSync(join(tmpdir(), "loam-versions-"));
let store: Store;
let first: ModelVersion;
let second: ModelVersion;
let card: ModelCard;
beforeAll(async () => {
  store = await openStore({ root });
  const keys = makeKeys();
  await setGuards(store, {
    prod: releaseRules.parse({ approvals: [{ role: "reviewer", keys: { ann: keys.publicKey } }] }) as GuardRules,
  });
  [first, second] = [await version(store, 61), await version(store, 62, 30_000)];
  await measured(store, first, "genre", answers(37, 29, 3.25));
  await measured(store, second, "genre", answers(37, 31, 2.5));
  await measured(store, second, "spam", answers(53, 11, 7.75));
  await setMark(store, { model: "mail", number: 2, kind: "tag", key: "team", value: "mail" });
  await setMark(store, {
    model: "mail",
    number: 2,
    kind: "note",
    key: "next",
    value: { by: "bob", text: "better | on *letters* `x`\n# no heading" },
  });
  await signVersion(store, second, signerOf(keys.privateKey, "key"), "ann");
  const guard = await aliasGuardOf(store.records.read, "mail", "prod");
  const signer = signerOf(keys.privateKey, "key");
  for (const v of [first, second]) await approve(store, v, guard, { alias: "prod", role: "reviewer", by: "", signer });
  await setAlias(store, "mail", "staging", 1);
  await promote(store, { model: "mail", version: "1", alias: "prod", by: "carol" });
  await promote(store, { model: "mail", version: "2", alias: "prod", by: "carol", reason: "it has 31 right" });
  card = await modelCard(store, second);
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** Leaves of plain data. */
const leavesOf = (value: unknown): unknown[] =>
  typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [value];

test("every number of the Markdown card is one of the card's data, rounded to five digits at most, or stands in a text of it", () => {
  const text = modelCardMarkdown(card);
  expect(text).not.toContain("| owner |");
  expect(modelCardMarkdown({ ...card, owner: { owner: "Mail | team", contact: "m@example.com" } })).toContain(
    "| owner | Mail \\| team (m@example.com) |",
  );
  const leaves = leavesOf(card);
  const numbers = leaves.filter(x => typeof x === "number");
  const rounded = new Set(numbers.flatMap(x => [String(x), String(Number(x.toPrecision(5)))]));
  const days = numbers.filter(x => x > 1e12).map(x => new Date(x).toISOString().slice(0, 16).replace("T", " "));
  const texts = [...leaves.filter(x => typeof x === "string"), ...Object.keys(card.facts), ...days, `${card.model}@${card.version}`];
  const words = new Set(texts.flatMap(t => t.match(/[0-9a-f]{12,}|-?\d+(?:\.\d+)?(?:e-?\d+)?/g) ?? []));
  const said = text.match(/[0-9a-f]{12,}|-?\d+(?:\.\d+)?(?:e-?\d+)?/g) ?? [];
  expect(said.length).toBeGreaterThan(40);
  // headings that count things by themselves: percent of the intervals, the name of the hash
  const known = (n: string) => rounded.has(n) || words.has(n) || ["95", "-256"].includes(n);
  expect(said.filter(n => !known(n))).toEqual([]);
});

test("every number of the card is in the record's rows, or what the items of its evaluations come to", async () => {
  const db = store.records.read;
  const files = await db.selectFrom("artifact_files").selectAll().where("artifact", "=", second.artifact).orderBy("name").execute();
  expect(card.files.map(f => [f.name, f.sizeBytes, f.digest])).toEqual(files.map(f => [f.name, f.size_bytes, f.digest]));
  const artifact = await db.selectFrom("artifacts").selectAll().where("id", "=", second.artifact).executeTakeFirstOrThrow();
  expect([card.made.options, card.made.summary, card.digest]).toEqual([
    JSON.parse(artifact.options),
    JSON.parse(artifact.summary),
    artifact.digest,
  ]);
  expect(card.facts).toEqual({ accuracy: 0.62, parameters: 30_000, sizeMB: files.reduce((n, f) => n + f.size_bytes, 0) / 1e6 });
  const score = (task: string, name: string) => card.evaluations.find(e => e.task === task)?.scores.find(s => s.metric === name)?.value;
  expect([score("genre", "acc"), score("spam", "acc")]).toEqual([31 / 37, 11 / 53]);
  expect(card.evaluations.map(e => [e.task, e.items]).sort()).toEqual([
    ["genre", 37],
    ["spam", 53],
  ]);
  const releases = await db.selectFrom("releases").selectAll().where("model", "=", "mail").execute();
  expect(card.releases.map(r => r.atMs).sort()).toEqual(
    releases
      .filter(r => r.number === 2 || r.previous === 2)
      .map(r => r.at_ms)
      .sort(),
  );
  const marks = await db.selectFrom("marks").selectAll().where("model", "=", "mail").where("number", "=", 2).execute();
  const at = (kind: string) => marks.filter(m => m.kind === kind).map(m => m.at_ms);
  expect([card.notes.map(n => n.atMs), card.approvals.map(a => a.atMs), card.signatures.map(s => s.atMs)]).toEqual([
    at("note"),
    at("approval"),
    at("signature"),
  ]);
});

test("the card names who approved and signed, and somebody's text starts nothing of its own in it", () => {
  const text = modelCardMarkdown(card);
  expect(text).toMatch(/ann as reviewer for prod, signed by [0-9a-f]{16}/);
  expect(text).toContain("better \\| on \\*letters\\* \\`x\\` \\# no heading");
  expect(text).not.toMatch(/^# no heading/m);
});

test("a version differs from itself in nothing, and two differ by the same the other way round", async () => {
  expect(await versionDiff(store, second, second)).toMatchObject({ sameContent: true, files: [], recipe: [], lineage: [], facts: [] });
  const [there, back] = [await versionDiff(store, first, second), await versionDiff(store, second, first)];
  for (const part of ["files", "recipe", "lineage", "facts"] as const)
    expect(back[part].map(c => ({ path: c.path, before: c.after, after: c.before }))).toEqual(
      there[part].map(c => ({ path: c.path, before: c.before, after: c.after })),
    );
  expect(there.recipe.map(c => c.path)).toEqual(["options.bytes", "options.seed"]);
  expect(there.files.map(c => c.path)).toEqual(["tokenizer.json", "weights.bin"]);
  // only what both were asked
  expect(there.evaluations.map(e => e.task)).toEqual(["genre"]);
  const [acc, reversed] = [there, back].map(d => d.evaluations[0]!.differences.find(x => x.metric === "acc")!);
  expect(acc).toMatchObject({ items: 37, wins: 2, losses: 0 });
  expect(acc!.value).toBeCloseTo(2 / 37, 12);
  expect(reversed!.value).toBeCloseTo(-2 / 37, 12);
  expect([reversed!.wins, reversed!.losses]).toEqual([0, 2]);
});

test("changes are named by their path, also where a side lacks it", () => {
  expect(versionChanges({ a: 1, b: { c: [1, 2] }, d: null }, { a: 1, b: { c: [1, 3] }, e: 0 })).toEqual([
    { path: "b.c.1", before: 2, after: 3 },
    { path: "d", before: null },
    { path: "e", after: 0 },
  ]);
});
