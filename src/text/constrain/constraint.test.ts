import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { isLoamError, random } from "../../base/index.ts";
import { type Form, recogniserOf, TokenVocabulary, tokenConstraint } from "./index.ts";

const bytes = (t: string): Uint8Array => Buffer.from(t);
const accepts = (form: Form, t: string): boolean => {
  const r = recogniserOf(form, "form");
  r.work = Number.POSITIVE_INFINITY; // the texts of tests are longer than tokens
  return r.read(r.start, bytes(t))?.isAccepting ?? false;
};
const regex = (pattern: string): Form => ({ kind: "regex", pattern });
const grammar = (g: string): Form => ({ kind: "grammar", grammar: g });
const refusal = (form: Form): string => {
  try {
    recogniserOf(form, "form");
    return "accepted";
  } catch (error) {
    if (isLoamError(error) && error.code === "text/constraint") return error.message;
    throw error;
  }
};

/** Bytes, and tokens of several that cut JSON, words and characters in unkind places. */
const pieces = [
  '":',
  '","',
  '{"',
  '"}',
  "}}",
  "]}",
  '":"',
  "12",
  ".5",
  "true",
  "fal",
  "se",
  "null",
  "ab",
  "abc",
  "  ",
  "é",
  "aé",
  "日本",
  ', "',
  "e+",
  "-1",
  '\\"',
  "\\u00",
  'a"',
  'b","c',
  "0]",
  "[[",
  "],[",
];
const parts = ["日".slice(0, 1)].map(c => Buffer.from(c).subarray(0, 2));
const all: Uint8Array[] = [...Array.from({ length: 256 }, (_, b) => Uint8Array.of(b)), ...pieces.map(bytes), ...parts];
const vocabulary = new TokenVocabulary(all.length + 1, id => all[id]);

/** Random texts of a form: at each state one of the tokens that may come. */
function sample(form: Form, seed: string, most = 60): string | undefined {
  const rng = random(seed);
  let state = tokenConstraint(form, vocabulary, "form").start;
  const out: Uint8Array[] = [];
  for (let n = 0; ; n++) {
    const { mask } = state;
    const ids = all.flatMap((_, id) => ((mask[id >>> 5]! >>> (id & 31)) & 1 ? [id] : []));
    // towards the end whatever ends soonest: what closes, and single bytes
    const late = n > most ? ids.filter(id => [34, 125, 93].includes(all[id]![0]!)) : [];
    if (state.isAccepting && (ids.length === 0 || n > most || rng.uniform() < 0.3)) return Buffer.concat(out).toString("utf8");
    if (n > most * 20) return undefined;
    const from = late.length > 0 ? late : ids;
    const id = from[Math.floor(rng.uniform() * from.length)]!;
    out.push(all[id]!);
    state = state.next(id)!;
  }
}

const patterns = [
  "a*b+c?",
  "(ab|a)(bc|c)",
  "[a-c]{2,5}",
  "[^a]{1,3}",
  "(?:a?b?){3}",
  "(a|b)*abb",
  "x{0,40}y",
  "(ab){3,}",
  "\\d{2}-\\d{2}|\\w+!",
  "^(?:a|b|)$",
  "a.c",
  "(?<n>a+)(b|c{2})*",
  "[é日-本]+\\s",
  "(?:^a|b$)",
  "(a{0,3}){0,3}b",
  "\\u00e9\\x41\\.\\*",
  "[\\d\\-x]{3}?",
  "(?!b)[abc]*",
  "(?=.*c)(?!.*ab)[a-c]+",
  "a(?!b|c{2})(?:.(?=a|$))?.*",
  "^(?!^[-x.]*$)[-x]?1*\\.?a*$",
];

test("a regular expression takes what RegExp takes from end to end", () => {
  for (const pattern of patterns) {
    const judge = new RegExp(`^(?:${pattern})$`, "u");
    const r = recogniserOf(regex(pattern), "form");
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."aabbccxy-1!é日本 .*A\n"), maxLength: 9 }), t => {
        expect([pattern, t, r.read(r.start, bytes(t))?.isAccepting ?? false]).toEqual([pattern, t, judge.test(t)]);
      }),
      { seed: 11, numRuns: 400 },
    );
  }
});

