/**
 * The sample of a new project: short letters between people of one valley, composed from phrases by a seeded draw. Ours to ship, small enough
 * to learn in half a minute, and different enough from each other that hardly one is taken for another's copy.
 */
import { type Random, random } from "../../base/index.ts";

const people = "Agnes Bruno Clara Davit Edda Felix Greta Henrik Ines Jonas Kaya Ludwig Mira Nils Olga Pavel Rosa Simon Tilda Viktor".split(
  " ",
);
const places =
  "the mill|the old bridge|the bakery|the harbour|the school|the upper farm|the library|the station|the orchard|the ferry".split("|");
const months = "January February March April May June July August September October November December".split(" ");
const things = "ladder|kettle|red boat|accordion|bread oven|handcart|sewing machine|telescope|garden gate|clock|stove|bicycle".split("|");
const plants = "plums|pears|beans|potatoes|sunflowers|onions|walnuts|cherries|pumpkins|roses".split("|");
const animals = "the goat|our dog|the grey cat|the old hen|the pony|a hedgehog|the donkey|the tame crow".split("|");
const weather = [
  "It has rained for % days and the path to @ is under water",
  "The first snow fell last night, and nobody came through to @",
  "The wind took half the tiles of @",
  "We have had nothing but sun for % weeks, and the well is low",
  "There was fog so thick this morning that I walked past @ without seeing it",
  "Thunder woke us at % o'clock, and then it was quiet again",
];
const news = [
  "~ has sold the * at last, to a man from across the lake",
  "The * is broken again, and ~ says it will take % days to mend",
  "~ and ~ are to be married in ^, and the whole valley is asked",
  "Somebody has painted the door of @ blue, and ~ denies it",
  "There is a new teacher, who plays the * rather well",
  "& has been found in the cellar of @, in good spirits",
  "~ fell off the *, but nothing is hurt except pride",
  "The council met % times about @ and decided to meet again",
  "We counted % boats on the water on Sunday, more than ever before",
  "~ writes from the city that the streets are loud and the bread is poor",
  "The +, which we thought lost, came up all along the wall",
  "At @ they now close at % o'clock, because of the dark",
];
const thanks = [
  "Thank you for the +; we ate them with ~ and spoke well of you",
  "The * you lent us is back in your shed, cleaned and oiled",
  "Your letter of ^ came only today, by way of ~, who had forgotten it in a coat",
  "I was glad of the % photographs, above all the one of @",
  "You were right about the +: they want less water than I gave them",
];
const asks = [
  "Could you bring % jars when you come, for the +?",
  "Would you ask ~ whether the * is still for sale?",
  "Do you still have the key to @? Ours will not turn",
  "Please tell ~ that & is well and waits by the gate",
  "Let me know by ^ if you need the *, or I shall give it to ~",
  "Might we borrow ~ for a day, to carry the + up from @?",
  "If you go by @, look whether my hat is there",
];
const hopes = [
  "I shall come over in ^, if the ferry runs",
  "We keep a bed for you, and the stove is warm",
  "Next year we shall plant + by @ and see what comes of it",
  "The evenings are long now; I read a little and mend what I can",
  "More when there is more to tell",
  "~ sends greetings, and & would if it could write",
];
const openings = ["Dear ~,", "My dear ~,", "Good ~,", "Dear ~ and ~,"];
const endings = ["Yours,", "With love,", "In haste,", "As ever,", "Your old friend,", "Warmly,"];

const pick = <T>(r: Random, from: readonly T[]): T => from[r.below(from.length)]!;

/** Every sign of a phrase becomes a word: ~ a person, @ a place, * a thing, + a plant, & an animal, ^ a month, % a number. */
function fill(r: Random, phrase: string): string {
  const rows: Readonly<Record<string, readonly string[]>> = {
    "~": people,
    "@": places,
    "*": things,
    "+": plants,
    "&": animals,
    "^": months,
  };
  const text = phrase.replace(/[~@*+&^%]/g, sign => (sign === "%" ? String(2 + r.below(18)) : pick(r, rows[sign]!)));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Different entries of a list, in an order of their own. */
const some = <T>(r: Random, from: readonly T[], count: number): T[] =>
  [...r.permutation(from.length).subarray(0, count)].map(i => from[i]!);

const sentence = (r: Random, phrase: string): string => {
  const text = fill(r, phrase);
  return /[.?!]$/.test(text) ? text : `${text}.`;
};

function letter(r: Random): string {
  const first = [pick(r, weather), ...some(r, thanks, r.below(2))].map(p => sentence(r, p)).join(" ");
  const second = some(r, news, 2 + r.below(3))
    .map(p => sentence(r, p))
    .join(" ");
  const third = [...some(r, asks, 1 + r.below(2)), ...some(r, hopes, 1 + r.below(2))].map(p => sentence(r, p)).join(" ");
  const date = `${1 + r.below(28)} ${pick(r, months)} ${1921 + r.below(12)}`;
  return [date, fill(r, pick(r, openings)), first, second, third, `${pick(r, endings)}\n${pick(r, people)}`].join("\n\n").concat("\n");
}

/** `count` letters, the same ones for the same seed. */
export function letters(count: number, seed: number | string = "letters"): string[] {
  const r = random(seed);
  return Array.from({ length: count }, () => letter(r));
}
