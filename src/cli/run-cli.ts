/**
 * One command of `loam` inside a process: its own arguments, folder, environment variables, streams and signal; gives the exit code. Installs no
 * signal handler, sets no exit code and never exits, so several may run at once (a library call, tests). `main.ts` is the process around it.
 */
import { PassThrough } from "node:stream";
import { Command, CommanderError } from "commander";
import { baseErrors, type Environment, environment, exitCodes, isLoamError, LoamError, redact, withEnvironment } from "../base/index.ts";
import { ownPackage } from "../project/index.ts";
import { createOutput } from "./output.ts";
import { usageError, wordsOf } from "./usage-error.ts";
import type { HelpTable, Options, Streams, Verb } from "./verb.ts";
import { groups, verbs } from "./verbs.ts";

export interface CliRun extends Streams {
  /** Arguments behind `loam`. */
  readonly argv: readonly string[];
  /** Where relative paths start, and where a project is looked for. */
  readonly cwd: string;
  readonly env: Environment;
  /** Aborted: the command stops in good order, as it does on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Called when the command's modules are loaded, before it begins. */
  readonly onLoaded?: (verb: Verb) => void;
  /** Where the process ends with the command: called when a stop leaves the loading of a model behind. Default: it is waited for. */
  readonly abandon?: () => void;
}

/** What a stop leaves, of verbs that say nothing else. */
const keptHint = "What is done is kept; run the same command again to go on.";

/** The run's signal with a reason that tells the user what a stop leaves. `end` lets go of the run's. */
function interruption(asked: AbortSignal, hint: string): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const stop = () => controller.abort(baseErrors.fail("interrupted", { message: "stopped", hint }));
  if (asked.aborted) stop();
  else asked.addEventListener("abort", stop, { once: true });
  return { signal: controller.signal, end: () => asked.removeEventListener("abort", stop) };
}

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

/** What is done with a verb that was parsed: its arguments and options. */
type Act = (verb: Verb, args: readonly (string | undefined)[], options: Options) => Promise<void>;

function addVerb(program: Command, verb: Verb, act: Act): void {
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
  command.option("--json", "machine-readable output on stdout; progress output on stderr");
  const { table } = verb;
  if (table) command.addHelpText("after", () => tableLines(command, table));
  command.addHelpText("after", `\nExample:\n  ${verb.example}`);
  command.action((...given: unknown[]) => {
    const self = given.at(-1) as Command;
    // `models import --json`: what the command above it knows too, commander gives to that one
    const options = self.optsWithGlobals() as Options;
    // `serve a b`: an argument that may be several is a list
    return act(verb, given.slice(0, -2).flat() as (string | undefined)[], options);
  });
}

/** Loads a verb and runs it; an error is reported and gives the exit code. */
const performing =
  (cli: CliRun, ended: { code: number }): Act =>
  async (verb, args, options) => {
    const { stdin, stdout, stderr } = cli;
    const out = createOutput(options.json === true, { out: stdout, err: stderr });
    const { signal, end } = interruption(cli.signal, verb.stopped?.(options) ?? keptHint);
    try {
      const run = await verb.load();
      cli.onLoaded?.(verb);
      await run({ out, cwd: cli.cwd, signal, abandon: cli.abandon, streams: { stdin, stdout, stderr } }, args, options);
    } catch (error) {
      out.clear();
      ended.code = report(error, out.json, cli);
    } finally {
      end();
    }
  };

/** Shows an error where its reader looks: a sentence on stderr, the data on stdout with --json. Gives the exit code. */
function report(error: unknown, json: boolean, { stdout, stderr }: Streams): number {
  const known = isLoamError(error)
    ? error
    : new LoamError(
        { code: "base/internal", message: redact(error instanceof Error ? error.message : String(error)) },
        baseErrors.rows.internal,
      );
  if (json) stdout.write(`${JSON.stringify(known.toJSON())}\n`);
  stderr.write(`loam: ${known.message}\n`);
  // a program that reads the stream looks for one sentence
  if (!json && stderr.isTTY === true && isLoamError(error) && known.exitCode !== exitCodes.interrupted)
    stderr.write(`      More: loam docs ${known.problem.code}\n`);
  if (!isLoamError(error) && error instanceof Error && environment().LOAM_DEBUG) stderr.write(`${error.stack}\n`);
  else if (!isLoamError(error)) stderr.write("This is a fault in Loam. LOAM_DEBUG=1 shows where.\n");
  return known.exitCode;
}

function programOf(act: Act, stdout: Streams["stdout"]): Command {
  const output = {
    writeOut: (text: string) => void stdout.write(text),
    writeErr: () => {},
    getOutHelpWidth: () => (stdout.isTTY ? stdout.columns : undefined) as number,
  };
  const program = new Command("loam");
  program
    .description("Train, tune, evaluate, serve and govern language models.")
    .version(ownPackage().version)
    .exitOverride()
    .configureOutput(output)
    .showSuggestionAfterError(false)
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 failed, 2 wrong usage or input, 3 something is missing on this machine, 130 stopped by a signal.",
    );
  for (const verb of verbs) addVerb(program, verb, act);
  const settle = (c: Command): void => {
    c.exitOverride().configureOutput(output);
    for (const inner of c.commands) settle(inner);
  };
  for (const c of program.commands) settle(c);
  return program;
}

async function run(cli: CliRun): Promise<number> {
  const ended = { code: exitCodes.ok as number };
  const program = programOf(performing(cli, ended), cli.stdout);
  try {
    if (cli.argv.length === 0) {
      program.outputHelp();
      return exitCodes.ok;
    }
    await program.parseAsync([...cli.argv], { from: "user" });
    return ended.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error, cli.argv.includes("--json"), cli);
    if (["commander.helpDisplayed", "commander.help", "commander.version"].includes(error.code)) return exitCodes.ok;
    return report(usageError(error, cli.argv), cli.argv.includes("--json"), cli);
  }
}

/** Runs a command; gives its exit code. Never throws: what fails is written to the streams. */
export const runCli = (cli: CliRun): Promise<number> => withEnvironment(cli.env, () => run(cli));

/** What is wrong with a command line (the words behind `loam`), checked against the verbs and their flags without running anything. */
export async function usageProblem(argv: readonly string[]): Promise<string | undefined> {
  const program = programOf(async () => {}, new PassThrough().resume());
  try {
    await program.parseAsync([...argv], { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = ["commander.helpDisplayed", "commander.help", "commander.version"].includes(error.code);
    return isHelp ? undefined : usageError(error, argv).message;
  }
}
