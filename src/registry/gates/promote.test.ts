/** What a promotion and a rollback look at before an alias moves: every byte of the version, and what programs are told of a refusal. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isLoamError, type LoamError } from "../../base/index.ts";
import {
  applyGc,
  type GuardRules,
  holderOf,
  type ModelVersion,
  openArtifact,
  openStore,
  releasesOf,
  type Store,
  setAlias,
  setGuards,
  setMark,
} from "../../store/index.ts";
import { releaseRules } from "../part.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { makeKeys, signerOf } from "../versions/keys.ts";
import { checkSigned, signVersion } from "../versions/signatures.ts";
import { filesGate } from "./files-gate.ts";
import { promote, rollback } from "./promote.ts";

const root = mkdtempSync(join(tmpdir(), "loam-promote-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let projects = 0;
async function using(rules: object, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ root: join(root, `p${projects++}`) });
  try {
    await setGuards(store, { prod: releaseRules.parse(rules) as GuardRules });
    await work(store);
  } finally {
    await store.close();
  }
}
const to = (n: number, alias = "prod") => ({ model: "mail", version: String(n), alias });
const holder = (store: Store, alias = "prod") => holderOf(store.records.read, "mail", alias);
async function errorOf(promise: Promise<unknown>): Promise<LoamError> {
  const error = await promise.then(
    () => undefined,
    e => e as unknown,
  );
  if (!isLoamError(error)) throw new Error(`no error of ours: ${String(error)}`);
  return error;
}

async function weightsOf(store: Store, { artifact }: ModelVersion) {
  const { digest } = (await openArtifact(store, artifact)).files.find(f => f.name === "weights.bin")!;
  return { path: join(store.root, ".loam", "blobs", digest.slice(0, 2), digest) };
}

/** Turns a bit of a version's weights where they lie. */
async function tamper(store: Store, version: ModelVersion): Promise<void> {
  const { path } = await weightsOf(store, version);
  const bytes = readFileSync(path);
  bytes[100] = bytes[100]! ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

test("the gate of files that is read fails exactly where a promotion would refuse the files; one that only looks says what it has not read", () =>
  using({}, async store => {
    const own = await version(store, 1);
    const refused = async () => (await promote(store, { ...to(1), dryRun: true }).then(() => undefined, String)) !== undefined;
    const fails = async (how: "read" | "look") => !(await filesGate(store, own, { how })).passed;
    expect([await refused(), await fails("read"), await fails("look")]).toEqual([false, false, false]);
    expect((await filesGate(store, own, { how: "look" })).told).toContain("not read here");
    await tamper(store, own);
    expect([await refused(), await fails("read"), await fails("look")]).toEqual([true, true, false]);
    expect((await filesGate(store, own, { how: "read" })).told).toContain("mail@1: weights.bin");
    const { path } = await weightsOf(store, own);
    for (const damage of [() => writeFileSync(path, "short"), () => rmSync(path)]) {
      damage();
      expect([await refused(), await fails("read"), await fails("look")]).toEqual([true, true, true]);
      expect((await filesGate(store, own, { how: "look" })).told).toContain("mail@1: weights.bin");
    }
  }));

test("a version whose weights were changed gets no alias, guarded or not, by promotion or by hand; the file is named and the alias stays", () =>
  using({}, async store => {
    const [first, second] = [await version(store, 1), await version(store, 2)];
    for (const alias of ["prod", "free"]) await promote(store, to(1, alias));
    await tamper(store, second);
    for (const alias of ["prod", "free"]) {
      const error = await errorOf(promote(store, to(2, alias)));
      expect(error.code).toBe("registry/tampered");
      expect(error.problem.place).toBe("mail@2: weights.bin");
      expect(await holder(store, alias)).toBe(1);
    }
    expect((await errorOf(promote(store, { ...to(2), dryRun: true }))).code).toBe("registry/tampered");
    const byHand = await errorOf(setAlias(store, "mail", "free", 2));
    expect([byHand.code, byHand.problem.place]).toEqual(["store/blobDamaged", "mail@2: weights.bin"]);
    expect(await holder(store, "free")).toBe(1);
    // a version of before that was sound then is read again
    await tamper(store, first);
    expect((await errorOf(promote(store, to(1, "other")))).problem.place).toBe("mail@1: weights.bin");
    expect(await holder(store, "other")).toBe(null);
  }));

test("a rollback goes to no version that does not load; archived, it is passed over", () =>
  using({}, async store => {
    for (const n of [1, 2, 3]) await version(store, n);
    for (const n of [1, 2, 3]) await promote(store, to(n));
    await tamper(store, await promoted(store, 2));
    const error = await errorOf(rollback(store, "mail", "prod"));
    expect([error.code, error.problem.place, error.problem.hint]).toEqual([
      "registry/tampered",
      "mail@2: weights.bin",
      expect.stringContaining("loam models archive mail@2"),
    ]);
    expect(await holder(store)).toBe(3);
    await setMark(store, { model: "mail", number: 2, kind: "stage", key: "stage", value: "archived" });
    expect((await rollback(store, "mail", "prod", { by: "ann" })).number).toBe(1);
    expect(await releasesOf(store.records.read, "mail", "prod")).toHaveLength(4);
  }));
const promoted = async (store: Store, number: number): Promise<ModelVersion> => {
  const row = await store.records.read.selectFrom("versions").selectAll().where("number", "=", number).executeTakeFirstOrThrow();
  return { model: "mail", number, artifact: row.artifact, digest: row.digest, scores: {}, createdMs: 0, aliases: [] };
};

test("a signature is of the files that are loaded: a list of files that was changed in the record is refused by it and by a promotion", async () => {
  const keys = makeKeys();
  await using({ signedBy: [keys.publicKey] }, async store => {
    const [first, second] = [await version(store, 1), await version(store, 2)];
    await signVersion(store, first, signerOf(keys.privateKey, "key"));
    await checkSigned(store.records.read, first, [keys.publicKey]);
    // the weights of the second version under the first one's name: every blob is sound, and the list is not what was signed
    const { files } = await openArtifact(store, second.artifact);
    const { digest } = files.find(f => f.name === "weights.bin")!;
    await store.records.write(t =>
      t.updateTable("artifact_files").set({ digest }).where("artifact", "=", first.artifact).where("name", "=", "weights.bin").execute(),
    );
    for (const refused of [() => promote(store, to(1)), () => checkSigned(store.records.read, first, [keys.publicKey])]) {
      const error = await errorOf(refused());
      expect([error.code, error.problem.place]).toEqual(["registry/tampered", "mail@1: its list of files"]);
    }
    expect(await holder(store)).toBe(null);
  });
});

test("a version whose files gc has removed gets no alias; the error says so, and what to do", () =>
  using({}, async store => {
    for (const n of [1, 2]) await version(store, n);
    await applyGc(store, { roots: [] });
    const error = await errorOf(promote(store, to(1)));
    expect([error.code, error.problem.place]).toEqual(["store/blobMissing", expect.stringMatching(/^mail@1: /)]);
    expect(error.message).toMatch(/gc has removed .* on \d{4}-\d\d-\d\d.*`loam run`/);
    expect(await holder(store)).toBe(null);
    await promote(store, to(2));
    // nor has it figures any more: a gate says why, and does not send anybody to evaluate what is not there
    await setGuards(store, { prod: releaseRules.parse({ requires: ["f1 > 0.5"] }) as GuardRules });
    expect((await errorOf(promote(store, to(1)))).message).toContain("f1 is not measured of mail@1: gc has removed its files");
  }));

test("of a classifier's own test part, that has not been evaluated, is said what evaluates it", () =>
  using({ requires: ["test.f1 > 0.5"] }, async store => {
    await version(store, 1);
    expect((await errorOf(promote(store, to(1)))).message).toContain("f1 is not measured of mail@1: loam tune mail evaluates it");
  }));

test("a refusal is told to programs in the shape of a success: which gates passed, failed or could not be computed, with value, bound and interval", () =>
  using({}, async store => {
    const [first, second] = [await version(store, 1), await version(store, 2)];
    await promote(store, to(1));
    const rules = { requires: ["acc >= current.acc - 0.01", "0.5 <= acc", "auc > 0.1", "bitsPerByte < 2", "sizeMB <= 500"] };
    await setGuards(store, { prod: releaseRules.parse({ ...rules, approvals: [{ role: "reviewer", unsigned: true }] }) as GuardRules });
    // of one class alone there is no area under a curve
    const oneClass = (right: number) =>
      answers(100, right).map(a => ({ ...a, gold: [0], logLikelihoods: right > 50 ? [-0.1, -2] : [-2, -0.1] }));
    await measured(store, first, "mail", oneClass(100), { positive: "yes" });
    await measured(store, second, "mail", oneClass(40), { positive: "yes" });
    const error = await errorOf(promote(store, to(2)));
    expect(error.code).toBe("registry/refused");
    const told = error.toJSON() as { verdict: { gates: object[] }; error: object };
    expect(Object.keys(told).sort()).toEqual(["alias", "dryRun", "error", "model", "release", "verdict", "version"]);
    expect(told).toMatchObject({ model: "mail", version: 2, alias: "prod", release: null, verdict: { passed: false } });
    expect(told.verdict.gates).toMatchObject([
      { kind: "metric", outcome: "failed", passed: false, value: 0, operator: ">=", bound: 0.99, items: 100, low: -0.99, high: -0.99 },
      { kind: "metric", outcome: "failed", value: 0, operator: ">=", bound: 0.5, difference: 0.5 },
      { kind: "metric", outcome: "notComputed", passed: false, operator: ">", bound: 0.1, evidence: "unknown" },
      { kind: "metric", outcome: "notComputed", passed: false, operator: "<", bound: 2 },
      { kind: "metric", outcome: "passed", passed: true, value: 0.02001, operator: "<=", bound: 500 },
      { kind: "approval", outcome: "failed", value: 0, operator: ">=", bound: 1 },
    ]);
    // the same of a dry run, and of what passes
    expect((await errorOf(promote(store, { ...to(2), dryRun: true }))).toJSON()).toEqual({ ...told, dryRun: true });
    await setGuards(store, { prod: releaseRules.parse({ requires: ["sizeMB <= 500"] }) as GuardRules });
    const passed = await promote(store, to(2));
    expect(passed.verdict.gates).toMatchObject([{ outcome: "passed", value: 0.02001, operator: "<=", bound: 500 }]);
  }));
