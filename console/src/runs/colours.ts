/** How runs that are compared are told apart: a colour each, then the same ones dashed. */
import type { Colour } from "../parts/theme.ts";

const colours: readonly Colour[] = ["accent", "clay", "plum", "slate"];

/** Runs that are compared at most: more curves than this nobody tells apart. */
export const mostCompared = 2 * colours.length;
export const colourOf = (at: number): Colour => colours[at % colours.length]!;
export const isDashed = (at: number): boolean => at >= colours.length;
