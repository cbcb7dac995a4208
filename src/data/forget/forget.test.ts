import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import { type Document, documentLine } from "../document.ts";
import { memoryArtifact } from "../export/artifact.laws.ts";
import { forgetEntry } from "./entry.ts";
import { forgottenReason, hashedEntry } from "./forget.ts";
import { forgetPlaces, heirs, idsWithin } from "./places.ts";

test("exactly the listed documents are forgotten, named or by the beginning of a hash of any length", () => {
  const id = fc.string({ minLength: 1, unit: "grapheme" }).map(s => `set:${s}`);
  fc.assert(
    fc.property(
      fc.uniqueArray(id, { minLength: 2, maxLength: 12 }),
      fc.array(fc.integer({ min: -1, max: 64 }), { maxLength: 6 }),
      (ids, hows) => {
        const entries = hows.map((how, i) => {
          const one = ids[i % ids.length]!;
          return how < 12 ? one : `#${sha256(one).slice(0, how)}`;
        });
        for (const e of entries) expect(forgetEntry.parse(e)).toBe(e);
        const is = forgottenReason(entries);
        const gone = new Set(hows.map((_, i) => ids[i % ids.length]));
        for (const one of ids) {
          expect(is(one) !== undefined).toBe(gone.has(one));
          if (gone.has(one)) expect(entries).toContain(is(one));
        }
      },
    ),
  );
  expect(forgottenReason([hashedEntry("set:a")])("set:a")).toBe(hashedEntry("set:a"));
  expect(forgottenReason([])("set:a")).toBeUndefined();
  for (const bad of ["", "#", "#abc", "#ABCDEF012345", `#${"a".repeat(65)}`]) expect(forgetEntry.safeParse(bad).success).toBe(false);
});

const document = (name: string, attributes: Document["attributes"] = {}): Document => ({
  id: `set:${name}`,
  text: `text of ${name}`,
  source: `${name}.txt`,
  attributes,
});
const copy = (name: string, survivor: string, rule = "near-duplicate") => ({
  ...document(name),
  dropped: { step: "deduplicate", rule, value: 0.8, threshold: 0.7, survivor: `set:${survivor}` },
});
const given = {
  train: [document("a"), document("g1", { cluster: "set:g1" }), document("g2", { cluster: "set:g1" }), document("z")],
  heldOut: [document("h")],
  dropped: [copy("b", "a"), copy("c", "a", "exact"), copy("d", "a"), copy("x", "h")],
};
const ledger = given.dropped.map(({ id, dropped }) => ({ document: id, action: "drop" as const, ...dropped }));

test("a survivor's place: whom it stands for, and everyone alike", async () => {
  const [a, d, g, z] = await forgetPlaces(memoryArtifact({ ...given, ledger }), ["set:a", "set:d", "set:g2", "set:z", "set:none"]);
  expect(a).toMatchObject({ id: "set:a", side: "train", source: "a.txt", sizeBytes: 9, standsFor: ["set:b", "set:c", "set:d"] });
  expect(a!.alike.map(x => x.id)).toEqual(["set:b", "set:c", "set:d"]);
  expect(d).toMatchObject({ side: "dropped", survivor: "set:a", standsFor: [] });
  expect(d!.alike.map(x => [x.id, x.why])).toEqual([
    ["set:a", "deduplicate/near-duplicate"],
    ["set:b", "deduplicate/near-duplicate"],
    ["set:c", "deduplicate/exact"],
  ]);
  expect(g).toMatchObject({ standsFor: [], alike: [{ id: "set:g1", why: "split/near-duplicate" }] });
  expect(z).toMatchObject({ standsFor: [], alike: [] });
});

test("a copy that stays because the project names it is alike, and nobody stands for it", async () => {
  const kept = {
    document: "set:z",
    step: "deduplicate",
    action: "keep" as const,
    rule: "near-duplicate",
    value: 0.9,
    threshold: 0.7,
    survivor: "set:a",
  };
  const [z, a] = await forgetPlaces(memoryArtifact({ ...given, ledger: [...ledger, kept] }), ["set:z", "set:a"]);
  expect(z!.alike.map(x => x.id)).toEqual(["set:a", "set:b", "set:c", "set:d"]);
  expect("survivor" in z!).toBe(false);
  expect(a).toMatchObject({ standsFor: ["set:b", "set:c", "set:d"] });
  expect(a!.alike.map(x => x.id)).toContain("set:z");
});

test("after a survivor is gone its heirs are told: one stays, the others go for it", async () => {
  const dropped = [copy("c", "b", "exact"), copy("d", "b")];
  const after = memoryArtifact({
    train: [document("b")],
    dropped,
    ledger: dropped.map(({ id, dropped: why }) => ({ document: id, action: "drop" as const, ...why })),
  });
  expect(await heirs(after, ["set:b", "set:c", "set:d", "set:gone"])).toEqual([
    { id: "set:b", side: "train" },
    { id: "set:c", side: "dropped", survivor: "set:b" },
    { id: "set:d", side: "dropped", survivor: "set:b" },
  ]);
  expect(await idsWithin(after, ["set:a", "set:d"])).toEqual(["set:d"]);
});

test("documents that a purpose, a round or a trial chose are found in their artifact, which has no ledger", async () => {
  const lines = (ids: readonly string[]) => ids.map(id => documentLine(document(id))).join("");
  const artifact = (files: Readonly<Record<string, string>>) => {
    const whole = memoryArtifact({});
    const own = new Map(Object.entries(files));
    const bytes = (name: string) => Buffer.from(own.get(name) ?? expect.fail(`${name} is not there`));
    return {
      ...whole,
      files: [...own.keys()].map(name => ({ name, digest: sha256(bytes(name)), sizeBytes: bytes(name).length })),
      read: async (name: string) => bytes(name),
      async *stream(name: string) {
        yield bytes(name);
      },
    };
  };
  const sides = { "train.jsonl": lines(["a", "b"]), "held-out.jsonl": lines(["c"]) };
  const wanted = ["set:b", "set:c", "set:v", "set:gone"];
  expect(await idsWithin(artifact(sides), wanted)).toEqual(["set:b", "set:c"]);
  expect(await idsWithin(artifact({ ...sides, "validation.jsonl": lines(["v"]) }), wanted)).toEqual(["set:b", "set:c", "set:v"]);
  expect(await idsWithin(artifact({ ...sides, "members.txt": "set:a\nset:b\nset:c\n" }), wanted)).toEqual(["set:b", "set:c"]);
});
