import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { check, parseYaml } from "./config.ts";
import { errorTable, isLoamError, LoamError, redact, renderProblem } from "./error.ts";
import { writeFileAtomic } from "./files.ts";
import { canonicalJson, hashOf, sha256 } from "./hash.ts";
import { editDistance, nearest } from "./nearest.ts";
import { random } from "./random.ts";
import { treeFrom, treeLeaves, treeMap, treePaths } from "./tree.ts";
import { formatBytes, formatDuration, parseCount } from "./units.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-base-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a problem reads: place, expected, received, hint", () => {
  expect(
    renderProblem({
      code: "x",
      place: "loam.yaml: models.a.heads",
      expected: "a divisor of width 256",
      received: "6",
      hint: "Try 4 or 8.",
    }),
  ).toBe("loam.yaml: models.a.heads: expected a divisor of width 256, got 6. Try 4 or 8.");
});

test("an error table gives codes with its room, status and exit code", () => {
  const table = errorTable("room", { broken: { status: 418, exit: "usage", meaning: "x" } });
  const e = table.fail("broken", { message: "it broke" });
  expect(e).toBeInstanceOf(LoamError);
  expect([e.code, e.status, e.exitCode, e.message]).toEqual(["room/broken", 418, 2, "it broke."]);
  expect(isLoamError(e, "room/broken")).toBe(true);
});

test("credentials never leave in a sentence or in data, and ordinary words stay", () => {
  for (const [text, hidden] of [
    ["Authorization: Bearer abc.def.ghi", "abc.def.ghi"],
    ["postgres://user:hunter2@host/db", "hunter2"],
    ["?api_key=SECRETVALUE&x=1", "SECRETVALUE"],
    ["password: swordfish", "swordfish"],
    ["access_token=ya29.zzz", "ya29.zzz"],
    ["sk-abcdefghijklmnop", "abcdefghijklmnop"],
  ] as const) {
    expect(redact(text)).not.toContain(hidden);
    const error = errorTable("r", { c: { status: 500, exit: "failure", meaning: "" } }).fail("c", { message: text, hint: text });
    expect(JSON.stringify(error) + error.message).not.toContain(hidden);
  }
  expect(redact("argument 0: token: expected an array")).toBe("argument 0: token: expected an array");
  expect(redact("tokens: 4096")).toBe("tokens: 4096");
});

