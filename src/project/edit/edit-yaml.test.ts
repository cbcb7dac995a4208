import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseYaml } from "../../base/index.ts";
import { type Change, editYaml, flow, type YamlValue } from "./edit-yaml.ts";

const forget = (...items: string[]): Change => ({ kind: "append", path: ["data", "mail"], key: "forget", items });

const block = `# head
name: mail   # the name

data:
  # our mails
  mail:
    source: { npm: "x", reader: email }   # a package
    steps: [clean, { deduplicate: { fuzzy: true } }]

  other:
    steps: []
tokenizer: { vocab: 300,   from: mail } # last
`;

/** Lines of the new text that the old one has not, and the other way round. */
function difference(before: string, after: string) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  return { gone: a.filter(l => !b.includes(l)), came: b.filter(l => !a.includes(l)) };
}

test("a key that was not there becomes one new line, and nothing else changes", () => {
  const once = editYaml(block, forget("mail:a/1", "mail:b c"), "f");
  expect(difference(block, once)).toEqual({ gone: [], came: ['    forget: ["mail:a/1", "mail:b c"]'] });
  expect(once.split("\n").indexOf('    forget: ["mail:a/1", "mail:b c"]')).toBe(8);
});

test("a list grows where it stands: on its line, or by lines of its own", () => {
  const once = editYaml(block, forget("mail:a/1"), "f");
  const twice = editYaml(once, forget("mail:a/2"), "f");
  expect(difference(once, twice)).toEqual({ gone: ['    forget: ["mail:a/1"]'], came: ['    forget: ["mail:a/1", "mail:a/2"]'] });

  const lines = block.replace("\n  other:", '    forget:   # on request\n      - "mail:a/1"   # 4 May\n      # more come here\n\n  other:');
  const grown = editYaml(lines, forget("mail:a/2", "mail:a/3"), "f");
  expect(difference(lines, grown)).toEqual({ gone: [], came: ['      - "mail:a/2"', '      - "mail:a/3"'] });

  const many = Array.from({ length: 20 }, (_, i) => `mail:folder/${i}`);
  const long = editYaml(block, forget(...many), "f");
  expect(difference(block, long).came).toEqual(["    forget:", ...many.map(id => `      - "${id}"`)]);
});

test("flow style, windows line ends, a file without its last line's end, an empty list and an empty value are all taken", () => {
  const flows = "data: { mail: { steps: [clean] , source: {reader: text} } } # all\n";
  expect(editYaml(flows, forget("x"), "f")).toBe("data: { mail: { steps: [clean] , source: {reader: text}, forget: [x] } } # all\n");
  const windows = block.replaceAll("\n", "\r\n");
  const edited = editYaml(windows, forget("x"), "f");
  expect(edited.replaceAll("\r\n", "")).not.toContain("\n");
  expect(difference(windows, edited).came).toEqual(["    forget: [x]\r"]);
  expect(editYaml("data:\n  mail:\n    steps: []", forget("x"), "f")).toBe("data:\n  mail:\n    steps: []\n    forget: [x]");
  expect(editYaml("data:\n  mail:\n    forget: [ ]\n", forget("x"), "f")).toContain("forget: [x");
  expect(parseYaml(editYaml("data:\n  mail:\n    forget:\n", forget("x"), "f"), "f")).toEqual({ data: { mail: { forget: ["x"] } } });
  const text = "data:\n  mail:\n    note: |\n      a\n      b\nname: x\n";
  expect(editYaml(text, forget("x"), "f")).toBe("data:\n  mail:\n    note: |\n      a\n      b\n    forget: [x]\nname: x\n");
});

test("a value is set in its place, or as a new key", () => {
  const set: Change = { kind: "set", path: ["data", "mail"], key: "source", value: { folder: "texts", reader: "text" } };
  expect(difference(block, editYaml(block, set, "f"))).toEqual({
    gone: ['    source: { npm: "x", reader: email }   # a package'],
    came: ["    source: { folder: texts, reader: text }   # a package"],
  });
  const add: Change = { kind: "set", path: ["data"], key: "new", value: { steps: [] } };
  expect(difference(block, editYaml(block, add, "f")).came).toEqual(["  new: { steps: [] }"]);
});

