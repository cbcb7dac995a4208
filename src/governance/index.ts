/** governance: what a model owes to people, measured: anonymity of tables, privacy accountants, reports for laws and frameworks. Pure; knows nothing of models. */
export * from "./anonymity/index.ts";
export { governanceErrors } from "./errors.ts";
export * from "./membership/index.ts";
export * from "./privacy/index.ts";
export * from "./reports/index.ts";
