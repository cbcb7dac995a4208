/** Numbers that products are computed in. */
export const precisions = ["f32", "bf16"] as const;
export type Precision = (typeof precisions)[number];
