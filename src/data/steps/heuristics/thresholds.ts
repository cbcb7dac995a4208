/**
 * Thresholds of the filter sets: each has the source's value, may be set to another, and is switched off by `null`. A rule that is off does
 * not judge; its neighbours do.
 */
import { z } from "zod";
import type { Verdict } from "../../ledger.ts";
import { judge, type Rules } from "../rules.ts";

/** A share of 0 to 1. */
export const share = (value: number) => z.number().min(0).max(1).nullable().default(value);
/** A whole number from 0 up. */
export const count = (value: number) => z.number().int().min(0).nullable().default(value);
/** Any number from 0 up. */
export const size = (value: number) => z.number().min(0).nullable().default(value);

type Thresholds = { readonly [option: string]: unknown };
const active = new WeakMap<Thresholds, { readonly [option: string]: number | undefined }>();

/** Verdicts of all rules that are on. */
export function verdictsOf<Name extends string>(
  rules: Rules<Name>,
  values: Readonly<Record<Name, number>>,
  options: Thresholds,
): Verdict[] {
  let on = active.get(options);
  if (!on) {
    on = Object.fromEntries(Object.entries(options).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
    active.set(options, on);
  }
  return judge(rules, values, on);
}

/** `a / b`, 0 of nothing. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
