/** Sentences of the templates, filled and marked: what the shipped recogniser is trained on beside Brown's. */
import type { Random } from "../../src/base/index.ts";
import type { NameExample } from "../../src/data/index.ts";
import { brownWords, type WordKinds } from "./brown.ts";
import {
  acronym,
  chance,
  cities,
  company,
  countries,
  languages,
  person,
  pick,
  place,
  stateCode,
  street,
  thing,
  wholeName,
} from "./people.ts";
import { machineText, negatives, templates } from "./templates.ts";

type NameSpan = NameExample["spans"][number];
const words = (list: string): readonly string[] => list.split("|");
const months = words("January|February|March|April|May|June|July|August|September|October|November|December");
const days = words("Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday");
const titles = words("Mr.|Mrs.|Ms.|Dr.|Prof.|Mr|Mrs|Ms|Dr|Miss|Mr.|Ms.|Dr.");
const jobs = words(
  "CEO|chief executive|director|Director of Sales|Software Engineer|teacher|nurse|doctor|secretary|Head of Marketing|actor|singer|painter|poet|lawyer|accountant|Managing Director|Vice President|chairman|spokesman|Product Manager|engineer|coach|journalist|mayor|governor|minister|professor|treasurer|Sales Manager|Data Scientist|driver|cook|editor|producer|physicist|plumber",
);
const nationalities = words(
  "English|German|French|Spanish|Italian|Polish|Dutch|Danish|Turkish|American|British|Irish|Scottish|Indian|Chinese|Japanese|Brazilian|Mexican|Canadian|Australian|Russian|Swedish|Norwegian|Nigerian|Kenyan|Egyptian|Greek|Austrian|Swiss|Portuguese|Korean|Thai|Czech|Iraqi|Israeli",
);
const hosts = words("example.com|mail.example.org|web.de|corp-mail.net|uni.example|office.co.uk|shop.io|news.info");
const two = (n: number): string => String(n).padStart(2, "0");
const digits = (r: Random, n: number): string => Array.from({ length: n }, () => r.below(10)).join("");
const ascii = (s: string): string =>
  s
    .normalize("NFD")
    .replace(/[^A-Za-z]/g, "")
    .toLowerCase();

const date = (r: Random): string => {
  const [y, m, d] = [1930 + r.below(100), r.below(12), 1 + r.below(28)];
  return pick(r, [
    `${d} ${months[m]} ${y}`,
    `${months[m]} ${d}, ${y}`,
    `${y}-${two(m + 1)}-${two(d)}`,
    `${two(m + 1)}/${two(d)}/${y}`,
    `${months[m]!.slice(0, 3)} ${d}`,
    `${d}.${m + 1}.${y}`,
    `${months[m]} ${d}th`,
  ]);
};
const email = (r: Random): string => {
  const { given, family } = person(r);
  return `${pick(r, [`${ascii(given)}.${ascii(family)}`, `${ascii(given)[0] ?? "x"}${ascii(family)}`, `${ascii(given)}${r.below(100)}`, `${given}${family}`.replace(/[^A-Za-z]/g, "")])}@${pick(r, hosts)}`;
};
const phone = (r: Random): string =>
  pick(r, [
    `+${1 + r.below(98)} ${digits(r, 3)} ${digits(r, 6)}`,
    `(${digits(r, 3)}) ${digits(r, 3)}-${digits(r, 4)}`,
    `${digits(r, 3)}-${digits(r, 3)}-${digits(r, 4)}`,
    `0${digits(r, 9)}`,
  ]);
const id = (r: Random): string =>
  pick(r, [
    digits(r, 4 + r.below(13)),
    `${pick(r, [..."ABCDEFGH"])}${digits(r, 7)}`,
    `${digits(r, 3)}-${digits(r, 2)}-${digits(r, 4)}`,
    `${pick(r, ["GB", "DE", "FR", "PL"])}${digits(r, 18)}`,
    `${digits(r, 2)}.${digits(r, 2)}.${digits(r, 2)}.${digits(r, 2)}`,
  ]);
const hour = (r: Random): string =>
  pick(r, [`${1 + r.below(12)} pm`, `${two(r.below(24))}:${two(r.below(60))}`, `${1 + r.below(12)}:${two(r.below(60))} a.m.`, "noon"]);
