/** What could stand next on a command line: verbs, flags, and names from the project's file. Pure, but for the names that it is given. */
import type { Verb } from "../verb.ts";

/** Parts of loam.yaml whose keys are names that verbs take. */
export type NamedPart = "models" | "data" | "searches";

const isArgument = (word: string) => /^[<[]/.test(word);
const wordsOf = (verb: Verb): string[] => verb.usage.split(" ").filter(w => !isArgument(w));
const flagsOf = (verb: Verb): string[] => [...verb.options.flatMap(([flags]) => flags.match(/--[a-z-]+/g) ?? []), "--json", "--help"];
const modelArguments = new Set(["model", "models", "version", "before", "after", "id"]);

/** The option that a word is, where a value has to follow it. */
const awaited = (verb: Verb, word: string): string | undefined =>
  verb.options.map(([flags]) => flags).find(flags => flags.includes("<") && flags.split(/[ ,]+/).includes(word));

/** Which names the verb's argument at a place takes; the last may be given several times. */
function partOf(verb: Verb, place: number): NamedPart | undefined {
  const list = verb.usage.split(" ").filter(isArgument);
  const given = list[place] ?? (list.at(-1)?.includes("...") ? list.at(-1) : undefined);
  const name = given?.replace(/[^a-z]/g, "");
  if (name === undefined) return undefined;
  if (modelArguments.has(name)) return "models";
  if (name !== "name") return undefined;
  return verb.usage.startsWith("data ") ? "data" : verb.usage.startsWith("tune ") ? "searches" : undefined;
}

/** `words` are those after `loam`; the last is the one that is being written, perhaps empty. Those that begin with it, in order. */
export function candidates(
  verbs: readonly Verb[],
  words: readonly string[],
  namesOf: (part: NamedPart) => readonly string[],
): readonly string[] {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const fitting = (list: readonly string[]) => [...new Set(list)].filter(c => c.startsWith(last));
  const [first, second] = before;
  const group = verbs.filter(v => wordsOf(v).length > 1 && wordsOf(v)[0] === first);
  const inner = group.find(v => wordsOf(v)[1] === second);
  const verb = inner ?? verbs.find(v => wordsOf(v).length === 1 && wordsOf(v)[0] === first);
  if (before.length === 0) return fitting([...verbs.map(v => wordsOf(v)[0]!), "--help", "--version"]);
  const found: string[] = before.length === 1 ? group.map(v => wordsOf(v)[1]!) : [];
  if (!verb) return fitting(found);
  const option = awaited(verb, before.at(-1)!);
  if (option) return option.startsWith("--model ") ? fitting(namesOf("models")) : [];
  if (last.startsWith("-")) return fitting(flagsOf(verb));
  const given = before.slice(wordsOf(verb).length).filter((w, i, all) => !w.startsWith("-") && !(i > 0 && awaited(verb, all[i - 1]!)));
  const part = partOf(verb, given.length);
  return fitting([...found, ...(part ? namesOf(part) : [])]);
}
