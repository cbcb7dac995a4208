export { LoamError } from "./base/index.ts";
