export { importance } from "./fanova.ts";
