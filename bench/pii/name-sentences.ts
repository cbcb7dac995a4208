/**
 * Made-up sentences with names and places marked, and with what only looks like them: months, verbs and towns that are names elsewhere, first
 * words, days, firms. `known` and `unseen` words share nothing, nor do the sentences of `usual` and `other` ones.
 */
import { type Random, random } from "../../src/base/index.ts";
import type { NameExample } from "../../src/data/index.ts";

type NameSpan = NameExample["spans"][number];
type NameType = NameSpan["type"];

const words = (list: string): readonly string[] => list.split(" ");
const known = {
  given: words(
    "Anna Peter Maria John Sarah Ahmed Wei Olga Pierre Ingrid Carlos Fatima David Emma Lucas Sofia Ivan Yuki Raj Nora Thomas Julia Omar Elena Mark Laura Hans Chloe Diego Priya Will May Paris Grace Jean-Luc Zoë",
  ),
  family: words(
    "Smith Müller Garcia Johnson Rossi Dubois Novak Kim Tanaka Silva Larsen Brown Petrov Singh Costa Weber Jansen Murphy O’Neill Hilton Reading Ivanova Haddad Fischer Young Moreau Kowalski Andersson Evans Hughes",
  ),
  place: [
    ..."London Paris Berlin Madrid Reading Tokyo Lagos Oslo Vienna Lisbon Warsaw Dublin Boston Chicago Leeds Kraków Geneva Nairobi Toronto Prague Bath Nice Cork Turin".split(
      " ",
    ),
    "New York",
    "San Diego",
    "Buenos Aires",
    "Cape Town",
    "Los Angeles",
    "St. Louis",
    "Rio de Janeiro",
  ],
};
const unseen = {
  given: words(
    "Beatrice Stefan Amina Hiroshi Lucia Viktor Noah Leila Oscar Katarina Bruno Mei Gustav Rosa Samuel Ines Tariq Helga Marco Åsa",
  ),
  family: words(
    "Taylor Schneider Lopez Bianchi Laurent Horvat Park Suzuki Pereira Nilsson Walker Sokolov Gupta Mendes Bauer Visser Kelly McCarthy Aziz Ward",
  ),
  place: [
    ..."Rome Munich Seville Kyoto Accra Bergen Graz Porto Gdańsk Galway Denver Houston Bristol Lyon Basel Mombasa Ottawa Brno".split(" "),
    "San Jose",
    "New Orleans",
    "Las Vegas",
    "Monte Carlo",
  ],
};
export type Vocabulary = "known" | "unseen";
const vocabularies = { known, unseen };

const usual = [
  "{N} will call you on Monday .",
  "I met {N} in {P} last week .",
  "Please send the report to {N} before Friday .",
  "Dear {N} , thank you for your letter .",
  "Hello {G} , are you still in {P} ?",
  "The train from {P} to {P} was late again .",
  "We moved to {P} in May .",
  "{G} and {G} live near {P} .",
  "{N} , who lives in {P} , wrote the book .",
  "Our office in {P} is closed .",
  "According to {N} , the plan is ready .",
  "{P} is cold in March .",
  "My name is {N} and I come from {P} .",
  "She flew from {P} to see {G} .",
  "Regards ,\r\n{N}\r\n{P}",
  "Dr. {F} works at the hospital in {P} .",
  "Mrs. {F} asked {G} for help 🙂 .",
  "May I ask what you will do ?",
  "Will you come on Sunday ?",
  "Reading is what I do in May .",
  "Reading the mail took an hour .",
  "The meeting is on Tuesday , not on Monday .",
  "Please install Windows and restart the Server .",
  "In April the English class was full .",
  "Thanks for the note about Linux .",
  "Nice to hear from you !",
  "Every young student likes a bath .",
  "Grace and mark are words of the list .",
  "This is a mark of good will .",
  "IMPORTANT : read the Terms of Service today .",
  "Mail [EMAIL] or call [PHONE] in June .",
] as const;
/** Sentences that no example shows. */
const other = [
  "Yesterday {N} left {P} for good .",
  "Could {G} bring the keys to Mrs. {F} ?",
  "A letter from {P} arrived for {N} .",
  "They say {P} has the best bread , and {G} agrees .",
  "Tell {N} that the flight to {P} is full .",
  "Will the Report be ready in August ?",
  "Reading glasses are on the table .",
  "May was warm , and June was hot .",
] as const;
const templates = { usual, other };

/** Sentences drawn from a vocabulary, two of three times two in a text. */
export function sentences(n: number, seed: number | string, vocabulary: Vocabulary, kind: keyof typeof templates = "usual"): NameExample[] {
  const draw: Random = random(seed);
  const lists = vocabularies[vocabulary];
  const pick = <T>(list: readonly T[]): T => list[draw.below(list.length)]!;
  const fillings: Readonly<Record<string, () => readonly [NameType, string]>> = {
    "{N}": () => ["name", `${pick(lists.given)} ${pick(lists.family)}`],
    "{G}": () => ["name", pick(lists.given)],
    "{F}": () => ["name", pick(lists.family)],
    "{P}": () => ["place", pick(lists.place)],
  };
  const sentence = (text: string, spans: NameSpan[]): string => {
    let out = text;
    for (const part of pick<string>(templates[kind]).split(/(\{[NGFP]\})/)) {
      const filled = fillings[part]?.();
      if (filled) spans.push({ type: filled[0], start: out.length, end: out.length + filled[1].length });
      out += filled ? filled[1] : part.replace(/ ([.,?!:])/g, "$1");
    }
    return out;
  };
  return Array.from({ length: n }, () => {
    const spans: NameSpan[] = [];
    let text = sentence("", spans);
    if (draw.below(3) > 0) text = sentence(`${text}${pick([" ", "\n", "\r\n\r\n"])}`, spans);
    return { text, spans };
  });
}
