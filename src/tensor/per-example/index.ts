export type { ExampleOwners } from "./examples.ts";
export { type ExampleGradients, perExample } from "./per-example.ts";
export type { SketchFactors } from "./terms.ts";
