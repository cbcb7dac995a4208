import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import {
  aliasGuardOf,
  type GuardRules,
  holderOf,
  looksOfContent,
  openStore,
  registerVersion,
  releasesOf,
  type Store,
  setAlias,
  setGuards,
  setMark,
  verify,
} from "../../store/index.ts";
import { releaseRules } from "../part.ts";
import { answers, measured, version } from "../toy.laws.ts";
import { makeKeys, signerOf } from "../versions/keys.ts";
import { signVersion } from "../versions/signatures.ts";
import { type Approval, approvalGates, approvalsOf, approve } from "./approvals.ts";
import { judgeRelease } from "./judge.ts";
import { promote } from "./promote.ts";
import { checkConditions } from "./rules.ts";

const root = mkdtempSync(join(tmpdir(), "loam-gates-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let projects = 0;
async function using(rules: object, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ root: join(root, `p${projects++}`) });
  try {
    await setGuards(store, { prod: releaseRules.parse(rules) as GuardRules });
    await work(store);
    expect((await verify(store)).findings).toEqual([]);
  } finally {
    await store.close();
  }
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? e.code : String(e)),
  );
const to = (n: number, more: object = {}) => ({ model: "mail", version: String(n), alias: "prod", ...more });
const judged = async (store: Store, v: Awaited<ReturnType<typeof version>>) =>
  judgeRelease(store, await aliasGuardOf(store.records.read, "mail", "prod"), "prod", v);

