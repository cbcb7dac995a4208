/** governance: what a model owes to people, measured: privacy accountants. Knows nothing of models. */
export { governanceErrors } from "./errors.ts";
export * from "./privacy/index.ts";
