/** ranks: the processes of one run and what they do together (collectives, messages), over whatever joins them. */
export { ranksErrors } from "./errors.ts";
export { type MemoryRank, memoryGroups } from "./memory-group.ts";
export type { GroupOptions, ProcessGroup, RankArray, RankNumbers, Reduction } from "./process-group.ts";
export { type SharedMemoryOptions, sharedMemoryGroup } from "./shared/index.ts";
export { type TcpOptions, tcpGroup } from "./tcp/index.ts";
