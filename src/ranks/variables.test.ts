import { expect, test } from "vitest";
import { firstHost, rankPlace } from "./variables.ts";

test("a process that nothing started as a rank has no place, and neither has a batch script that srun has not started", () => {
  expect(rankPlace({})).toBeUndefined();
  expect(rankPlace({ SLURM_PROCID: "0", SLURM_NTASKS: "4", SLURM_JOB_ID: "7" })).toBeUndefined();
  expect(rankPlace({ RANK: "0", WORLD_SIZE: "2" })).toBeUndefined();
});

test("Loam's own variables come before a launcher's", () => {
  const env = {
    LOAM_RANK: "1",
    LOAM_RANKS: "2",
    LOAM_RANKS_TRANSPORT: "tcp",
    LOAM_RANKS_ADDRESS: "h:1",
    LOAM_RANKS_SECRET: "s",
    SLURM_PROCID: "3",
  };
  expect(rankPlace(env)).toEqual({ rank: 1, size: 2, transport: "tcp", run: "h:1", address: "h:1", secret: "s" });
});

test("mpirun's ranks use MPI, Slurm's share memory on one node and TCP to the first node on several, torchrun's use its address", () => {
  expect(rankPlace({ OMPI_COMM_WORLD_RANK: "2", OMPI_COMM_WORLD_SIZE: "4" })).toMatchObject({ rank: 2, size: 4, transport: "mpi" });
  const slurm = {
    SLURM_PROCID: "1",
    SLURM_STEP_NUM_TASKS: "2",
    SLURM_JOB_ID: "40007",
    SLURM_STEP_ID: "0",
    SLURM_STEP_NODELIST: "gpu[03-05,9],x",
  };
  expect(rankPlace({ ...slurm, SLURM_STEP_NUM_NODES: "1" })).toMatchObject({ transport: "shared memory", run: "slurm 40007.0" });
  expect(rankPlace({ ...slurm, SLURM_STEP_NUM_NODES: "2" })).toMatchObject({ transport: "tcp", address: "gpu03:20007" });
  const torch = { RANK: "1", WORLD_SIZE: "4", LOCAL_WORLD_SIZE: "2", MASTER_ADDR: "10.0.0.1", MASTER_PORT: "29500" };
  expect(rankPlace(torch)).toMatchObject({ rank: 1, transport: "tcp", address: "10.0.0.1:29500" });
});

test.each([
  [{ LOAM_RANK: "2", LOAM_RANKS: "2" }, "LOAM_RANK: expected a whole number from 0 to 1"],
  [{ LOAM_RANK: "-1", LOAM_RANKS: "2" }, "LOAM_RANK: expected a whole number"],
  [{ LOAM_RANK: "0", LOAM_RANKS: "many" }, "LOAM_RANKS: expected a whole number"],
  [{ LOAM_RANK: "0" }, "LOAM_RANK: expected LOAM_RANK and LOAM_RANKS"],
  [{ LOAM_RANK: "0", LOAM_RANKS: "1", LOAM_RANKS_TRANSPORT: "pigeon" }, 'expected shared memory, tcp, mpi, got "pigeon"'],
])("%j is refused by the variable's name", (env, message) => {
  expect(() => rankPlace(env)).toThrow(message);
});

test("the first host of a Slurm list", () => {
  expect(["a", "a,b", "n[1-3]", "n[07,9],m", "n[1-2].x.org", ""].map(firstHost)).toEqual(["a", "a", "n1", "n07", "n1.x.org", undefined]);
});
