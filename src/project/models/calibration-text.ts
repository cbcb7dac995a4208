/**
 * Neutral texts to calibrate a model with where the user gives none: sentences of several kinds (told, asked, numbers, lists, code, mail),
 * drawn by a fixed seed. Calibration looks at the greatest magnitudes that enter a layer and at nothing that is said.
 */
import { type Random, random } from "../../base/index.ts";

const words = {
  who: ["The gardener", "My sister", "A young engineer", "The committee", "Nobody in the village", "Dr. Meyer", "The old ship"],
  did: ["repaired", "measured", "forgot about", "described", "sold", "counted", "painted", "carefully opened"],
  what: [
    "the wooden bridge",
    "a letter from Lisbon",
    "two copper wires",
    "every window",
    "the results of the second test",
    "an apple tree",
  ],
  where: ["near the station", "in the spring of 1987", "before the rain came", "at the end of the long corridor", "without saying a word"],
  field: ["temperature", "price", "distance", "population", "width", "rate"],
} as const;
type Word = keyof typeof words;

const kinds: readonly ((pick: (w: Word) => string, r: Random) => string)[] = [
  p => `${p("who")} ${p("did")} ${p("what")} ${p("where")}.`,
  p => `Why did ${p("who").toLowerCase()} not see ${p("what")}? Because ${p("who").toLowerCase()} ${p("did")} it ${p("where")}.`,
  (p, r) => `The ${p("field")} rose from ${r.below(900) + 1}.${r.below(10)} to ${r.below(9000) + 900}, about ${r.below(100)} % more.`,
  (p, r) => `def ${p("field")}(x, n=${r.below(20)}):\n    return [x * i for i in range(n) if i % ${r.below(7) + 2} == 0]\n`,
  p => `To: ${p("field")}@example.org\nSubject: ${p("what")}\n\nDear all,\n${p("who")} ${p("did")} ${p("what")}. Please answer soon.\n`,
  (p, r) => [1, 2, 3].map(i => `${i}. ${p("what")} (${r.below(50) + 1} pieces)`).join("\n"),
  p => `<li class="${p("field")}"><a href="/${p("field")}">${p("what")}</a></li>`,
];

/** `count` texts of some 250 words. */
export function calibrationTexts(count = 4): string[] {
  const r = random("calibration");
  const pick = (w: Word): string => words[w][r.below(words[w].length)]!;
  return Array.from({ length: count }, () => Array.from({ length: 18 }, () => kinds[r.below(kinds.length)]!(pick, r)).join(" "));
}