const address = (r: Random): string =>
  pick(r, ["https://www.", "www.", "http://"]) + ascii(pick(r, cities)) + pick(r, [".com", ".org/about", ".net", ".co.uk/index.html"]);

type Filler = (r: Random) => readonly [type: NameSpan["type"] | undefined, value: string];
const plain =
  (make: (r: Random) => string): Filler =>
  r => [undefined, make(r)];
let kinds: WordKinds | undefined;
function commonWords(): WordKinds {
  kinds ??= brownWords();
  return kinds;
}
const common = (kind: keyof WordKinds): Filler => plain(r => pick(r, commonWords()[kind]));
/** Words of a kind that Brown has often: in a heading they are known by themselves, so that an unknown word with a capital stays a name's sign. */
const leastOften = 20;
const often = new Map<keyof WordKinds, readonly string[]>();
function usualWords(kind: keyof WordKinds): readonly string[] {
  let list = often.get(kind);
  if (list === undefined) {
    const counts = new Map<string, number>();
    for (const w of commonWords()[kind]) counts.set(w, (counts.get(w) ?? 0) + 1);
    list = [...counts].flatMap(([w, n]) => (n >= leastOften ? [w] : []));
    often.set(kind, list);
  }
  return list;
}
/** Usual words with capitals. */
function heading(r: Random): string {
  const words = Array.from({ length: pick(r, [1, 1, 1, 2, 2, 3]) }, () => {
    const w = pick(r, usualWords(pick(r, ["noun", "noun", "plural", "adjective", "verb"] as const)));
    return w[0]!.toUpperCase() + w.slice(1);
  });
  return words.join(" ");
}
const fillers: Readonly<Record<string, Filler>> = {
  N: r => ["name", wholeName(r)],
  G: r => ["name", person(r).given],
  F: r => ["name", person(r).family],
  P: r => ["place", place(r)],
  C: plain(company),
  S: plain(street),
  X: plain(r => (chance(r, 0.5) ? thing(r) : thing(r).toLowerCase())),
  M: plain(r => pick(r, months)),
  W: plain(r => pick(r, days)),
  D: plain(date),
  E: plain(email),
  T: plain(phone),
  I: plain(id),
  U: plain(address),
  h: plain(hour),
  J: plain(r => pick(r, jobs)),
  L: plain(r => (chance(r, 0.5) ? pick(r, nationalities) : pick(r, languages))),
  t: plain(r => pick(r, titles)),
  z: plain(r =>
    pick(r, [
      digits(r, 5),
      digits(r, 4),
      digits(r, 6),
      `${digits(r, 5)}-${digits(r, 4)}`,
      `${pick(r, [..."ABCDE"])}${digits(r, 1)} ${digits(r, 1)}${pick(r, ["AB", "XY", "QT"])}`,
    ]),
  ),
  Z: plain(stateCode),
  v: common("verb"),
  n: common("noun"),
  s: common("plural"),
  a: common("adjective"),
  p: common("preposition"),
  r: common("adverb"),
  K: plain(heading),
  A: plain(r => acronym(r)),
  "#": plain(r => String(chance(r, 0.3) ? 1900 + r.below(130) : r.below(1000))),
};

