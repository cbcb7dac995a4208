/** The command line: parses, gives each verb its output and signal, renders errors, and ends with a documented exit code. */
import { Command, CommanderError } from "commander";
import { baseErrors, exitCodes, isLoamError, LoamError, nearest, redact } from "../base/index.ts";
import { cliErrors } from "./errors.ts";
import { createOutput } from "./output.ts";
import { ownPackage } from "./package.ts";
import { hasAbandoned } from "./until-stopped.ts";
import type { HelpTable, Options, Verb } from "./verb.ts";
import { groups, verbs } from "./verbs.ts";

/** npm passes on a Ctrl-C that the terminal has sent already: two signals within this time are one wish. */
const sameWishMs = 500;

/** What a stop leaves, of verbs that say nothing else. */
const keptHint = "What is done is kept; run the same command again to go on.";

/** Ends the process without waiting for threads: `process.exit` waits for native calls and blocked reads. */
async function endNow(code: number): Promise<never> {
  const { exitProcess } = await import("../tensor/index.ts");
  return exitProcess(code);
}

/** Ctrl-C and SIGTERM once: stop in good order, and tell `hint`. Again: stop now. `end` takes the handlers away. */
function signals(hint: string): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let askedMs: number | undefined;
  const stop = () => {
    const nowMs = performance.now();
    if (askedMs !== undefined && nowMs - askedMs > sameWishMs) void endNow(exitCodes.interrupted);
    if (askedMs !== undefined) return;
    askedMs = nowMs;
    controller.abort(baseErrors.fail("interrupted", { message: "stopped", hint }));
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, stop);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
    },
  };
}

/** The words of a verb without its arguments: `data explain <doc>` -> data, explain. */
const wordsOf = (verb: Verb): string[] => verb.usage.split(" ").filter(word => !/^[<[]/.test(word));

/** The command that verbs of two words stand under. */
function groupOf(program: Command, word: string): Command {
  const known = program.commands.find(c => c.name() === word);
  if (known) return known;
  const group = program.command(word).description(groups[word] ?? "");
  group.addHelpText("after", `\n\`loam ${word} <command> --help\` shows the options of each.`);
  return group;
}

/** A value a time: `--set a=1 --set b=2`. */
const collected = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

/** A table below the options, in their form. */
function tableLines(command: Command, { title, rows, note }: HelpTable): string {
  const help = command.createHelp();
  help.helpWidth = command.configureOutput().getOutHelpWidth?.() ?? 80;
  const width = Math.max(...rows.map(([word]) => word.length));
  const lines = rows.map(([word, text]) => help.formatItem(word, width, text, help));
  return ["", `${title}:`, ...lines, "", help.boxWrap(note, help.helpWidth)].join("\n");
}

function addVerb(program: Command, verb: Verb, started: { code: number }): void {
  const words = wordsOf(verb);
  const parent = words.length > 1 ? groupOf(program, words[0]!) : program;
  const command = parent
    .command(
      verb.usage
        .split(" ")
        .slice(words.length - 1)
        .join(" "),
    )
    .description(verb.summary);
  for (const [flags, text, otherwise] of verb.options)
    if (flags.endsWith("...>")) command.option(flags.replace("...>", ">"), text, collected);
    else command.option(flags, text, otherwise);
  command.option("--json", "machine-readable output on stdout; people's lines go to stderr");
  const { table } = verb;
  if (table) command.addHelpText("after", () => tableLines(command, table));
  command.addHelpText("after", `\nExample:\n  ${verb.example}`);
  command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command;
    // `models import --json`: what the command above it knows too, commander gives to that one
    const options = self.optsWithGlobals() as Options;
    // `serve a b`: an argument that may be several is a list
    const args = given.slice(0, -2).flat() as (string | undefined)[];
    const out = createOutput(options.json === true);
    let end = (): void => {};
    try {
      const run = await verb.load();
      // until its modules are there a verb has begun nothing, and no handler could run between them: a signal ends the process
      const heard = signals(verb.stopped?.(options) ?? keptHint);
      end = heard.end;
      await run({ out, cwd: process.cwd(), signal: heard.signal }, args, options);
    } catch (error) {
      out.clear();
      started.code = report(error, out.json);
    } finally {
      end();
    }
  });
}

/** Shows an error where its reader looks: a sentence on stderr, the data on stdout with --json. Gives the exit code. */
function report(error: unknown, json: boolean): number {
  const known = isLoamError(error)
    ? error
    : new LoamError(
        { code: "base/internal", message: redact(error instanceof Error ? error.message : String(error)) },
        baseErrors.rows.internal,
      );
  if (json) process.stdout.write(`${JSON.stringify(known.toJSON())}\n`);
  process.stderr.write(`loam: ${known.message}\n`);
  if (!isLoamError(error) && error instanceof Error && process.env.LOAM_DEBUG) process.stderr.write(`${error.stack}\n`);
  else if (!isLoamError(error)) process.stderr.write("This is a fault in Loam. LOAM_DEBUG=1 shows where.\n");
  return known.exitCode;
}

/** Who reads our lines may stop (`loam models | head -1`): that ends the command without a word. Other errors of a stream are errors. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") > 0) continue;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.ok);
      throw error;
    });
  }
}

/** Ends the process when its output is written, whatever still loads. */
async function endProcess(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>(resolve => stream.write("", () => resolve()));
  return endNow(code);
}

/** Runs a command line; gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  endWithReader();
  const program = new Command("loam");
  const state = { code: exitCodes.ok as number };
  program
    .description("An LLM's whole life in one TypeScript system.")
    .version(ownPackage().version)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError(false)
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 failed, 2 wrong usage or input, 3 something is missing on this machine, 130 stopped by a signal.",
    );
  for (const verb of verbs) addVerb(program, verb, state);
  const quiet = (c: Command): void => {
    c.exitOverride().configureOutput({ writeErr: () => {} });
    for (const inner of c.commands) quiet(inner);
  };
  for (const c of program.commands) quiet(c);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    await program.parseAsync([...argv], { from: "user" });
    if (hasAbandoned()) await endProcess(state.code);
    return state.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error, argv.includes("--json"));
    if (["commander.helpDisplayed", "commander.help", "commander.version"].includes(error.code)) return exitCodes.ok;
    return report(usageError(error, argv), argv.includes("--json"));
  }
}

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
function usageError(error: CommanderError, argv: readonly string[]): LoamError {
  const quoted = /'([^']+)'/.exec(error.message)?.[1] ?? "";
  const { verb, place, known } = typed(argv);
  if (error.code === "commander.unknownCommand") {
    const near = nearest(quoted, known);
    return cliErrors.fail("usage", {
      place,
      expected: place === "loam" ? "a known command" : `one of ${known.join(", ")}`,
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
