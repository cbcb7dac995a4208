/**
 * The time of spans, in milliseconds since 1970 with their fractions: one clock for all of a trace. A span without a time of its own begins at a whole
 * millisecond, so that a child could end after its parent.
 */
export const spanTimeMs = (): number => performance.timeOrigin + performance.now();
