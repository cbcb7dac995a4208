import { expect, test } from "vitest";
import { disguiseNames, disguises } from "../../../../bench/moderation/disguises.ts";
import { random } from "../../../base/index.ts";
import { ToxicTermFinder } from "./finder.ts";

const words = ["threaten", "bastard", "strangle", "moron", "vermin", "nightfall"];
const finder = new ToxicTermFinder({ test: Object.fromEntries(words.map(w => [w, 1])) });

test.each(disguiseNames)("words of a table are found in disguise: %s", name => {
  const draw = random(`toxicity/${name}`);
  const missed: string[] = [];
  for (let round = 0; round < 20; round++)
    for (const word of words) {
      const text = `I say ${disguises[name]!(word, draw)} to you`;
      if (!(finder.find(text).weight > 0)) missed.push(text);
    }
  expect(missed.length / (20 * words.length), missed.slice(0, 5).join(" | ")).toBeLessThanOrEqual(0.05);
});
