/** The words after `npm run bench --`: what is asked of the benches. Words and options that nothing knows are refused before anything starts. */
import { Trouble } from "./say.js";

/** Options by name. `true`: it has a value; `for`: the word that takes it, all benches when absent. */
const options = {
  json: { about: "one JSON document on stdout" },
  scale: { about: "--scale=0.1: less work, where a bench can do with less", hasValue: true },
  light: { about: "without PyTorch", for: "peers" },
  llama: { about: "llama.cpp too, built from source", for: "peers" },
  litellm: { about: "LiteLLM's proxy", for: "peers" },
};

/** Benches that take names of their parts behind their own. */
const withParts = ["launch", "levers", "loop", "operator", "pjrt", "plan", "precision", "split", "suites"];

export const isHelpAsked = args => args.length === 0 || args.includes("--help") || args.includes("-h");

/**
 * Names of benches, their parts, and options; `isHelp` where help is asked for, of the named benches or of all. Errors: Trouble with exit code 2 for
 * an unknown option and a scale that is no number above 0.
 */
export function benchWords(args) {
  const words = args.filter(a => !a.startsWith("-"));
  const flags = args.filter(a => a.startsWith("-"));
  const isHelp = isHelpAsked(args);
  const [names, only] = withParts.includes(words[0]) ? [words.slice(0, 1), words.slice(1)] : [words, []];
  const given = new Map();
  for (const flag of flags) {
    if (isHelpAsked([flag])) continue;
    const [name, ...value] = flag.slice(2).split("=");
    const option = flag.startsWith("--") && Object.hasOwn(options, name) ? options[name] : undefined;
    if (!option || (option.hasValue ?? false) !== value.length > 0 || (option.for ?? names[0]) !== names[0])
      throw new Trouble(`bench: unknown option ${flag}. \`npm run bench -- ${names[0] ?? "NAME"} --help\` lists the options.`, 2);
    given.set(name, value.join("="));
  }
  const scale = Number(given.get("scale") ?? 1);
  if (!(scale > 0)) throw new Trouble("bench: --scale: expected a number above 0, such as --scale=0.1.", 2);
  return { names, only, isHelp, scale, options: given };
}

/** Errors: Trouble with exit code 2 for a name that is no bench. */
export function checkBenchNames(names, benches) {
  const unknown = names.find(name => name !== "peers" && !Object.hasOwn(benches, name));
  if (unknown !== undefined) throw new Trouble(`bench: expected one of ${Object.keys(benches).join(", ")}, peers; got "${unknown}".`, 2);
}

/** Help of one bench, or of `peers`. */
export function benchHelp(name, about, parts = []) {
  const own = Object.entries(options).filter(([, o]) => (name === "peers" ? o.for === name : o.for === undefined));
  const usage = `npm run bench -- ${name}${withParts.includes(name) ? " [PART...]" : ""} [OPTION...]`;
  const lines = own.map(([option, { about: text }]) => `  --${option.padEnd(10)} ${text}`);
  const named =
    parts.length > 0 ? `\n\nParts (default: all):\n${parts.map(([part, text]) => `  ${part.padEnd(24)} ${text}`).join("\n")}` : "";
  return `${usage}\n\n${about}${named}\n\nOptions:\n${lines.join("\n")}\n`;
}
