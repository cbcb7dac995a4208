/** How a text's states become one vector. Apart, since every verb reads loam.yaml and nothing of the server is loaded for that. */

/** `mean`: their mean. `cls`: the state of the first token. `none`: they stay one vector per token, unscaled. */
export const poolings = ["mean", "cls", "none"] as const;
export type Pooling = (typeof poolings)[number];
