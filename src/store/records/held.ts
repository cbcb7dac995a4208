/** Kysely over a connection that is held already: what the work of a transaction gets (`writes.ts` begins and ends the transaction). */
import { type DatabaseConnection, type Dialect, Kysely } from "kysely";
import type { Tables } from "./schema.ts";

export const heldBy = (connection: DatabaseConnection, dialect: Dialect): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: {
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createAdapter: () => dialect.createAdapter(),
      createIntrospector: k => dialect.createIntrospector(k),
      createDriver: () => ({
        init: async () => {},
        acquireConnection: async () => connection,
        releaseConnection: async () => {},
        beginTransaction: async () => {},
        commitTransaction: async () => {},
        rollbackTransaction: async () => {},
        destroy: async () => {},
      }),
    },
  });
