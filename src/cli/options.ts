/** Options of the command line as numbers: checked, with the verb and the flag named where they are none. */
import { cliErrors } from "./errors.ts";
import type { Options } from "./verb.ts";

export interface NumberRange {
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
  const flag = `--${key.replaceAll(/[A-Z]/g, c => `-${c.toLowerCase()}`)}`;
  throw cliErrors.fail("usage", {
    place: `loam ${verb}: ${flag}`,
    expected: `a ${whole ? "whole " : ""}number from ${least} to ${most}`,
    received: JSON.stringify(given),
  });
}

export const textOption = (options: Options, key: string): string | undefined => {
  const given = options[key];
  return typeof given === "string" ? given : undefined;
};
