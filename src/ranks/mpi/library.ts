/**
 * Open MPI through koffi: the few calls that frames need, all of them without waiting. Its handles are addresses of names that the library exports; other
 * implementations of MPI have other handles and are refused.
 */
import { type LibraryHandle, loadKoffi } from "../../machine/index.ts";
import { ranksErrors } from "../errors.ts";

/** The library's name in Open MPI 2 to 4, and in 5. */
const names = ["libmpi.so.40", "libmpi.so"];
const [threadMultiple, anySource] = [3, -1];
/** Tells our messages from a program's own. */
const tag = 0x10a3;
/** struct ompi_status_public_t: source, tag, error, cancelled, count (64 bits). */
const statusWords = 6;

type Native = (...args: (number | bigint | object | null)[]) => number;

interface Probed {
  readonly from: number;
  readonly bytes: number;
}

export interface MpiLibrary {
  readonly rank: number;
  readonly size: number;
  /** `own` of all ranks, one after another: waits for all. */
  allGather(own: Uint8Array): Uint8Array;
  /** Begins to send; the bytes must stay as they are until the request is done. */
  send(to: number, bytes: Uint8Array): MpiRequest;
  /** A message that has come, undefined where there is none. */
  probe(): Probed | undefined;
  /** Takes the message that `probe` found. */
  receive(found: Probed, into: Uint8Array): void;
  /** Waits for all ranks. */
  finalize(): void;
}

export interface MpiRequest {
  isDone(): boolean;
}

const failed = (call: string, code: number) =>
  ranksErrors.fail("transport", { place: `MPI: ${call}`, expected: "success", received: `error class ${code}` });

function load(): LibraryHandle {
  const koffi = loadKoffi();
  const wanted = process.env.LOAM_MPI ? [process.env.LOAM_MPI] : names;
  let cause: unknown;
  for (const name of wanted)
    try {
      return koffi.load(name, { global: true });
    } catch (error) {
      cause = error;
    }
  throw ranksErrors.fail(
    "transport",
    {
      place: "transport mpi",
      expected: `Open MPI's library (${wanted.join(", ")})`,
      received: "none that can be loaded",
      hint: "Install it (Debian: openmpi-bin), or set LOAM_MPI to its path.",
    },
    cause,
  );
}

let opened: MpiLibrary | undefined;

/** Starts MPI in this process, which can be done once. Errors: `ranks/transport`. */
export function openMpi(): MpiLibrary {
  if (opened) throw ranksErrors.fail("transport", { place: "transport mpi", expected: "one group a process", received: "a second one" });
  const library = load();
  // a collected handle takes its functions with it
  (globalThis as typeof globalThis & { [key: symbol]: unknown })[Symbol.for("loam.ranks.mpi")] = library;
  const symbol = (name: string): object => {
    try {
      return library.symbol(name, "char") as object;
    } catch (cause) {
      throw ranksErrors.fail(
        "transport",
        { place: "transport mpi", expected: "Open MPI", received: "another implementation of MPI" },
        cause,
      );
    }
  };
  const [world, byte, errorsReturn] = [symbol("ompi_mpi_comm_world"), symbol("ompi_mpi_byte"), symbol("ompi_mpi_errors_return")];
  const native = (prototype: string): Native => library.func(prototype) as Native;
  const call = (prototype: string): ((...args: Parameters<Native>) => void) => {
    const f = native(prototype);
    const name = /MPI_\w+/.exec(prototype)![0];
    return (...args) => {
      const code = f(...args);
      if (code !== 0) throw failed(name, code);
    };
  };
  const out = new Int32Array(1);
  const number = (f: (...args: Parameters<Native>) => void, ...args: Parameters<Native>): number => {
    f(...args, out);
    return out[0]!;
  };
  call("int MPI_Init_thread(void* argc, void* argv, int required, void* provided)")(null, null, threadMultiple, out);
  call("int MPI_Comm_set_errhandler(void* comm, void* handler)")(world, errorsReturn);
  const rank = number(call("int MPI_Comm_rank(void* comm, void* rank)"), world);
  const size = number(call("int MPI_Comm_size(void* comm, void* size)"), world);
  const allGather = call("int MPI_Allgather(void* own, int n, void* type, void* all, int m, void* type2, void* comm)");
  const send = call("int MPI_Isend(void* bytes, int n, void* type, int to, int tag, void* comm, void* request)");
  const test = call("int MPI_Test(void* request, void* flag, void* status)");
  const probe = call("int MPI_Iprobe(int from, int tag, void* comm, void* flag, void* status)");
  const receive = call("int MPI_Recv(void* into, int n, void* type, int from, int tag, void* comm, void* status)");
  const finalize = call("int MPI_Finalize()");
  const [flag, status] = [new Int32Array(1), new Int32Array(statusWords)];
  opened = {
    rank,
    size,
    allGather: own => {
      const all = new Uint8Array(own.length * size);
      allGather(own, own.length, byte, all, own.length, byte, world);
      return all;
    },
    send: (to, bytes) => {
      const request = new BigInt64Array(1);
      send(bytes, bytes.length, byte, to, tag, world, request);
      let isDone = false;
      return {
        isDone: () => {
          if (isDone) return true;
          test(request, flag, status);
          isDone = flag[0] !== 0;
          return isDone;
        },
      };
    },
    probe: () => {
      probe(anySource, tag, world, flag, status);
      return flag[0] === 0 ? undefined : { from: status[0]!, bytes: status[4]! };
    },
    receive: ({ from, bytes }, into) => receive(into, bytes, byte, from, tag, world, status),
    finalize,
  };
  return opened;
}
