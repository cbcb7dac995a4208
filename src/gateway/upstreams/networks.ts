/** Which addresses an upstream may have, by name. */
export const networks = ["any", "public"] as const;
export type Network = (typeof networks)[number];
