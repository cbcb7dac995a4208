/** Numbers of an artifact's summary in a line of the terminal. */
import type { Summary } from "../../store/index.ts";

/** A number of a summary; 0 where it has none. */
export const summaryNumber = (summary: Summary, key: string): number => Number(summary[key] ?? 0);
/** Four digits. */
export const fourDigits = (x: number): string => String(Number(x.toPrecision(4)));
/** A difference, however small. */
export const smallNumber = (x: number): string => (x === 0 ? "0" : x >= 0.01 ? x.toFixed(2) : x.toExponential(1));
