import { randomUUID } from "node:crypto";
import { groupContract } from "../process-group.laws.ts";
import { sharedMemoryGroup } from "./index.ts";

const open = (size: number, timeoutMs?: number) => {
  const run = randomUUID();
  return Promise.all(
    Array.from({ length: size }, (_, rank) =>
      sharedMemoryGroup({ rank, size, run, secret: "for tests", ...(timeoutMs ? { timeoutMs } : {}) }),
    ),
  );
};
groupContract("shared memory", open, { crash: rank => rank.crash() });
