/**
 * Comments with three labels, made from templates: `insult`, `threat`, `spam`, each by itself or together. Harmless ones use the same verbs and nouns in other
 * senses ("kill the process"). A small set to see the whole way on, and no measure of a moderation model.
 */
import { mkdirSync, writeFileSync } from "node:fs";

/** Multiply-with-carry: the same comments on every machine. */
let state = 7;
const below = n => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const pick = list => list[below(list.length)];

const people = ["the author", "the driver", "my neighbour", "this referee", "your brother", "the new editor", "that singer", "the mayor"];
const topics = ["the match", "the article", "the film", "the update", "the recipe", "the concert", "the vote", "the exam"];
const parts = {
  insult: [
    () => `you are a pathetic ${pick(["moron", "idiot", "clown", "loser"])}`,
    () => `${pick(people)} is a worthless ${pick(["moron", "idiot", "fool", "liar"])}`,
    () => `what a stupid ${pick(["moron", "idiot", "imbecile", "loser"])} ${pick(people)} is`,
  ],
  threat: [
    () => `i will ${pick(["hurt", "kill", "beat", "find and hurt"])} ${pick(["you", "you tonight", pick(people)])}`,
    () => `${pick(people)} will ${pick(["bleed", "pay with blood", "be beaten"])} for this`,
    () => `i know where ${pick(["you live", `${pick(people)} lives`])} and i am coming with a ${pick(["knife", "gun", "bat"])}`,
  ],
  spam: [
    () => `earn ${10 * (10 + below(90))} dollars a day from home, click ${pick(["here", "the link", "my profile"])}`,
    () => `cheap ${pick(["watches", "pills", "followers", "loans"])}, visit ${pick(["best", "top", "fast"])}${below(1000)}.example now`,
  ],
};
const harmless = [
  () => `i liked ${pick(topics)} and ${pick(people)} did too`,
  () => `how do i kill a process that hangs after ${pick(topics)}`,
  () => `the knife from ${pick(topics)} cuts bread well`,
  () => `${pick(people)} beat the others at ${pick(topics)}`,
  () => `click the button to read ${pick(topics)} again`,
  () => `i am a gay man and i enjoyed ${pick(topics)}`,
  () => `${pick(people)} will be at ${pick(topics)} tonight`,
  () => `is ${pick(topics)} worth ${10 + below(90)} dollars`,
];
const labels = Object.keys(parts);
const seen = new Set();
const lines = [];
while (lines.length < 1200) {
  const held = labels.filter(() => below(4) === 0);
  const said = held.map(label => pick(parts[label])());
  const text = [...(held.length === 0 || below(2) === 0 ? [pick(harmless)()] : []), ...said].join(", ");
  if (seen.has(text)) continue;
  seen.add(text);
  lines.push({ text, ...Object.fromEntries(labels.map(label => [label, held.includes(label)])) });
}
const folder = new URL("./data/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("comments.jsonl", folder), lines.map(line => `${JSON.stringify(line)}\n`).join(""));
