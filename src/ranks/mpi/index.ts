/** Ranks that mpirun started. */
import { type LinkedGroup, linkedGroup } from "../linked-group.ts";
import type { GroupOptions } from "../process-group.ts";
import { openMpi } from "./library.ts";
import { MpiLinks } from "./mpi-links.ts";

/** This process as a rank of mpirun's. Sums are made here, in rank order, since the order of MPI_Allreduce is the library's. Errors: `ranks/transport`. */
export const mpiGroup = async (options: GroupOptions = {}): Promise<LinkedGroup> => linkedGroup(new MpiLinks(openMpi()), options);
