export type { Examples } from "./examples.ts";
export { type ExampleGradients, perExample } from "./per-example.ts";