test("random texts of a regular expression match it", () => {
  for (const pattern of patterns)
    for (let i = 0; i < rounds(30); i++) {
      const t = sample(regex(pattern), `${pattern} ${i}`, 20)!;
      expect([pattern, t, new RegExp(`^(?:${pattern})$`, "u").test(t)]).toEqual([pattern, t, true]);
    }
});

test("what an automaton cannot follow is refused by name and place", () => {
  for (const [pattern, what] of [
    ["(?<=a)b", "look-behind"],
    ["(a)\\1", "back reference"],
    ["\\bword", "word boundary"],
    ["a**", "repetition of a repetition"],
    ["(a", "without an end"],
    ["[a", "without an end"],
    ["a{3,1}", '"{3,1}"'],
    ["[b-a]", "order"],
    ["\\q", "unknown escape"],
    ["\\p{Nothing}", "unknown property"],
    ["*a", '"*"'],
    ["a)", '")"'],
    ["(?i:a)", "flags"],
    ["\ud800", "half a character"],
    ["[]", "a form that some finite text has"],
  ] as const)
    expect(refusal(regex(pattern))).toContain(what);
});

const json = grammar(`
root   ::= object # a comment
object ::= "{" (member ("," member)*)? "}"
member ::= string ":" value
value  ::= object | array | string | number
         | "true" | "null"
array  ::= "[" (value ("," value)*)? "]"
string ::= "\\"" [^"\\\\\\x00-\\x1f]{0,9} "\\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)?
`);

test("a grammar with recursion takes what is nested and nothing that is not closed", () => {
  expect(accepts(json, '{"a":[1,{"b":[[],{}]},"日本",-0.5],"c":true}')).toBe(true);
  for (const t of ['{"a":[1,{"b":[[],{}]}', '{"a":01}', '{"a":1,}', "[]", '{"a":"0123456789"}', '{"a":1}}'])
    expect([t, accepts(json, t)]).toEqual([t, false]);
  expect(accepts(json, `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`)).toBe(true);
  expect(accepts(json, `{"a":${"[".repeat(5000)}${"]".repeat(4999)}}`)).toBe(false);
  for (let i = 0; i < rounds(60); i++) {
    const t = sample(json, `json ${i}`);
    if (t !== undefined) JSON.parse(t);
  }
});

test("balanced and right-recursive rules read as their language says", () => {
  const balanced = grammar('root ::= "a" root "b" | ""');
  const list = grammar('root ::= "x" | "x" "," root');
  fc.assert(
    fc.property(fc.nat(30), fc.nat(30), (n, m) => {
      expect(accepts(balanced, "a".repeat(n) + "b".repeat(m))).toBe(n === m);
      expect(accepts(list, `${"x,".repeat(n)}x`)).toBe(true);
      expect(accepts(list, "x,".repeat(n + 1))).toBe(false);
    }),
    { seed: 5, numRuns: 60 },
  );
});

test("grammars that are wrong are refused with line and character", () => {
  for (const [g, what] of [
    ["a ::= b", "a rule named root"],
    ["root ::= b", "the name of a rule at line 1, character 10"],
    ['root ::= root "a" | "b"', "come back to themselves"],
    ['root ::= a\na ::= b? c\nb ::= "x"\nc ::= a "y" | "z"', "come back to themselves"],
    ['root ::= "a" root', "some finite text"],
    ['root ::= "a\n"', "the end"],
    ['root ::= ("a"', '")"'],
    ['root ::= "a" "b"{3,1}', "counts in order"],
    ['root = "a"', "`name ::= ...`"],
    ['root ::= "a"\nroot ::= "b"', "every rule once"],
    ['root ::= "\\q"', "escape"],
    ["", "no rules"],
  ] as const)
    expect(refusal(grammar(g))).toContain(what);
});

