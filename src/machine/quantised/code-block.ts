/** Codes that share a scale, where scales are not a row's. */
export const codeBlock = 32;
