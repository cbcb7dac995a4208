/** Options of the command line as numbers: checked, with the verb and the flag named where they are none. */
import { defaultDelayMs, defined, environment } from "../base/index.ts";
import { launchEngineNames } from "../launch/index.ts";
import { wrongArgument } from "../project/index.ts";
import type { Options } from "./verb.ts";

const flagOf = (key: string): string => `--${key.replaceAll(/[A-Z]/g, c => `-${c.toLowerCase()}`)}`;

interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** Whole numbers only. */
  readonly whole?: boolean;
}

/** The number of an option, undefined where it was not given. Errors: cli/usage. */
export function numberOption(options: Options, key: string, verb: string, { least, most, whole = false }: NumberRange): number | undefined {
  const given = options[key];
  if (given === undefined) return undefined;
  const value = typeof given === "string" && given.trim() !== "" ? Number(given) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw wrongArgument(`loam ${verb}: ${flagOf(key)}`, `a ${whole ? "whole " : ""}number from ${least} to ${most}`, JSON.stringify(given));
}

/** `--shutdown-delay`, in milliseconds. Errors: cli/usage. */
export const shutdownDelayMs = (options: Options, verb: string): number => {
  const seconds = numberOption(options, "shutdownDelay", verb, { least: 0, most: 60 });
  return seconds === undefined ? defaultDelayMs(environment()) : 1000 * seconds;
};

/** `--shutdown-timeout`, in milliseconds; undefined where it was not given. Errors: cli/usage. */
export const shutdownTimeoutMs = (options: Options, verb: string): number | undefined => {
  const seconds = numberOption(options, "shutdownTimeout", verb, { least: 0, most: 3600 });
  return seconds === undefined ? undefined : 1000 * seconds;
};

/** The option as one of its words, undefined where it was not given. Errors: cli/usage. */
export function choiceOption<T extends string>(options: Options, key: string, verb: string, words: readonly T[]): T | undefined {
  const given = options[key];
  const word = words.find(w => w === given);
  if (given === undefined || word !== undefined) return word;
  throw wrongArgument(`loam ${verb}: ${flagOf(key)}`, `one of ${words.join(", ")}`, JSON.stringify(given));
}

/** `--launch` and `--launch-address`. Errors: cli/usage. */
export const launchOptions = (options: Options, verb: string) =>
  defined({ launch: choiceOption(options, "launch", verb, launchEngineNames), launchAddress: textOption(options, "launchAddress") });

/** `--mesh` (`data=2,tensor=1`) and `--zero`, as recipes write them. Errors: cli/usage. */
export const rankOptions = (options: Options, verb: string, mostZero: number) =>
  defined({ mesh: meshOf(options, verb), zero: numberOption(options, "zero", verb, { least: 0, most: mostZero, whole: true }) });

function meshOf({ mesh: given }: Options, verb: string): Record<string, number> | undefined {
  if (given === undefined) return undefined;
  const axes = String(given)
    .split(",")
    .map(part => /^([a-z]+)=(\d{1,6})$/.exec(part.trim()));
  if (axes.some(axis => axis === null))
    throw wrongArgument(`loam ${verb}: --mesh`, "axes with ranks, such as data=2", JSON.stringify(given));
  return Object.fromEntries(axes.map(axis => [axis![1]!, Number(axis![2])]));
}

export const textOption = (options: Options, key: string): string | undefined => {
  const given = options[key];
  return typeof given === "string" ? given : undefined;
};

/** Values of an option that may be given several times. */
export const listOption = (options: Options, key: string): string[] => {
  const given = options[key];
  return given === undefined ? [] : [given].flat().map(String);
};

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `--since`: `2h`, `3d`, a day or a time, in milliseconds since 1970. Errors: cli/usage. */
export function sinceOption(options: Options, verb: string): number | undefined {
  const text = textOption(options, "since");
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (number !== undefined) return Date.now() - Number(number) * unitMs[unit as keyof typeof unitMs];
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw wrongArgument(`loam ${verb}: --since`, "2h, 3d, or a day such as 2026-11-26", JSON.stringify(text));
}
