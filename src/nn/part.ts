/** Names that `loam.yaml` may say of a network. */
export { classifierPoolings } from "./classifier-config.ts";