test("a choice takes its texts and no other", () => {
  const form: Form = { kind: "choice", choices: ["yes", "yesterday", "no", "日本", "no way"] };
  for (const t of form.choices) expect(accepts(form, t)).toBe(true);
  for (const t of ["ye", "yesterd", "", "now", "日"]) expect(accepts(form, t)).toBe(false);
  for (let i = 0; i < 30; i++) expect(form.choices).toContain(sample(form, `choice ${i}`));
  expect(refusal({ kind: "choice", choices: [] })).toContain("texts");
  expect(refusal({ kind: "choice", choices: ["a", ""] })).toContain("form[1]");
});

test("masks are what trying every token byte by byte gives, along random texts", () => {
  const forms: Form[] = [
    json,
    { kind: "json" },
    { kind: "json", style: "flexible" },
    regex('("[^"]{2,7}"|[0-9]{1,3}(\\.[0-9]+)?)(,[a-c]{0,20}){0,9}'),
    grammar('root ::= item{2,30}\nitem ::= word "," | "[" root "]"\nword ::= [a-c]+ | "é"'),
    {
      kind: "schema",
      schema: {
        $defs: {
          node: {
            type: "object",
            properties: { v: { type: "integer" }, kids: { type: "array", items: { $ref: "#/$defs/node" }, maxItems: 3 } },
            additionalProperties: false,
          },
        },
        type: "object",
        properties: {
          a: { type: "string", maxLength: 12 },
          b: { $ref: "#/$defs/node" },
          c: { type: ["number", "null"] },
          d: { pattern: "^ab?c*$" },
        },
        required: ["b"],
      },
    },
    // items that must differ: what was said takes tokens away, also those that reach over an item's end
    ...[
      { items: { enum: ["a", "ab", "abc", 1, 12, 123] } },
      { items: { type: "integer", minimum: 0, maximum: 12 } },
      { items: { type: "string", pattern: "^[abc]{0,2}$" } },
      { items: { type: "object", properties: { a: { type: "boolean" } }, required: ["a"], additionalProperties: false } },
      { items: { type: "array", items: { enum: [1, 2] }, uniqueItems: true } },
    ].map((list): Form => ({ kind: "schema", schema: { type: "array", minItems: 2, uniqueItems: true, ...list } })),
    {
      kind: "schema",
      schema: { type: "object", propertyNames: { pattern: "^[ab]{1,2}$" }, additionalProperties: { type: "boolean" }, minProperties: 4 },
    },
  ];
  for (const [f, form] of forms.entries())
    for (let i = 0; i < 8; i++) {
      const rng = random(`masks ${f} ${i}`);
      const constraint = tokenConstraint(form, vocabulary, "form");
      // a second one, never asked for masks: no cache of the first can help it
      const plain = recogniserOf(form, "form");
      let state = constraint.start;
      let at = plain.start;
      for (let n = 0; n < 40; n++) {
        const { mask } = state;
        const got = Array.from({ length: vocabulary.size }, (_, id) => (mask[id >>> 5]! >>> (id & 31)) & 1);
        const want = Array.from({ length: vocabulary.size }, (_, id) => (all[id] && plain.read(at, all[id]) ? 1 : 0));
        expect(got).toEqual(want);
        const ids = want.flatMap((may, id) => (may ? [id] : []));
        if (ids.length === 0) break;
        const id = ids[Math.floor(rng.uniform() * ids.length)]!;
        state = state.next(id)!;
        at = plain.read(at, all[id]!)!;
        expect(state.isAccepting).toBe(at.isAccepting);
      }
    }
});

test("hostile forms end in a refusal or in moderate work", () => {
  expect(refusal(regex("(".repeat(100_000)))).toContain("groups inside each other");
  expect(refusal(regex("a".repeat(200_000)))).toContain("characters");
  expect(refusal(grammar(`root ::= ${"(".repeat(50_000)}`))).toContain("parentheses");
  expect(refusal(regex("(((a{1,1000}){1,1000}){1,1000}){1,1000}b"))).toBe("accepted");
  const ambiguous = tokenConstraint(regex("(((.{1,1000}){1,1000}){1,1000}){1,1000}b"), vocabulary, "form");
  let state = ambiguous.start;
  expect(() => {
    for (let i = 0; i < 60; i++) {
      void state.mask;
      state = state.next(97)!;
    }
  }).toThrow(/ambiguous/);
  // makes a backtracking matcher explode; here it is one state after another
  expect(accepts(regex("(a|a)*(a|aa)*(a*)*b"), `${"a".repeat(5000)}c`)).toBe(false);
  expect(refusal(regex("(a?){0,1000000}"))).toContain("states");
  expect(accepts(regex("a{100000}"), "a".repeat(100_000))).toBe(true);
});

