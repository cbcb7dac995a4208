/**
 * Words that the splitter takes apart, or leaves whole, by name: contractions, times, abbreviations, emoticons. The same set as the English
 * tokenizer of spaCy 3.8 (explosion/spaCy, MIT), written as rules; a test holds it against that list's size and samples.
 */

const list = (text: string): string[] => text.trim().split(/\s+/);
const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
const withCapital = (words: readonly string[]): string[] => words.flatMap(w => [w, capital(w)]);
/** `with(["he"], ["'s"])` is `he|'s`: where the bars stand the word is cut. */
const join = (words: readonly string[], endings: readonly string[]): string[] =>
  withCapital(words).flatMap(w => endings.map(e => `${w}|${e}`));
/** An ending with and without its apostrophe. */
const bare = (endings: readonly string[]): string[] => endings.flatMap(e => [e, e.replaceAll("'", "")]);

const willWould = bare(["'ll", "'ll|'ve", "'d", "'d|'ve"]);
const questions = list("who what when where why how there");
const modals = list("could might must should would");

const contractions = [
  ...join(["i"], bare(["'m", "'m|a"])),
  ...join(list("i you he she it we they"), willWould),
  ...join(list("i you we they"), bare(["'ve"])),
  ...join(list("you we they"), bare(["'re"])),
  ...join(list("he she it"), bare(["'s"])),
  ...join([...questions, "that", "this"], bare(["'s"])),
  ...join([...questions, "that", "this", "these", "those"], willWould),
  ...join([...questions, "these", "those"], bare(["'re", "'ve"])),
  ...join([...modals, ...list("ca do does did had may need ought sha wo")], ["n't", "nt", "n't|'ve", "nt|ve"]),
  ...join(modals, bare(["'ve"])),
  ...join(list("ai are is was were have has dare"), ["n't", "nt"]),
  ...join(["not"], bare(["'ve"])),
  ...list("y'|all y|all how|'d|'y How|'d|'y can|not Can|not gon|na Gon|na got|ta Got|ta let|'s Let|'s c'm|on C'm|on"),
];
/** Words that look like a contraction without its apostrophe, and are none. */
const words = new Set(withCapital(list("ill its hell shell shed were well whore")));

const times = Array.from({ length: 12 }, (_, i) => i + 1).flatMap(h => ["a.m.", "am", "p.m.", "pm"].map(p => `${h}|${p}`));

const whole = [
  ...withCapital(list("doin goin nothin nuthin ol somethin lovin havin")).flatMap(w => [w, `${w}'`]),
  ...list("em ll nuff 'em 'll 'nuff 'S 's ‘S ‘s and/or w/o 're 'd 'bout ma'am Ma'am o'clock O'clock"),
  ...list("'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz"),
  ...list(
    "Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. " +
      "Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis.",
  ),
  ...list(
    "a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. " +
      "Prof. Rep. Rev. Sen. St. vs. v.s.",
  ),
  ...Array.from("abcdefghijklmnopqrstuvwxyzäöü", c => `${c}.`),
  ..."— ' '' C++ <space> \\t \\n \\\")".split(" "),
];

/** Faces: eyes, nose or none, mouth. */
const faces = (eyes: string, noses: readonly string[], mouths: string): string[] =>
  noses.flatMap(nose => list(mouths).map(mouth => `${eyes}${nose}${mouth}`));
const emoticons = [
  ...faces(":", ["", "-"], ") )) ))) ] } ( (( ((( / | P p O o 0 * 3 > X x D"),
  ...faces(":", ["", "'", "'-"], ") ("),
  ...list(":1 :o) :() (: (-: [: [-: (o: ): )-: >:( >:o"),
  ...list("=) (= =] [= =( =/ =| ]= =[ =3 =D"),
  ...list("8) 8-) (-8 8D 8-D ;) ;-) (; (-; ;D ;-D xD XD xDD XDD"),
  ...list("^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V @_@ <3 <33 <333 </3"),
  ...["o", "O", "0"].flatMap(a => ["_", "."].flatMap(mid => ["o", "O", "0"].map(b => a + mid + b))),
  ...list("(^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) (ಠ_ಠ) ಠ_ಠ ಠ︵ಠ ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>"),
];
/** Of the faces made of two round eyes, those nobody uses. */
const unusual = new Set(list("O_0 0_O O.0 0.O"));

const degrees = Array.from("cfkCFK", unit => `°|${unit}|.`);

/** By word, its pieces. */
export function exceptions(): ReadonlyMap<string, readonly string[]> {
  const cut = [...contractions.filter(c => !words.has(c.replaceAll("|", ""))), ...times, ...degrees].map(c => c.split("|"));
  const kept = [...whole, ...emoticons.filter(e => !unusual.has(e))].map(w => [w]);
  // What is written with a straight apostrophe is also written with a curved one.
  const curved = [...cut, ...kept].map(pieces => pieces.map(p => p.replaceAll("'", "’")));
  return new Map([...kept, ...cut, ...curved].map(pieces => [pieces.join(""), pieces]));
}
