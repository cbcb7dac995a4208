/**
 * A text about someone of another group: first names of another origin and the same gender, pronouns (with nouns such as "father") of the other gender, terms
 * of religion, ethnicity, nationality, orientation, age and disability exchanged within their class. What a seed and a name give is the same wherever the name
 * stands, so all texts of an item stay about the same people. Counterfactual data augmentation: Lu and others 2018; Maudslay and others 2019.
 */
import { hashOf, random } from "../../base/index.ts";
import { rewritePronouns } from "./pronouns.ts";
import { firstNames, genderedNouns, type IdentityClass, identityClasses, type NameOrigin, personNouns } from "./terms.ts";
import { casedAs, type WordToken, wordTokens } from "./tokens.ts";

export const counterfactualKinds = ["names", "pronouns", "identity"] as const;
export type CounterfactualKind = (typeof counterfactualKinds)[number];

export interface Counterfactual {
  readonly text: string;
  /** Names, pronouns and terms that changed. */
  readonly changes: number;
}

/** Raise it when the same text, lists and seed would give another text. */
const version = 1;
/** What rewriting depends on beside its seed. */
export const counterfactualDigest: string = hashOf({
  version,
  firstNames,
  genderedNouns,
  identity: identityClasses.map(c => [c.about, c.terms, c.isBeforePerson ?? false]),
});

interface Rewritten {
  readonly tokens: WordToken[];
  readonly changes: number;
}

interface KnownName {
  readonly gender: keyof typeof firstNames;
  readonly origin: NameOrigin;
}

const known: ReadonlyMap<string, KnownName> = new Map(
  (Object.keys(firstNames) as (keyof typeof firstNames)[]).flatMap(gender =>
    (Object.keys(firstNames[gender]) as NameOrigin[]).flatMap(origin =>
      firstNames[gender][origin].map(name => [name, { gender, origin }] as const),
    ),
  ),
);

/** Group of a first name, as "woman, arabic"; undefined for a name that is not listed. */
export function nameGroup(word: string): { readonly gender: string; readonly origin: string } | undefined {
  return known.get(word);
}

/** The name that stands for another: of the same gender and another origin, different ones for different names of a text as far as they last. */
function nameDrawer(seed: string): (name: string) => string {
  const given = new Map<string, string>();
  const used = new Set<string>();
  return name => {
    const before = given.get(name);
    if (before !== undefined) return before;
    const { gender, origin } = known.get(name)!;
    const draw = random(`${seed} ${name}`);
    const origins = (Object.keys(firstNames[gender]) as NameOrigin[]).filter(o => o !== origin);
    const all: readonly string[] = firstNames[gender][origins[draw.below(origins.length)]!];
    const free = all.filter(n => !used.has(n));
    const list = free.length > 0 ? free : all;
    const made = list[draw.below(list.length)]!;
    used.add(made);
    given.set(name, made);
    return made;
  };
}

