/**
 * What a scan carries from trigger to trigger. `steps` counts the characters that detectors look at, so that a test can hold the work
 * of hostile texts against their length.
 */
import { defined } from "../../../base/index.ts";
import type { PrivateSpan, PrivateType } from "./types.ts";

/** A finding, or the place of a value that is known to be nobody's: no part of it is looked at as something else. */
export interface PrivateFinding extends Omit<PrivateSpan, "type"> {
  readonly type: PrivateType | "nobody";
}

export interface Scan {
  readonly text: string;
  readonly found: PrivateFinding[];
  readonly minScore: number;
  /** Countries whose national way of writing phone numbers is understood. */
  readonly regions: readonly string[];
  /** Addresses at reserved domains are findings. */
  readonly exampleDomains: boolean;
  /** Takes every value for one with the right word beside it: how surrogates are shown to be none. */
  readonly assumeContext: boolean;
  /** End of the last URL's user part: an @ before it separates no mailbox from a host. */
  authorityEnd: number;
  steps: number;
}

/** Looks around a trigger and gives the place where the scan goes on, behind `at`. */
export type PrivateScanner = (scan: Scan, at: number) => number;

export function report(scan: Scan, type: PrivateFinding["type"], start: number, end: number, score: number, kind?: string): void {
  if (score >= scan.minScore) scan.found.push({ type, start, end, score, ...defined({ kind }) });
}