/** Fills a template; `{P}` in Cambridge, MA stays two places. */
export function filled(r: Random, template: string): NameExample {
  let text = "";
  const spans: NameSpan[] = [];
  for (const part of template.split(/(\{[A-Za-z#]\}|\[\p{Lu}[\p{L}. ]+\])/u)) {
    const [type, value] = /^\{.\}$/.test(part)
      ? fillers[part[1]!]!(r)
      : /^\[\p{Lu}\p{L}/u.test(part)
        ? (["place", part.slice(1, -1)] as const)
        : [undefined, part];
    if (type) spans.push({ type, start: text.length, end: text.length + value.length });
    text += value;
    if (part === "{P}" && chance(r, 0.12)) {
      text += ", ";
      const country = pick(r, countries);
      spans.push({ type: "place", start: text.length, end: text.length + country.length });
      text += country;
    }
  }
  // a common word may stand first
  return { text: /^\{[vnsapr]\}/.test(template) && chance(r, 0.7) ? text[0]!.toUpperCase() + text.slice(1) : text, spans };
}

/** `é` and `ß` grow in upper case: such texts stay as they are. */
function recased({ text, spans }: NameExample, change: (s: string) => string): NameExample {
  const other = change(text);
  return other.length === text.length ? { text: other, spans } : { text, spans };
}
/** Only the names in another case, the sentence as it is. */
function recasedNames(example: NameExample, change: (s: string) => string): NameExample {
  let text = example.text;
  for (const { start, end } of example.spans) {
    const value = change(text.slice(start, end));
    if (value.length === end - start) text = text.slice(0, start) + value + text.slice(end);
  }
  return { text, spans: example.spans };
}

const marks = ["> ", ">> ", "| ", "- ", "* ", "  ", "\t", "# ", "}} ", "// ", ": "];
/** Every line behind a mark, as mails quote and lists list. */
function prefixed(r: Random, { text, spans }: NameExample): NameExample {
  const mark = pick(r, marks);
  const before = (at: number): number => mark.length * text.slice(0, at).split("\n").length;
  return {
    text: mark + text.replaceAll("\n", `\n${mark}`),
    spans: spans.map(s => ({ ...s, start: s.start + before(s.start), end: s.end + before(s.end) })),
  };
}

/** As people write: most as they should, some all in lower or upper case, some with names in lower case alone. */
export function asWritten(r: Random, example: NameExample): NameExample {
  const draw = r.uniform();
  if (draw < 0.06) return recased(example, s => s.toLowerCase());
  if (draw < 0.1) return recasedNames(example, s => s.toLowerCase());
  if (draw < 0.12) return recased(example, s => s.toUpperCase());
  if (draw < 0.14) return recasedNames(example, s => s.toUpperCase());
  if (draw < 0.2) return prefixed(r, example);
  return example;
}

/** One text of several. */
export function joinedExamples(r: Random, examples: readonly NameExample[]): NameExample {
  let text = "";
  const spans: NameSpan[] = [];
  for (const e of examples) {
    if (text !== "") text += pick(r, [" ", " ", "\n", "\n\n"]);
    spans.push(...e.spans.map(s => ({ ...s, start: s.start + text.length, end: s.end + text.length })));
    text += e.text;
  }
  return { text, spans };
}

const separators = [", ", ", ", ", ", "; ", "\n", "\n", " and ", " & ", " / ", "/", " | ", "\t", " - ", "\n- ", "\n* ", "+", ","];
const lastSeparators = [" and ", ", and ", " or ", " & ", ", "];
const beforeLists = [
  "",
  "",
  "",
  "{s}: ",
  "{s} ",
  "the {s} {n}: ",
  "{v} {p} ",
  "{n}\n",
  "{#}) ",
  "(",
  "{W}: ",
  "{C}: ",
  "I {v} ",
  "The {s} are ",
  "{a}: ",
];
const afterLists = ["", "", "", ".", ")", " {v} {r}.", " {v} the {n}", "\n{n}", " ({s})", "?", "!", ", {p} {P}", " are {a}."];
/** What stands about each of them. */
const itemForms = [
  "_",
  "_",
  "_",
  "_",
  "_",
  '"_"',
  "_ ({n})",
  "_ ({#})",
  "_: {n}",
  "_ - {#}",
  "_'s",
  "{n} _",
  "the {n} _",
  "_ {#}",
  "_ the {n}",
  "{#}. _",
  "@_",
  "_ ({P})",
];
/** Names in a row, as people list them. */
function listed(r: Random): NameExample {
  const kind = pick(r, ["{G}", "{G}", "{F}", "{N}"]);
  const separator = pick(r, separators);
  const names = Array.from({ length: 2 + r.below(8) }, () => (chance(r, 0.1) ? pick(r, ["{G}", "{F}", "{N}"]) : kind));
  const form = pick(r, itemForms);
  const items = names.map(n => form.replace("_", n));
  const last = chance(r, 0.5) && /^[,;]/.test(separator) ? pick(r, lastSeparators) : separator;
  return filled(r, pick(r, beforeLists) + items.slice(0, -1).join(separator) + last + items.at(-1)! + pick(r, afterLists));
}

/** One in so many texts is a list. */
const shareListed = 0.06;
export const positive = (r: Random): NameExample => asWritten(r, chance(r, shareListed) ? listed(r) : filled(r, pick(r, templates)));
/** One in so many texts without a name is what a machine writes. */
const shareMachine = 0.3;
export const negative = (r: Random): NameExample => asWritten(r, filled(r, pick(r, chance(r, shareMachine) ? machineText : negatives)));
