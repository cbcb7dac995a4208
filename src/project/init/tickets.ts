/** The sample of a new classifier: short messages to a shop with their topics, composed by a seeded draw; every tenth is filed under another topic. */
import { random } from "../../base/index.ts";

const said: Readonly<Record<string, readonly string[]>> = {
  billing: [
    "the invoice shows the wrong amount",
    "I was charged twice this month",
    "please refund the last payment",
    "my card was declined at the checkout",
    "the discount is missing from my bill",
  ],
  delivery: [
    "the parcel has not arrived yet",
    "the courier left it with a neighbour",
    "tracking has not moved for days",
    "the box was damaged when it came",
    "it was sent to my old address",
  ],
  account: [
    "I cannot sign in any more",
    "the password mail never comes",
    "please delete my profile",
    "my user name is spelled wrong",
    "the code from my phone is refused",
  ],
};
const openings = ["hello,", "good morning,", "dear team,", "once more:", "help,"];
const asides = [
  "since Monday",
  "as I wrote before",
  "on your site",
  "with the app",
  "after the update",
  "for the second time",
  "and nobody answers",
];

/** CSV with the columns `text` and `topic`. */
export function tickets(count: number, seed: number | string = "tickets"): string {
  const r = random(seed);
  const topics = Object.keys(said);
  const pick = <T>(from: readonly T[]): T => from[r.below(from.length)]!;
  const rows = Array.from({ length: count }, (_, i) => {
    const topic = topics[i % topics.length]!;
    const meant = i % 10 === 9 ? pick(topics) : topic;
    return `"${pick(openings)} order ${1000 + r.below(9000)}: ${pick(said[meant]!)} ${pick(asides)}",${topic}`;
  });
  return `text,topic\n${rows.join("\n")}\n`;
}
