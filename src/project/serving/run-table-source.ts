/** Runs as the console's table, read again when the artifact store's runs or their notes have changed. */
import { isLoamError } from "../../base/index.ts";
import type { CorePricesPart } from "../../ledger/index.ts";
import type { RunTableSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import { annotateRun, queryRuns, type RunColumn, type RunRow, readRuns, runColumns } from "../run-table/index.ts";

interface Read {
  readonly revision: string;
  readonly rows: Promise<{ readonly rows: readonly RunRow[]; readonly columns: readonly RunColumn[] }>;
}

/** `revision` differs as soon as a run or what is said of it does. */
export function runTableSource(store: Store, prices: CorePricesPart, revision: () => Promise<string>): RunTableSource {
  let read: Read | undefined;
  async function current(): Promise<Awaited<Read["rows"]>> {
    const now = await revision();
    if (read?.revision !== now) {
      const rows = readRuns(store, prices).then(all => ({ rows: all, columns: runColumns(all) }));
      // what failed is read again
      rows.catch(() => {
        if (read?.rows === rows) read = undefined;
      });
      read = { revision: now, rows };
    }
    return read.rows;
  }
  return {
    async table(query) {
      const { rows, columns } = await current();
      return queryRuns(rows, query, columns);
    },
    async annotate(id, given) {
      try {
        return await annotateRun(store, id, given);
      } catch (error) {
        if (isLoamError(error, "project/nothing")) return undefined;
        throw error;
      }
    },
  };
}