test("a worse version is refused with its figures, a better one gets the alias, and the log has the verdict", () =>
  using({ requires: ["acc >= current.acc - 0.01", "latencyMs <= 200", "sizeMB <= 500"] }, async store => {
    const [first, second, third] = [await version(store, 1), await version(store, 2), await version(store, 3)];
    await measured(store, first, "mail", answers(100, 80));
    await measured(store, second, "mail", answers(100, 70));
    await measured(store, third, "mail", answers(100, 90));
    expect((await promote(store, to(1))).verdict.gates[0]).toMatchObject({
      passed: true,
      told: expect.stringContaining("nothing to compare with"),
    });
    await expect(promote(store, to(2))).rejects.toThrow(
      /mail@2 -> prod: "acc >= current\.acc - 0\.01" is not met \(acc 0\.7, current\.acc 0\.8; left - right -0\.09 \[.*on 100 items of mail/,
    );
    expect(await holderOf(store.records.read, "mail", "prod")).toBe(1);
    const { verdict, release } = await promote(store, to(3, { by: "ann" }));
    expect(verdict.gates.map(g => g.passed)).toEqual([true, true, true]);
    expect(verdict.gates[2]!.figures!.sizeMB).toBeCloseTo(0.020_01, 6);
    expect(release).toMatchObject({ number: 3, previous: 1, by: "ann", verdict: { passed: true } });
    // the same again moves nothing, and is compared with nothing
    const again = await promote(store, to(3));
    expect(again.release).toBeUndefined();
    expect(again.verdict.gates[0]).toMatchObject({ passed: true, told: "nothing to compare with: mail@3 has the alias itself" });
    expect(await releasesOf(store.records.read, "mail", "prod")).toHaveLength(2);
    expect(await codeOf(setAlias(store, "mail", "prod", 2))).toBe("store/guarded");
  }));

test("a figure that is just below what is asked is not rounded to it", () =>
  using({ requires: ["acc >= 0.66667", "sizeMB <= 0.02"] }, async store => {
    const first = await version(store, 1);
    await measured(store, first, "mail", answers(300, 200));
    const [acc, size] = (await judged(store, first)).gates;
    expect(acc).toMatchObject({ passed: false, told: expect.stringMatching(/^acc 0\.6666667; left - right -0\.0000033 /) });
    expect(size).toMatchObject({ passed: false, told: "sizeMB 0.02001" });
  }));

test("what so few items do not decide counts as the rules say", async () => {
  const passes: Record<string, boolean> = {};
  for (const undecided of ["point", "pass", "fail"] as const)
    await using({ requires: ["acc >= current.acc"], undecided }, async store => {
      const [first, second] = [await version(store, 1), await version(store, 2)];
      await measured(store, first, "mail", answers(40, 30));
      await measured(store, second, "mail", answers(40, 29));
      await promote(store, to(1));
      const [gate] = (await judged(store, second)).gates;
      expect(gate).toMatchObject({ evidence: "undecided", items: 40 });
      passes[undecided] = gate!.passed;
    });
  expect(passes).toEqual({ point: false, pass: true, fail: false });
});

test("a figure that is not a number does not pass, whatever is undecided, and the verdict can be logged", async () => {
  // verdicts of one class agree beyond chance by 0 / 0
  for (const undecided of ["point", "pass", "fail"] as const)
    await using({ requires: ["kappa > 0.1"], undecided }, async store => {
      const first = await version(store, 1);
      await measured(
        store,
        first,
        "mail",
        answers(20, 20).map(a => ({ ...a, gold: [0], logLikelihoods: [-0.1, -2] })),
      );
      const { gates, passed } = await judged(store, first);
      expect(passed).toBe(false);
      expect(gates[0]).toMatchObject({ passed: false, evidence: "unknown", figures: {}, told: expect.stringContaining("not a number") });
      expect(gates[0]).not.toHaveProperty("difference");
      await expect(promote(store, to(1))).rejects.toThrow(/kappa NaN.*a figure is not a number/);
    });
});

test("a recorded figure that is not a number is an error with its line until the task is asked again", () =>
  using({ requires: ["acc > 0.1"] }, async store => {
    const first = await version(store, 1);
    const torn = answers(20, 19).map((a, i) => (i === 7 ? { ...a, logLikelihoods: [Number.NaN, -2] } : a));
    const artifact = await measured(store, first, "mail", torn);
    await expect(promote(store, to(1))).rejects.toThrow(
      `${artifact}/items.jsonl:8: t:7, choice 1: expected a finite log-likelihood, got null`,
    );
    await measured(store, first, "mail", answers(20, 17));
    expect((await judged(store, first)).gates[0]!.passed).toBe(true);
  }));

test("an unknown measure is an error with the nearest; one that is not measured does not pass and says what to run", () =>
  using({ requires: ["acuracy > 0.5"] }, async store => {
    const first = await version(store, 1);
    await measured(store, first, "mail", answers(10, 9));
    await expect(promote(store, to(1))).rejects.toThrow(/releases\.prod\.requires\[0\].*got "acuracy"\. Did you mean "accuracy"\?/);
    const asks = (...requires: string[]) => setGuards(store, { prod: releaseRules.parse({ requires }) as GuardRules });
    await asks("mial.acc > 0.1");
    await expect(promote(store, to(1))).rejects.toThrow(/expected a name before the dot: current, prod, mail.*Did you mean "mail\.acc"\?/);
    await asks("spam.acc > 0.1");
    await expect(promote(store, to(1))).rejects.toThrow(
      /got "spam\.acc"\. A task has figures once a version was evaluated on it: loam eval TASK/,
    );
    await asks("bitsPerByte < 2", "f1 > 0.1");
    expect((await judged(store, await version(store, 2))).gates.map(g => [g.passed, g.told])).toEqual([
      [false, "bitsPerByte is not measured of mail@2"],
      [false, "f1 is not measured of mail@2: loam eval TASK --model mail@2"],
    ]);
  }));

test("conditions of two tasks, and a measure of several, are told apart by the task's name", () =>
  using({ requires: ["acc > 0.5", "mail.acc > 0.5"] }, async store => {
    const first = await version(store, 1);
    await measured(store, first, "mail", answers(100, 90));
    await measured(store, first, "genre", answers(100, 20));
    const { gates } = await judged(store, first);
    expect(gates[0]).toMatchObject({ passed: false, told: expect.stringMatching(/several tasks: write (genre|mail)\.acc or/) });
    expect(gates[1]).toMatchObject({ passed: true, evidence: "shown" });
  }));

test.each([
  ["f1 >=", /releases\.prod\.requires\[0\]: "f1 >=", at 6: expected a measure or a number, got nothing/],
  ["f1 = 2", /expected a measure, a number/],
  ["1 < 2", /expected a measure, got numbers only/],
])("%s is refused before anything is measured", (source, message) => {
  const checked = () => checkConditions(releaseRules.parse({ requires: [source] }), "prod", "loam.yaml: releases.prod");
  expect(checked).toThrow(message);
  expect(checked).toThrow(expect.objectContaining({ code: "registry/condition" }));
});

test("approvals: a person counts once, however often, however spelt, in whatever roles", () =>
  using(
    {
      approvals: [
        { role: "reviewer", count: 2, unsigned: true },
        { role: "owner", people: ["Eve"], unsigned: true },
      ],
    },
    async store => {
      const first = await version(store, 1);
      const guard = await aliasGuardOf(store.records.read, "mail", "prod");
      const say = (by: string, role = "reviewer") => approve(store, first, guard, { alias: "prod", by, role });
      expect(await say("Ann")).toBe(true);
      expect(await say("ann ")).toBe(true);
      await expect(promote(store, to(1))).rejects.toThrow(/"2 reviewers" is not met \(1 of 2: ann\); "1 owner" is not met \(0 of 1\)/);
      await say("eve", "owner");
      await say("eve");
      await expect(promote(store, to(1))).rejects.toThrow(/not met/);
      await say("Bob");
      expect((await promote(store, to(1))).verdict.gates.map(g => g.told)).toEqual(["2 of 2: ann, bob", "1 of 1: eve"]);
      await expect(say("ann", "owner")).rejects.toThrow(/expected one of Eve as owner, got "ann"/);
      await expect(say("ann", "reviwer")).rejects.toThrow(/Did you mean "reviewer"/);
      const free = approve(store, first, undefined, { alias: "prd", by: "ann", role: "reviewer" });
      await expect(free).rejects.toThrow(/expected an alias whose release in loam.yaml asks for approvals, got "prd"/);
      // approvals are of a version: the next one has none
      await version(store, 2);
      expect(await codeOf(promote(store, to(2)))).toBe("registry/refused");
    },
  ));

test("signed approvals: only listed keys, over this content, alias and role; unsigned ones do not count; a key under two names is one person", async () => {
  const [ann, bob, eve] = [makeKeys(), makeKeys(), makeKeys()];
  const keys = { ann: ann.publicKey, bob: bob.publicKey, anna: ann.publicKey };
  await using({ approvals: [{ role: "reviewer", count: 2, keys }] }, async store => {
    const [first, second] = [await version(store, 1), await version(store, 2)];
    const guard = await aliasGuardOf(store.records.read, "mail", "prod");
    const say = (k: { privateKey: string } | undefined, by = "x", of = first) =>
      approve(store, of, guard, { alias: "prod", role: "reviewer", by, signer: k && signerOf(k.privateKey, "key") });
    await expect(say(undefined, "ann")).rejects.toThrow(/expected a signed approval, got an unsigned one\. Sign it: --key FILE/);
    await expect(say(eve)).rejects.toThrow(/expected a key of a reviewer: ann \([0-9a-f]{16}\), .*bob .* got [0-9a-f]{16}/);
    // who gives it is whom the release names for the key, whatever they call themselves
    expect(await say(ann, "somebody")).toBe(true);
    expect(await say(ann, "somebody else")).toBe(false);
    const told = async (of = first) => (await judged(store, of)).gates.map(g => [g.passed, g.told]);
    expect(await told()).toEqual([[false, "1 of 2: ann (signed)"]]);
    // marks that are written past `approve`: a name alone, ann's signature under another name, of another version
    const marks = await store.records.read.selectFrom("marks").selectAll().where("kind", "=", "approval").execute();
    const signed = JSON.parse(marks[0]!.value) as Record<string, string>;
    const forge = (number: number, key: string, more: object) =>
      setMark(store, { model: "mail", number, kind: "approval", key, value: { ...signed, ...more } });
    await forge(1, "prod/reviewer/bob", { by: "bob" });
    await forge(1, "prod/reviewer/anna", { by: "anna", publicKey: bob.publicKey });
    await forge(2, "prod/reviewer/ann", {});
    expect(await told()).toEqual([[false, "1 of 2: ann (signed); not counted, unsigned or not theirs to give: anna, bob"]]);
    expect(await told(second)).toEqual([[false, "0 of 2; not counted, unsigned or not theirs to give: ann"]]);
    await say(bob);
    expect((await promote(store, to(1))).verdict.gates.map(g => g.told)).toEqual([
      "2 of 2: ann (signed), bob (signed); not counted, unsigned or not theirs to give: anna",
    ]);
  });
  // one human, one key, two roles, two names
  await using(
    {
      approvals: [
        { role: "a", keys: { ann: ann.publicKey } },
        { role: "b", keys: { anna: ann.publicKey } },
      ],
    },
    async store => {
      const first = await version(store, 1);
      const guard = await aliasGuardOf(store.records.read, "mail", "prod");
      for (const role of ["a", "b"])
        await approve(store, first, guard, { alias: "prod", role, by: "", signer: signerOf(ann.privateKey, "k") });
      expect((await judged(store, first)).gates.map(g => g.passed).sort()).toEqual([false, true]);
    },
  );
});

test.each([
  [{ role: "r" }, /approvals\[0\] \(r\): expected `keys` of those who may approve, or `unsigned: true`, got neither/],
  [{ role: "r", people: ["ann"], keys: { ann: "k" } }, /expected `people` with `unsigned: true`/],
  [{ role: "r", count: 2, keys: { ann: "k" } }, /expected a count of at most 1, of whom it names, got 2/],
])("approvals that nobody could give are refused: %j", (approval, message) => {
  expect(() => checkConditions(releaseRules.parse({ approvals: [approval] }), "prod", "loam.yaml: releases.prod")).toThrow(message);
});

test("an approval says whether its name is an account's, a key's, or only what somebody says", () =>
  using({ approvals: [{ role: "reviewer", unsigned: true }] }, async store => {
    const first = await version(store, 1);
    const guard = await aliasGuardOf(store.records.read, "mail", "prod");
    await approve(store, first, guard, { alias: "prod", by: "eve", role: "reviewer" });
    await approve(store, first, guard, { alias: "prod", by: "bob", role: "reviewer", isVerified: true });
    const given = await approvalsOf(store.records.read, first);
    expect(given.map(a => [a.by, a.signedBy, a.isVerified]).sort()).toEqual([
      ["bob", null, true],
      ["eve", null, false],
    ]);
  }));

test("who can fill a place that nobody else can fills it", () => {
  const approval = (role: string, by: string): Approval => ({
    alias: "prod",
    role,
    by,
    note: null,
    atMs: 0,
    signedBy: null,
    isVerified: false,
  });
  const rules = releaseRules.parse({ approvals: ["a", "b", "c"].map(role => ({ role, unsigned: true })) });
  const given = [approval("a", "x"), approval("b", "x"), approval("a", "y"), approval("c", "y"), approval("a", "z")];
  expect(approvalGates(rules, given).map(g => g.told)).toEqual(["1 of 1: z", "1 of 1: x", "1 of 1: y"]);
});

test("the alias before, an archived version and a signature", async () => {
  const keys = makeKeys();
  await using({ from: "staging", signedBy: [keys.publicKey] }, async store => {
    const first = await version(store, 1);
    const refused = async () => (await judged(store, first)).gates.filter(g => !g.passed).map(g => g.gate);
    expect(await refused()).toEqual(["from staging", "signed"]);
    await setAlias(store, "mail", "staging", 1);
    await signVersion(store, first, signerOf(makeKeys().privateKey, "other"));
    expect(await refused()).toEqual(["signed"]);
    await signVersion(store, first, signerOf(keys.privateKey, "key"));
    expect(await refused()).toEqual([]);
    // a signature that is moved to another version is not over its content
    const second = await version(store, 2);
    await promote(store, to(1));
    const mark = (await store.records.read.selectFrom("marks").selectAll().where("kind", "=", "signature").execute()).at(-1)!;
    await setMark(store, { model: "mail", number: 2, kind: "signature", key: mark.key, value: JSON.parse(mark.value) });
    await setAlias(store, "mail", "staging", 2);
    expect((await judged(store, second)).gates.filter(g => !g.passed).map(g => g.gate)).toEqual(["signed"]);
    await setMark(store, { model: "mail", number: 2, kind: "stage", key: "stage", value: "archived" });
    expect((await judged(store, second)).gates[0]).toMatchObject({ kind: "archived", passed: false });
  });
});

test("two promotions at once are serialised: the second is judged against the first", () =>
  using({ requires: ["acc > current.acc"] }, async store => {
    for (const [n, right] of [
      [1, 50],
      [2, 70],
      [3, 90],
    ] as const)
      await measured(store, await version(store, n), "mail", answers(100, right));
    await promote(store, to(1));
    const codes = await Promise.all([codeOf(promote(store, to(3))), codeOf(promote(store, to(2)))]);
    expect(await holderOf(store.records.read, "mail", "prod")).toBe(3);
    // either 2 came first and 3 passed it, or 3 came first and 2 was refused by it
    expect([
      ["no error", "no error"],
      ["no error", "registry/refused"],
    ]).toContainEqual(codes);
    expect(await codeOf(promote(store, to(2, { expected: 1 })))).toMatch(/registry\/refused|store\/conflict/);
  }));

test("a number that is none in a condition is told as that, not as a misspelt measure", () => {
  for (const source of ["acc >= NaN", "nan < acc", "acc < Infinity"])
    expect(() => checkConditions(releaseRules.parse({ requires: [source] }), "prod", "loam.yaml: releases.prod")).toThrow(
      /releases\.prod\.requires\[0\]: ".*", at \d+: expected a measure or a finite number, got "(NaN|nan|Infinity)"\. Nothing can be compared with it/,
    );
});

test("a score of the version that is not a number is told as that, beside what it was and what to do; no measure of another name is proposed", () =>
  using({ requires: ["mae < 2", "current.mae > 1"] }, async store => {
    const { artifact } = await version(store, 1);
    const broken = await registerVersion(store, "mail", artifact, { mae: null, rmse: null });
    const [gate] = (await judged(store, broken)).gates;
    expect(gate).toMatchObject({ passed: false, outcome: "notComputed", bound: 2 });
    expect(gate!.told).toMatch(/^mae of mail@2 is not a number \(its score is recorded as null\): .*evaluate/);
    expect(gate!.told).not.toContain("map");
    // of a version that has no such score it is not measured
    await setGuards(store, { prod: releaseRules.parse({ requires: ["rmse < 2"] }) as GuardRules });
    expect((await judged(store, broken)).gates[0]!.told).toMatch(/^rmse of mail@2 is not a number/);
  }));

test("of a figure that the items do not give it is said why, and what would", () =>
  using({ requires: ["kappa > 0.1"] }, async store => {
    const first = await version(store, 1);
    const oneClass = answers(20, 20).map(a => ({ ...a, gold: [0], logLikelihoods: [-0.1, -2] }));
    await measured(store, first, "mail", oneClass);
    expect((await judged(store, first)).gates[0]!.told).toMatch(
      /kappa NaN.*a figure is not a number, and so it fails: .*kappa.*items.*another measure/,
    );
  }));

test("a gate is a look at the test set, once for the same decision, and may ask how many there were", () =>
  using({ requires: ["mail.acc > 0.5", "looks < 3", "candidates < 3"] }, async store => {
    const [first, second] = [await version(store, 1), await version(store, 2)];
    await measured(store, first, "mail", answers(100, 90));
    const looks = (v: typeof first) => looksOfContent(store.records.read, v.digest);
    const told = async (v: typeof first) => (await judged(store, v)).gates.map(g => [g.passed, g.told.split(";")[0]]);
    expect(await told(first)).toEqual([
      [true, "acc 0.9"],
      [true, "looks 1"],
      [true, "candidates 1"],
    ]);
    for (let i = 0; i < 3; i++) await judged(store, first);
    expect(await looks(first)).toMatchObject([{ total: 2, kinds: { evaluation: 1, gate: 1 }, candidates: 1 }]);
    // the promotion is the same decision
    await promote(store, to(1));
    expect(await looks(first)).toMatchObject([{ total: 2 }]);
    await measured(store, second, "mail", answers(100, 91));
    await expect(promote(store, to(2))).rejects.toThrow(/"looks < 3" is not met \(looks 3\)/);
    expect(await looks(second)).toMatchObject([{ total: 4, candidates: 2 }]);
    // another task's items are another test set
    await measured(store, second, "genre", answers(100, 90));
    expect((await looks(second)).map(l => l.total)).toEqual([4, 1]);
    // nothing counted is nothing that passes
    expect((await judged(store, await version(store, 3))).gates[1]).toMatchObject({
      passed: false,
      told: "looks is not measured of mail@3",
    });
  }));

test("a release that requires an owner takes a version only when its model or the alias has one", async () => {
  const cases: readonly (readonly [owned: readonly string[] | undefined, passes: boolean])[] = [
    [undefined, false],
    [[], false],
    [["model/other", "alias/staging", "data/mail"], false],
    [["model/mail"], true],
    [["alias/prod"], true],
  ];
  for (const [owned, passes] of cases) {
    const store = await openStore({ root: join(root, `p${projects++}`) });
    try {
      await setGuards(store, { prod: { ...releaseRules.parse({ owner: "required" }), ...(owned ? { owned } : {}) } as GuardRules });
      const first = await version(store, 1);
      expect((await judged(store, first)).gates).toMatchObject([{ kind: "owner", passed: passes }]);
      expect(await codeOf(promote(store, to(1)))).toBe(passes ? "no error" : "registry/refused");
      expect(await holderOf(store.records.read, "mail", "prod")).toBe(passes ? 1 : null);
    } finally {
      await store.close();
    }
  }
});
