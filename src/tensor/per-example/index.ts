export type { ExampleOwners } from "./examples.ts";
export { type ExampleGradients, perExample } from "./per-example.ts";
