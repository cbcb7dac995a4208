/** The few things that keys, changes and usage ask of a database, whichever it is. Statements carry `?` for parameters. */

export type SqlValue = string | number | null;

export interface Sql {
  /** Rows of a query, or of nothing. Errors: stateLost. */
  all<R extends object>(text: string, parameters?: readonly SqlValue[]): Promise<R[]>;
}

export interface Database extends Sql {
  /** Runs `work` alone among all writers of the state, and commits or leaves nothing. Use only the given `Sql` in it. */
  write<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
