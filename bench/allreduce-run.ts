/**
 * One rank of the bench `allreduce`, ours or Open MPI's own: it waits for words on a socket, sums when told, and answers with times. Between sums it does
 * nothing, so that the sides can take turns.
 */
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { loadKoffi } from "../src/machine/index.ts";
import { joinRanks } from "../src/ranks/index.ts";

export interface RankAnswer {
  readonly rank: number;
  readonly pid: number;
  /** Of one sum, in the mean. */
  readonly ms: number;
  readonly processorMs: number;
  /** Every element is the sum of all ranks' numbers. */
  readonly isRight: boolean;
  readonly error?: string;
}
export interface RankOrder {
  readonly elements: number;
  readonly times: number;
}

interface Side {
  readonly rank: number;
  readonly size: number;
  sum(x: Float32Array): void | Promise<void>;
  barrier(): void | Promise<void>;
  close(): void | Promise<void>;
}

async function ours(): Promise<Side> {
  const group = await joinRanks();
  return {
    rank: group.rank,
    size: group.size,
    sum: x => group.allReduce(x),
    barrier: () => group.barrier(),
    close: () => group.close(),
  };
}

/** MPI_Allreduce in place, by the library's own choice of algorithm. */
function openMpi(): Side {
  const library = loadKoffi().load("libmpi.so.40", { global: true });
  const handle = (name: string) => library.symbol(name, "char") as object;
  const [world, float, add] = [handle("ompi_mpi_comm_world"), handle("ompi_mpi_float"), handle("ompi_mpi_op_sum")];
  const out = new Int32Array(1);
  const number = (prototype: string): number => {
    library.func(prototype)(world, out);
    return out[0]!;
  };
  library.func("int MPI_Init_thread(void* argc, void* argv, int required, void* provided)")(null, null, 0, out);
  const allReduce = library.func("int MPI_Allreduce(intptr_t send, void* x, int n, void* type, void* op, void* comm)");
  const barrier = library.func("int MPI_Barrier(void* comm)");
  const inPlace = 1;
  return {
    rank: number("int MPI_Comm_rank(void* comm, void* out)"),
    size: number("int MPI_Comm_size(void* comm, void* out)"),
    sum: x => void allReduce(inPlace, x, x.length, float, add, world),
    barrier: () => void barrier(world),
    close: () => void library.func("int MPI_Finalize()")(),
  };
}

/** One array for all rounds, as gradients are in training. */
const memory = new Float32Array(10_000_000);

async function measure(side: Side, { elements, times }: RankOrder): Promise<RankAnswer> {
  const { rank, size } = side;
  const x = memory.subarray(0, elements);
  let [ms, processorMs, isRight] = [0, 0, true];
  for (let i = 0; i < times; i++) {
    x.fill(rank + 1);
    await side.barrier();
    const [began, used] = [performance.now(), process.cpuUsage()];
    await side.sum(x);
    ms += performance.now() - began;
    const { user, system } = process.cpuUsage(used);
    processorMs += (user + system) / 1000;
    isRight &&= x.every(v => v === (size * (size + 1)) / 2);
  }
  return { rank, pid: process.pid, ms: ms / times, processorMs: processorMs / times, isRight };
}

if (process.env.LOAM_BENCH_SOCKET) {
  const socket = connect(process.env.LOAM_BENCH_SOCKET);
  const side = process.argv[2] === "open-mpi" ? openMpi() : await ours();
  const tell = (answer: RankAnswer) => void socket.write(`${JSON.stringify(answer)}\n`);
  const blank = { rank: side.rank, pid: process.pid, ms: 0, processorMs: 0, isRight: true };
  tell(blank);
  for await (const line of createInterface({ input: socket })) {
    if (line === "close") break;
    const began = performance.now();
    try {
      tell(await measure(side, JSON.parse(line) as RankOrder));
    } catch (error) {
      tell({ ...blank, ms: performance.now() - began, error: (error as Error).message });
    }
  }
  await side.close();
  socket.end();
}
