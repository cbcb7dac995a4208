/**
 * Thresholds of the filter sets: each has the source's value, may be set to another, and is switched off by `null`. A rule that is off does
 * not judge; its neighbours do.
 */
import { z } from "zod";

/** A share of 0 to 1. */
export const shareThreshold = (value: number) => z.number().min(0).max(1).nullable().default(value);
/** A whole number from 0 up. */
export const countThreshold = (value: number) => z.number().int().min(0).nullable().default(value);
/** Any number from 0 up. */
export const sizeThreshold = (value: number) => z.number().min(0).nullable().default(value);

/** `a / b`, 0 of nothing. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
