/** Tuned models of a project: their part of loam.yaml and the links of their lives. */
export { countsText } from "./cross-validation-links.ts";