function rewriteNames(tokens: readonly WordToken[], drawName: (name: string) => string): Rewritten {
  let changes = 0;
  const out = tokens.map((token): WordToken => {
    const [stem = "", ending = ""] = token.isWord ? token.text.split(/(?=['’])/) : [];
    if (!known.has(stem)) return token;
    changes++;
    return { text: drawName(stem) + ending, isWord: true };
  });
  return { tokens: out, changes };
}

const nouns = new Map(genderedNouns.flatMap(([man, woman]) => [[man, woman] as const, [woman, man] as const]));

function rewriteGender(tokens: readonly WordToken[]): Rewritten {
  const { tokens: out, changes: pronouns } = rewritePronouns(tokens, "swap");
  let changes = pronouns;
  for (const [at, { text, isWord }] of tokens.entries()) {
    const [stem = "", ending = ""] = isWord ? text.split(/(?=['’])/) : [];
    const other = nouns.get(stem.toLowerCase());
    if (other === undefined) continue;
    out[at] = { text: casedAs(other, stem) + ending, isWord: true };
    changes++;
  }
  return { tokens: out, changes };
}

/** By the term in small letters: its class, narrower ones first. */
const classesOf = new Map<string, IdentityClass[]>();
for (const c of [...identityClasses].sort((a, b) => Number(b.isBeforePerson ?? false) - Number(a.isBeforePerson ?? false)))
  for (const term of c.terms) classesOf.set(term.toLowerCase(), [...(classesOf.get(term.toLowerCase()) ?? []), c]);

/** The class of the term at a place, with the term; terms with a hyphen are two words. */
function termAt(
  tokens: readonly WordToken[],
  at: number,
): { readonly found: IdentityClass; readonly term: string; readonly length: number } | undefined {
  if (!tokens[at]!.isWord) return undefined;
  const second = tokens[at + 1]?.text === "-" && tokens[at + 2]?.isWord ? `${tokens[at]!.text}-${tokens[at + 2]!.text}` : undefined;
  for (const [term, length] of [[second, 3] as const, [tokens[at]!.text, 1] as const]) {
    if (term === undefined) continue;
    const next = tokens[at + length]?.text.trim() === "" ? tokens[at + length + 1]?.text.toLowerCase() : undefined;
    const found = classesOf.get(term.toLowerCase())?.find(c => !c.isBeforePerson || (next !== undefined && personNouns.has(next)));
    // names of peoples and faiths have a capital: "polish", "indian summer" in small letters are something else
    const listed = found?.terms.find(t => t.toLowerCase() === term.toLowerCase());
    if (!found || (listed !== listed?.toLowerCase() && term === term.toLowerCase())) continue;
    return { found, term, length };
  }
  return undefined;
}

/** Group of an identity term at a place of a text's tokens. */
export function identityAt(tokens: readonly WordToken[], at: number): { readonly about: string; readonly term: string } | undefined {
  const term = termAt(tokens, at);
  return term && { about: term.found.about, term: term.term.toLowerCase() };
}

const article = (next: string): string => (/^[aeiou]/i.test(next) ? "an" : "a");

function rewriteIdentity(tokens: readonly WordToken[], seed: string): Rewritten {
  const out: WordToken[] = [];
  let changes = 0;
  for (let at = 0; at < tokens.length; ) {
    const term = termAt(tokens, at);
    if (!term) {
      out.push(tokens[at++]!);
      continue;
    }
    const others = term.found.terms.filter(t => t.toLowerCase() !== term.term.toLowerCase());
    const other = others[random(`${seed} ${term.found.terms[0]} ${term.term.toLowerCase()}`).below(others.length)]!;
    const isCapital = other !== other.toLowerCase();
    const isSentence = !out.some(t => t.isWord) || /[.!?]["”']?\s+$/.test(out.at(-1)?.text ?? "");
    const wasProper = term.found.terms.some(t => t === term.term) && term.term !== term.term.toLowerCase();
    // "Asian" to "white" loses its capital but where a sentence begins
    const written = isCapital || isSentence || !wasProper ? casedAs(other, term.term) : other;
    const before = out.at(-2);
    if (before?.isWord && /^an?$/i.test(before.text) && out.at(-1)?.text.trim() === "")
      out[out.length - 2] = { text: casedAs(article(written), before.text), isWord: true };
    out.push({ text: written, isWord: true });
    changes++;
    at += term.length;
  }
  return { tokens: out, changes };
}

/** Rewrites texts of one item: the same name or term becomes the same other one in all of them. `seed` decides, nothing else. */
export function counterfactualRewriter(
  kinds: readonly CounterfactualKind[],
  seed: string,
  pronouns: "swap" | "they" = "swap",
): (text: string) => Counterfactual {
  const drawName = nameDrawer(seed);
  const rewrite: { readonly [K in CounterfactualKind]: (tokens: readonly WordToken[]) => Rewritten } = {
    names: tokens => rewriteNames(tokens, drawName),
    pronouns: tokens => (pronouns === "they" ? rewritePronouns(tokens, "they") : rewriteGender(tokens)),
    identity: tokens => rewriteIdentity(tokens, seed),
  };
  return text => {
    let tokens = wordTokens(text);
    let changes = 0;
    for (const kind of counterfactualKinds) {
      if (!kinds.includes(kind)) continue;
      const made = rewrite[kind](tokens);
      tokens = made.tokens;
      changes += made.changes;
    }
    return { text: tokens.map(t => t.text).join(""), changes };
  };
}
