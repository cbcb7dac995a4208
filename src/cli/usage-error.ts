/** A command line that cannot be parsed, as an error of Loam: what was typed, what was expected there, and the nearest valid word. */
import type { CommanderError } from "commander";
import { type LoamError, nearest } from "../base/index.ts";
import { cliErrors } from "./errors.ts";
import type { Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** The words of a verb without its arguments: `data explain <doc>` -> data, explain. */
export const wordsOf = (verb: Verb): string[] => verb.usage.split(" ").filter(word => !/^[<[]/.test(word));

/** What a complaint is about: the verb that was typed, the words that lead to it, and the words that could stand there. */
function typed(argv: readonly string[]): { readonly verb: Verb | undefined; readonly place: string; readonly known: string[] } {
  const [first = "", second = ""] = argv;
  const inner = verbs.filter(v => wordsOf(v).length > 1 && wordsOf(v)[0] === first);
  const verb = inner.find(v => wordsOf(v)[1] === second) ?? verbs.find(v => wordsOf(v).length === 1 && wordsOf(v)[0] === first);
  const known = inner.length > 0 ? inner.map(v => wordsOf(v)[1]!) : [...new Set(verbs.map(v => wordsOf(v)[0]!))];
  const place = ["loam", ...(verb ? wordsOf(verb) : inner.length > 0 ? [first] : [])].join(" ");
  return { verb, place, known };
}

/** Commander's complaint as one of ours, with the nearest right word. */
export function usageError(error: CommanderError, argv: readonly string[]): LoamError {
  const quoted = /'([^']+)'/.exec(error.message)?.[1] ?? "";
  const { verb, place, known } = typed(argv);
  if (error.code === "commander.unknownCommand") {
    const near = nearest(quoted, known);
    return cliErrors.fail("usage", {
      // the program's own name stands in front of every error
      place: place === "loam" ? "command" : place,
      expected: place === "loam" ? "a known one" : `one of ${known.join(", ")}`,
      received: `"${quoted}"`,
      hint: near ? `Did you mean "${place} ${near}"?` : `\`${place} --help\` lists them.`,
    });
  }
  if (error.code === "commander.unknownOption") {
    const flags = [...(verb?.options ?? []).flatMap(([f]) => f.match(/--[a-z-]+/g) ?? []), "--json", "--help"];
    const near = nearest(quoted, flags);
    return cliErrors.fail("usage", {
      place: verb ? place : `loam ${argv[0] ?? ""}`.trim(),
      expected: `one of ${flags.join(", ")}`,
      received: quoted,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  return cliErrors.fail("usage", {
    place: verb ? place : `loam ${argv[0] ?? ""}`.trim(),
    message: error.message.replace(/^error: /, ""),
    hint: `\`${verb ? place : "loam"} --help\` shows how.`,
  });
}
