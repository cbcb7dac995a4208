import { expect, test } from "vitest";
import { disguiseNames, disguises } from "../../../../bench/moderation/disguises.ts";
import { random } from "../../../base/index.ts";
import { findersOf, unitsOf } from "../../../text/index.ts";
import { listFilter } from "./filter.ts";

const words = ["threaten", "bastard", "strangle", "moron", "vermin", "nightfall"];
const finders = findersOf({ words: words.map(unitsOf), trees: [], wholeWords: true });
const isFound = (text: string): boolean => {
  const filter = listFilter({ finders, action: "flag", mask: "", form: "text" });
  const pieces = [filter.push(text), filter.end()];
  return pieces.some(p => !(p instanceof Promise) && p.did === "flag");
};

test.each(disguiseNames)("words of a list are found in disguise: %s", name => {
  const draw = random(`blocklist/${name}`);
  const missed: string[] = [];
  for (let round = 0; round < 20; round++)
    for (const word of words) {
      const text = `I say ${disguises[name]!(word, draw)} to you`;
      if (!isFound(text)) missed.push(text);
    }
  expect(missed.length / (20 * words.length), missed.slice(0, 5).join(" | ")).toBeLessThanOrEqual(0.05);
});