test("a value moves one level deeper with its comments, on one line or on several", () => {
  const nest: Change = { kind: "nest", path: ["data", "mail"], key: "source", as: "sources", name: "first" };
  expect(difference(block, editYaml(block, nest, "f"))).toEqual({
    gone: ['    source: { npm: "x", reader: email }   # a package'],
    came: ["    sources:", '      first: { npm: "x", reader: email }   # a package'],
  });
  const lines = "data:\n  mail:\n    source: # where\n      folder: texts # here\n\n      files:\n        - a\n    steps: []\n";
  const deeper =
    "data:\n  mail:\n    sources:\n      first: # where\n        folder: texts # here\n\n        files:\n          - a\n    steps: []\n";
  expect(editYaml(lines, nest, "f")).toBe(deeper);
  expect(editYaml("data: { mail: { source: { folder: x }, steps: [] } }\n", nest, "f")).toBe(
    "data: { mail: { sources: { first: { folder: x } }, steps: [] } }\n",
  );
  const windows = block.replaceAll("\n", "\r\n");
  expect(editYaml(windows, nest, "f").replaceAll("\r\n", "")).not.toContain("\n");
});

test("a key is taken out with its line, and nothing else changes", () => {
  const gone = editYaml(block, { kind: "remove", path: ["data", "mail"], key: "steps" }, "f");
  expect(difference(block, gone)).toEqual({ gone: ["    steps: [clean, { deduplicate: { fuzzy: true } }]"], came: [] });
  expect(parseYaml(editYaml(block, { kind: "remove", path: ["tokenizer"], key: "from" }, "f"), "f")).toMatchObject({
    tokenizer: { vocab: 300 },
  });
  const deep = "models:\n  a:\n    train:\n      steps: 3 # few\n      rate: 1\n    width: 4\n";
  expect(editYaml(deep, { kind: "remove", path: ["models", "a"], key: "train" }, "f")).toBe("models:\n  a:\n    width: 4\n");
});

test("what an alias stands for is not changed for others: the user is told what to write", () => {
  const shared = "base: &b { steps: [clean] }\ndata:\n  mail: *b\n  other: *b\n";
  expect(() => editYaml(shared, forget("x"), "loam.yaml")).toThrow(/loam\.yaml: data\.mail\.forget: .*Change it by hand: add x/);
});

test("whatever the file, the result reads as the old value with the one change", () => {
  const key = fc.constantFrom("a", "b", "c d", "data", "steps");
  const value: fc.Arbitrary<YamlValue> = fc.letrec<{ v: YamlValue }>(tie => ({
    v: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.integer(),
      fc.string({ unit: "grapheme" }),
      fc.array(tie("v"), { maxLength: 3 }),
      fc.dictionary(key, tie("v"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).v;
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { noNullPrototype: true }),
      fc.option(fc.array(fc.string({ unit: "grapheme" }))),
      fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 3 }),
      fc.constantFrom("any", "BLOCK", "FLOW"),
      fc.constantFrom(0, 1, 2),
      (part, had, items, style, place) => {
        const mail = Object.fromEntries(Object.entries({ ...part, ...(had ? { forget: had } : {}) }).sort(() => place - 1));
        const before = { name: "x", data: { mail, z: {} } };
        const text = style === "any" ? stringify(before) : stringify(before, { collectionStyle: style === "BLOCK" ? "block" : "flow" });
        const after = parseYaml(editYaml(text, forget(...items), "f"), "f");
        expect(after).toEqual({ ...before, data: { mail: { ...mail, forget: [...(had ?? []), ...items] }, z: {} } });
        expect(parseYaml(flow({ k: items }), "f")).toEqual({ k: items });
      },
    ),
    { numRuns: 300 },
  );
});