test("canonical JSON does not depend on the order of keys, and parses back", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(() => canonicalJson({ x: Number.NaN })).toThrow(/finite/);
  for (const odd of [() => 1, Symbol("s"), 1n]) expect(() => canonicalJson([odd])).toThrow(/plain data/);
  expect(hashOf({ b: 1, a: undefined })).toBe(hashOf({ b: 1 }));
  // FIPS 180-2, appendix B.1
  expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("random numbers: same seed same stream, state resumes, forks are independent", () => {
  const draw = (r: ReturnType<typeof random>, n: number) => Array.from({ length: n }, () => r.u32());
  expect(draw(random(1), 5)).toEqual(draw(random(1), 5));
  expect(draw(random(1), 5)).not.toEqual(draw(random(2), 5));
  const r = random("x");
  draw(r, 7);
  expect(draw(random(r.state()), 5)).toEqual(draw(r, 5));
  expect(draw(random(1).fork("a"), 5)).not.toEqual(draw(random(1).fork("b"), 5));
});

test("xoshiro128** from the state 1, 2, 3, 4 gives the published first numbers", () => {
  const r = random([1, 2, 3, 4]);
  // computed by hand from the definition: rotl(2 * 5, 7) * 9, then the state steps
  expect(r.u32()).toBe(((10 << 7) >>> 0) * 9);
  expect(r.u32()).toBe(0);
});

test("uniform, normal and below are what their names say", () => {
  const r = random(3);
  const n = 40_000;
  let [sum, squares, normal, fourth] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = r.normal();
    sum += x;
    squares += x * x;
    fourth += x ** 4;
    normal += Math.abs(x) < 1 ? 1 : 0;
  }
  expect(Math.abs(sum / n)).toBeLessThan(0.02);
  expect(Math.abs(squares / n - 1)).toBeLessThan(0.03);
  expect(Math.abs(fourth / n - 3)).toBeLessThan(0.2);
  expect(Math.abs(normal / n - 0.6827)).toBeLessThan(0.01);
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[r.below(7)]!++;
  // chi-square with 6 degrees of freedom stays below 22.5 with probability 0.999
  expect(counts.reduce((s, c) => s + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
  expect([...r.permutation(50)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("below takes the generator's words in whole runs of n: the rest of the last run is drawn again", () => {
  for (const n of [1, 2, 7, 20_000, 2 ** 31, 2 ** 31 + 5, 3 * 2 ** 30, 2 ** 32 - 1, 2 ** 32]) {
    const [r, words] = [random(11), random(11)];
    const whole = Math.floor(2 ** 32 / n) * n;
    for (let i = 0; i < 200; i++) {
      let word = words.u32();
      while (word >= whole) word = words.u32();
      expect(r.below(n)).toBe(word % n);
    }
    expect(r.state()).toEqual(words.state());
  }
});

test("edit distance is a metric up to transpositions, and nearest finds the slip of a finger", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
  expect(editDistance("heads", "haeds")).toBe(1);
  expect(nearest("tokeniser", ["tokenizer", "models", "data"])).toBe("tokenizer");
  expect(nearest("zzz", ["tokenizer", "models"])).toBeUndefined();
  // two of three letters are another word
  expect(nearest("mse", ["map", "mcc"])).toBeUndefined();
  expect(nearest("mpa", ["map", "mcc"])).toBe("map");
});

test("how far a word may be from the nearest one: two letters, a third of a long word, and never more than half", () => {
  expect(editDistance("ab", "ba")).toBe(1); // the first two letters swapped
  expect(nearest("ac", ["ab", "ad"])).toBe("ab"); // of equals the first
  expect(nearest("log", ["login"])).toBe("login");
  expect(nearest("rsm", ["resume"])).toBeUndefined();
  expect(nearest("rtntin", ["retention"])).toBe("retention");
  expect(nearest("rtntn", ["retention"])).toBeUndefined();
  expect(nearest("ckpint", ["checkpoint"])).toBeUndefined();
});

test("a misspelt key is named with the nearest right one, at any depth", () => {
  const schema = z.strictObject({
    models: z.record(z.string(), z.strictObject({ layers: z.number(), train: z.strictObject({ rate: z.number() }).optional() })),
  });
  expect(() => check(schema, { models: { a: { layers: 1, train: { rat: 1 } } } }, "loam.yaml")).toThrow(
    'loam.yaml: models.a.train.rat: expected a known key, got "rat". Did you mean "rate"?',
  );
  expect(() => check(schema, { modles: {} }, "loam.yaml")).toThrow(
    /loam\.yaml: modles: expected a known key, got "modles"\. Did you mean "models"\?/,
  );
  expect(() => check(schema, { models: { a: { layers: "x" } } }, "loam.yaml")).toThrow(
    'loam.yaml: models.a.layers: expected number, got "x".',
  );
  const deep: unknown = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
  expect(() => check(z.strictObject({ k: z.string() }), { k: deep }, "f")).toThrow("f: k: expected string, got a value nested too deeply");
  expect(() => check(z.strictObject({ k: z.enum(["cosine", "linear"]) }), { k: "cosin" }, "f")).toThrow(
    'f: k: expected one of cosine, linear, got "cosin". Did you mean "cosine"?',
  );
});

test("of alternatives the one is meant whose keys were written, whatever another lacks", () => {
  const schema = z.strictObject({
    data: z.union([
      z.string(),
      z.strictObject({ file: z.string(), format: z.enum(["csv", "tsv"]).optional() }),
      z.strictObject({ documents: z.string(), side: z.enum(["train", "held-out"]).optional() }),
    ]),
  });
  const said = (data: unknown) => expect(() => check(schema, { data }, "f"));
  said({ documents: "a", side: "heldout" }).toThrow(
    'f: data.side: expected one of train, held-out, got "heldout". Did you mean "held-out"?',
  );
  said({ file: "a", format: "tvs" }).toThrow('f: data.format: expected one of csv, tsv, got "tvs". Did you mean "tsv"?');
  said({ file: "a", formt: "csv" }).toThrow('f: data.formt: expected a known key, got "formt". Did you mean "format"?');
  said({ documents: "a", sid: "train" }).toThrow('f: data.sid: expected a known key, got "sid". Did you mean "side"?');
  // the other branch knows it: the key that was just refused is no proposal
  said({ documents: "a", format: "csv" }).toThrow(
    'f: data.format: expected one of documents, side, got "format". Remove it or check its spelling.',
  );
  said({ documents: 1 }).toThrow("f: data.documents: expected string, got 1.");
});

test("a key of another kind is not proposed for itself: its kind is named", () => {
  const train = { rate: z.number().optional() };
  const schema = z.strictObject({
    models: z.record(
      z.string(),
      z.strictObject({
        tune: z
          .discriminatedUnion("task", [
            z.strictObject({ task: z.literal("instruct"), rows: z.number().optional(), ...train }),
            z.strictObject({ task: z.literal("preference"), pairs: z.number().optional(), ...train }),
          ])
          .superRefine(() => {}),
      }),
    ),
  });
  const said = (tune: object) => expect(() => check(schema, { models: { a: { tune } } }, "f"));
  said({ task: "preference", rows: 4 }).toThrow(
    'f: models.a.tune.rows: expected one of task, pairs, rate, got "rows". "rows" is a key of task instruct. Remove it.',
  );
  said({ task: "preference", rwos: 4 }).toThrow('expected one of task, pairs, rate, got "rwos". Remove it or check its spelling.');
  said({ task: "preference", rat: 4 }).toThrow('expected a known key, got "rat". Did you mean "rate"?');
});

test("what a schema wanted is said as a person would, whatever the kind of rule", () => {
  const said = (schema: z.ZodType, value: unknown) => {
    try {
      check(z.strictObject({ k: schema }), { k: value }, "f");
    } catch (error) {
      return (error as Error).message;
    }
    return "taken";
  };
  const method = z.union([z.enum(["full", "lora"]), z.strictObject({ lora: z.strictObject({ rank: z.number().int().min(1) }) })]);
  const task = z.discriminatedUnion("task", [z.object({ task: z.literal("classify") }), z.object({ task: z.literal("embed") })]);
  for (const [schema, value, sentence] of [
    [z.number().min(8), 0, "f: k: expected a number of at least 8, got 0."],
    [z.number().positive(), -1, "f: k: expected a number above 0, got -1."],
    [z.number().max(0.5), 0.9, "f: k: expected a number of at most 0.5, got 0.9."],
    [z.number().int(), 1.5, "f: k: expected integer, got 1.5."],
    [z.number().multipleOf(8), 9, "f: k: expected a multiple of 8, got 9."],
    [z.string().min(1), "", 'f: k: expected a text that is not empty, got "".'],
    [z.string().max(3), "four", 'f: k: expected at most 3 characters, got "four".'],
    [z.array(z.string()).min(1), [], "f: k: expected an item or more, got []."],
    [z.array(z.string()).min(2), ["a"], 'f: k: expected at least 2 items, got ["a"].'],
    [z.url(), "x", 'f: k: expected an address (URL), got "x".'],
    [method, "lroa", 'f: k: expected one of full, lora, or object, got "lroa". Did you mean "lora"?'],
    [method, { lora: { rank: 0 } }, "f: k.lora.rank: expected a number of at least 1, got 0."],
    [z.union([z.literal("all"), z.array(z.string())]), "qery", 'f: k: expected all, or array, got "qery".'],
    [task, { task: "clasify" }, 'f: k.task: expected one of classify, embed, got "clasify". Did you mean "classify"?'],
    [z.record(z.string().regex(/^[a-z]+$/, "a name of letters"), z.number()), { a_b: 1 }, 'f: k: expected a name of letters, got "a_b".'],
    [z.union([z.string(), z.number()], { error: "a text or a number" }), true, "f: k: expected a text or a number, got true."],
  ] as const)
    expect(said(schema, value)).toBe(sentence);
});

test("YAML that is no YAML is placed by line and column; bombs and duplicate keys are refused", () => {
  expect(() => parseYaml("a: 1\nb: [1, 2\nc: 3", "loam.yaml")).toThrow(/^loam\.yaml:3:\d+: .*Fix the YAML/);
  expect(() => parseYaml("a: 1\na: 2", "f")).toThrow(/f:2:1: Map keys must be unique/);
  const bomb = `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]`;
  expect(() => parseYaml(bomb, "f")).toThrow();
});

test("a file is whole or unchanged, and no parts are left behind", () => {
  const path = join(folder, "deep", "file.txt");
  writeFileAtomic(path, "one");
  writeFileAtomic(path, "two");
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(readdirSync(join(folder, "deep"))).toEqual(["file.txt"]);
  expect(() => writeFileAtomic(join(path, "below-a-file"), "x")).toThrow();
  expect(readFileSync(path, "utf8")).toBe("two");
});

test.skipIf(process.getuid?.() === 0)("a folder that may not be written is an error that says so (skipped as root: root may write)", () => {
  const locked = join(folder, "locked");
  writeFileSync(join(folder, "x"), "");
  writeFileAtomic(join(locked, "a"), "1");
  chmodSync(locked, 0o500);
  expect(() => writeFileAtomic(join(locked, "b"), "2")).toThrow(/expected a place that can be written/);
  expect(existsSync(join(locked, "b"))).toBe(false);
  chmodSync(locked, 0o700);
});

test("trees: paths name leaves, maps keep the shape, leaves rebuild the tree", () => {
  const tree = { a: 1, b: [2, { c: 3 }] };
  expect(treePaths<number>(tree)).toEqual([
    ["a", 1],
    ["b.0", 2],
    ["b.1.c", 3],
  ]);
  expect(treeMap<number, string>((x, path) => `${path}=${x}`, tree)).toEqual({ a: "a=1", b: ["b.0=2", { c: "b.1.c=3" }] });
  expect(
    treeFrom<number, number>(
      tree,
      treeLeaves<number>(tree).map(x => x * 2),
    ),
  ).toEqual({ a: 2, b: [4, { c: 6 }] });
  expect(() => treeMap<number, number>((x, _, y) => x + y!, tree, { a: 1, b: [2] })).toThrow(/same shape.*"b\.1"/);
});

test("numbers for people", () => {
  expect([formatBytes(999), formatBytes(1234), formatBytes(45_600_000)]).toEqual(["999 B", "1.23 kB", "45.6 MB"]);
  expect([formatDuration(400), formatDuration(12_345), formatDuration(185_000), formatDuration(3_723_000)]).toEqual([
    "0.4 s",
    "12 s",
    "3:05",
    "1:02:03",
  ]);
  expect([parseCount("4M"), parseCount("250k"), parseCount("1_000"), parseCount(7), parseCount("many")]).toEqual([
    4e6,
    250e3,
    1000,
    7,
    undefined,
  ]);
});