test("white space that is left to the model takes JSON as people indent it, and ends after a line break and 20 characters", () => {
  const schema = { type: "object", properties: { a: { type: "array", items: { type: "integer" } } }, required: ["a"] };
  for (const form of [
    { kind: "schema", schema, style: "flexible" },
    { kind: "json", style: "flexible" },
  ] satisfies Form[]) {
    for (const indent of [0, 1, 2, 4, "\t"]) expect(accepts(form, JSON.stringify({ a: [1, 2, 3] }, null, indent))).toBe(true);
    const withBlank = (blank: string) => [`{${blank}"a":[1]}`, `{"a":${blank}[1]}`, `{"a":[1,${blank}2]}`, `{"a":[1]${blank}}`];
    for (const text of withBlank(`\n${" ".repeat(20)}`)) expect(accepts(form, text)).toBe(true);
    for (const blank of [`\n${" ".repeat(21)}`, "  ", "\n\n", "\r\n", "\t"])
      for (const text of withBlank(blank)) expect(accepts(form, text)).toBe(false);
    // a model that writes nothing but white space is stopped before it begins
    expect(accepts(form, ' {"a":[1]}')).toBe(false);
    expect(accepts(form, '{"a":[1]} ')).toBe(false);
  }
});

test("what is certain is what single bytes leave no choice about, and nothing beyond it", () => {
  const schema = {
    type: "object",
    properties: { né: { type: "boolean" }, b: { enum: ["x", "xy"] } },
    required: ["né", "b"],
    additionalProperties: false,
  };
  const forms: Form[] = [
    { kind: "schema", schema },
    { kind: "schema", schema, style: "flexible" },
    regex("(abc|abd)(é|ê){2}z*"),
    { kind: "choice", choices: ["one", "only", "on"] },
  ];
  let certain = 0;
  for (const [i, form] of forms.entries())
    for (let n = 0; n < 20; n++) {
      let state = tokenConstraint(form, vocabulary, "form").start;
      for (const byte of bytes(sample(form, `certain ${i} ${n}`) ?? "")) {
        const may = Array.from({ length: 256 }, (_, b) => b).filter(b => state.next(b));
        const { forced } = state;
        const isCertain = may.length === 1 && !state.isAccepting;
        expect(forced.length > 0).toBe(isCertain);
        if (isCertain) {
          expect([forced[0], byte]).toEqual([may[0], may[0]]);
          expect(state.next(byte)!.forced).toEqual(forced.subarray(1));
          certain++;
        }
        state = state.next(byte)!;
      }
    }
  expect(certain).toBeGreaterThan(200);
});

test("the walk through a small form that docs/structured.md shows", () => {
  const tokens = ['{"', "a", "ab", '":"', '"', '"}', 'x"}'];
  const small = new TokenVocabulary(tokens.length, id => bytes(tokens[id]!));
  const schema = { type: "object", properties: { a: { type: "string", maxLength: 3 } }, required: ["a"], additionalProperties: false };
  let state = tokenConstraint({ kind: "schema", schema }, small, "form").start;
  const may = () => tokens.filter((_, id) => (state.mask[0]! >>> id) & 1);
  for (const [next, want] of [
    ['{"', ['{"']],
    ["a", ["a"]],
    ['":"', ['":"', '"']],
    ["ab", ['{"', "a", "ab", '"', '"}', 'x"}']],
    ["a", ['{"', "a", '"', '"}', 'x"}']],
    ['"}', ['"', '"}']],
  ] as const) {
    expect(may()).toEqual(want);
    expect(state.isComplete).toBe(false);
    state = state.next(tokens.indexOf(next))!;
  }
  expect([may(), state.isComplete]).toEqual([[], true]);
});
