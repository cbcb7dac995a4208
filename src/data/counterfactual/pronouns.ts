/**
 * English pronouns of the third person in another gender, by what follows them: "her" is "his" before a noun phrase and "him" elsewhere, "his" is "hers"
 * where no noun phrase follows. Singular "they" takes the verb with it ("she has gone" -> "they have gone"). Rules over words, no parser: a verb with two
 * objects ("gave her flowers") is read as a possessive, which is the commoner case.
 */
import { casedAs, type WordToken } from "./tokens.ts";

/** Words that begin no noun phrase after a possessive: what precedes them was an object. */
const closesObject = new Set(
  (
    "a an the this that these those my your his her its our their some any each every no one who whom which what when where why how if because although though " +
    "while until unless since as than and or but nor so yet to of in on at by for from with without about against between into through during before after above " +
    "below up down out off over under again then here there now today tomorrow yesterday tonight too also very really always never often soon away back home " +
    "alone together instead anyway is are was were am be been being has have had does do did will would can could shall should may might must not he she it they we i you him them us me"
  ).split(" "),
);
/** Verbs after which "her" and a bare verb follow: "made her cry". */
const causes = new Set("let lets make makes made help helps helped see sees saw hear hears heard watch watched have had".split(" "));
const bareVerbs = new Set(
  (
    "go come leave cry laugh smile feel think know see find get take give make do say tell speak talk walk run sit stand stay wait work play sleep eat drink drive " +
    "move look believe understand remember forget win lose pay buy sell finish start stop try learn read write sing dance die live wonder realize choose answer"
  ).split(" "),
);

const wordAt = (tokens: readonly WordToken[], at: number, step: 1 | -1): string | undefined => {
  const between = tokens[at + step];
  if (!between) return undefined;
  if (between.isWord) return between.text.toLowerCase();
  // anything but blanks ends the phrase
  if (/[^\s"“”'’*_]/.test(between.text)) return /^\s*[-–]?\s*\d/.test(between.text) && step === 1 ? "0" : undefined;
  return tokens[at + 2 * step]?.text.toLowerCase();
};

/** Does a noun phrase that the word owns follow? */
function hasNoun(tokens: readonly WordToken[], at: number): boolean {
  const next = wordAt(tokens, at, 1);
  if (next === undefined || closesObject.has(next.split(/['’]/)[0]!)) return false;
  return !(bareVerbs.has(next) && causes.has(wordAt(tokens, at, -1) ?? ""));
}

type PronounForm = "subject" | "object" | "possessive" | "predicate" | "reflexive";
type Gender = "he" | "she" | "they";
const table: { readonly [G in Gender]: { readonly [F in PronounForm]: string } } = {
  he: { subject: "he", object: "him", possessive: "his", predicate: "his", reflexive: "himself" },
  she: { subject: "she", object: "her", possessive: "her", predicate: "hers", reflexive: "herself" },
  they: { subject: "they", object: "them", possessive: "their", predicate: "theirs", reflexive: "themself" },
};

/** Whose pronoun a word is, and in what form; undefined for any other word. */
export function pronounOf(
  tokens: readonly WordToken[],
  at: number,
): { readonly gender: "he" | "she"; readonly form: PronounForm } | undefined {
  const word = tokens[at]!.text.toLowerCase().split(/['’]/)[0]!;
  if (word === "he" || word === "she") return { gender: word, form: "subject" };
  if (word === "him") return { gender: "he", form: "object" };
  if (word === "hers") return { gender: "she", form: "predicate" };
  if (word === "himself" || word === "herself") return { gender: word === "himself" ? "he" : "she", form: "reflexive" };
  if (word === "her") return { gender: "she", form: hasNoun(tokens, at) ? "possessive" : "object" };
  if (word === "his") return { gender: "he", form: hasNoun(tokens, at) ? "possessive" : "predicate" };
  return undefined;
}

const irregular = new Map(
  Object.entries({
    is: "are",
    was: "were",
    has: "have",
    does: "do",
    goes: "go",
    "isn't": "aren't",
    "wasn't": "weren't",
    "hasn't": "haven't",
    "doesn't": "don't",
  }),
);
const adverbs = /^(?:also|always|never|often|still|just|only|already|really|usually|sometimes|then|now|even|ever|probably|\w+ly)$/;

/** A verb of the third person singular as it stands after "they". */
export function pluralVerb(verb: string): string {
  const small = verb.toLowerCase().replace("’", "'");
  const known = irregular.get(small);
  if (known !== undefined) return casedAs(known, verb);
  if (!/^[a-z]+s$/.test(small) || /(?:ss|us|ous)$/.test(small) || small.length < 4) return verb;
  if (/[^aeiou]ies$/.test(small)) return small.length === 4 ? verb.slice(0, -1) : `${verb.slice(0, -3)}y`;
  return /(?:sses|shes|ches|xes|zzes|oes)$/.test(small) ? verb.slice(0, -2) : verb.slice(0, -1);
}

/** Participles after which "'s" is "has"; those of regular verbs end in -ed. */
const participles = new Set(
  "been had done gone seen taken given made come got gotten become known lost won said told left found heard written spoken".split(" "),
);

/** "'s" after "he" or "she": of "has" before a participle, else of "is". */
function contracted(tokens: readonly WordToken[], at: number): string {
  const next = wordAt(tokens, at, 1) ?? "";
  return participles.has(next) || (next.endsWith("ed") && !["tired", "interested", "scared", "excited", "married"].includes(next))
    ? "ve"
    : "re";
}

/** The place of the verb that agrees with a subject; undefined where a question has it before, or none is seen. */
function verbAfter(tokens: readonly WordToken[], at: number): number | undefined {
  for (let k = at + 1, seen = 0; k < tokens.length && seen < 3; k++) {
    const { isWord, text } = tokens[k]!;
    if (!isWord) {
      if (/[^\s"“”]/.test(text)) return undefined;
      continue;
    }
    if (!adverbs.test(text.toLowerCase())) return k;
    seen++;
  }
  return undefined;
}

/** Pronouns in the other gender, or all in "they". Gives other tokens, with how many pronouns changed. */
export function rewritePronouns(
  tokens: readonly WordToken[],
  to: "swap" | "they",
): { readonly tokens: WordToken[]; readonly changes: number } {
  const out = [...tokens];
  let changes = 0;
  for (const [at, { text, isWord }] of tokens.entries()) {
    const found = isWord ? pronounOf(tokens, at) : undefined;
    if (!found) continue;
    changes++;
    const gender = to === "they" ? "they" : found.gender === "he" ? "she" : "he";
    const [stem = "", ending] = text.split(/(?=['’])/);
    // a lone capital I-like word is no shout: "He"
    const pronoun = casedAs(table[gender][found.form], stem);
    const isS = ending !== undefined && /^['’]s$/i.test(ending);
    out[at] = { text: pronoun + (to === "they" && isS ? ending[0]! + contracted(tokens, at) : (ending ?? "")), isWord: true };
    if (to !== "they" || found.form !== "subject" || ending !== undefined) continue;
    const before = wordAt(tokens, at, -1);
    const asked = tokens[at - 2];
    // a question: "is she", "does he"
    if (before !== undefined && asked?.isWord && irregular.has(before)) {
      out[at - 2] = { text: pluralVerb(asked.text), isWord: true };
      continue;
    }
    const verb = verbAfter(tokens, at);
    if (verb !== undefined) out[verb] = { text: pluralVerb(tokens[verb]!.text), isWord: true };
  }
  return { tokens: out, changes };
}
