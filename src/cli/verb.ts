/** A verb of the command line as a row: what `--help` shows at once, and the module that does it, loaded only when it is called. */
import type { Readable, Writable } from "node:stream";
import type { Output } from "./output.ts";

/** A stream that may be a terminal. */
type Terminal<T> = T & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

export interface Streams {
  readonly stdin: Terminal<Readable>;
  readonly stdout: Terminal<Writable>;
  readonly stderr: Terminal<Writable>;
}

export interface Context {
  readonly out: Output;
  /** Where the command was called. */
  readonly cwd: string;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The process ends when the command is stopped: a model that loads is left behind, and this is called. */
  readonly abandon?: (() => void) | undefined;
  /** For what is no line of output: questions, input, a log. Default: those of the process. */
  readonly streams?: Streams;
}

/** The streams of a command. */
export const streamsOf = ({ streams = process }: Context): Streams => streams;

export type Options = Readonly<Record<string, string | boolean | string[] | undefined>>;
export type VerbRun = (context: Context, args: readonly (string | undefined)[], options: Options) => Promise<void>;

export interface HelpTable {
  readonly title: string;
  readonly rows: readonly (readonly [word: string, text: string])[];
  /** A sentence below it. */
  readonly note: string;
}

export interface Verb {
  /** Name and arguments, commander's notation: `trace <id>`, `run [stage]`. */
  readonly usage: string;
  readonly summary: string;
  /** Flags, what they do, and their default. */
  readonly options: readonly (readonly [flags: string, text: string, otherwise?: string])[];
  /** Words that its input may have, and what they do. */
  readonly table?: HelpTable;
  /** What is true after a stop, where it is not that the same command goes on with what is kept. */
  readonly stopped?: (options: Options) => string | undefined;
  /** Its process exists for the stages that it runs: what the process uses beside them is charged to them. */
  readonly isForRuns?: true;
  /** An example line for the help. */
  readonly example: string;
  readonly load: () => Promise<VerbRun>;
}
