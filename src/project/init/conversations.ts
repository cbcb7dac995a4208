/** The sample of instruction tuning: questions about people of the valley that the letters come from, and their answers. */
import { random } from "../../base/index.ts";

const people = "Agnes Bruno Clara Davit Edda Felix Greta Henrik Ines Jonas Kaya Ludwig".split(" ");
const places = ["by the mill", "at the old bridge", "above the bakery", "near the harbour", "at the upper farm", "behind the station"];
const animals = ["a goat", "a grey cat", "an old hen", "a pony", "a donkey", "a tame crow"];
const plants = ["plums", "pears", "beans", "potatoes", "walnuts", "roses"];

const kinds: readonly (readonly [list: readonly string[], asks: readonly string[], verb: string])[] = [
  [places, ["Where does ~ live?", "In which place does ~ live?", "Tell me where ~ lives."], "lives"],
  [animals, ["Which animal does ~ keep?", "What animal has ~?", "Tell me the animal of ~."], "keeps"],
  [plants, ["What does ~ grow?", "What is in the garden of ~?", "Tell me what ~ grows."], "grows"],
];

/** JSON Lines of OpenAI's shape: three questions about each of three facts of each person. */
export function conversations(seed: number | string = "valley"): string {
  const r = random(seed);
  const lines = people.flatMap(person =>
    kinds.flatMap(([list, asks, verb]) => {
      const content = `${person} ${verb} ${list[r.below(list.length)]!}.`;
      return asks.map(ask => ({
        messages: [
          { role: "user", content: ask.replace("~", person) },
          { role: "assistant", content },
        ],
      }));
    }),
  );
  return `${lines.map(line => JSON.stringify(line)).join("\n")}\n`;
}
