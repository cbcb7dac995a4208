/** Anonymity of tables: k, l, t, and a generalised version that meets k and l. */
export {
  type AnonymityOptions,
  type AnonymityReport,
  anonymityOf,
  type Cell,
  equivalenceClasses,
  type SensitiveReport,
  type TableRow,
} from "./classes.ts";
export { type GeneralisedTable, type GeneraliseOptions, generalise } from "./mondrian.ts";
