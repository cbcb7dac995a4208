/** ranks: the processes of one run and what they do together (collectives, messages), over whatever joins them. */

export { agree } from "./agree.ts";
export { ranksErrors } from "./errors.ts";
export { type FolderMeetingOptions, meetInFolder, missingRanks } from "./folder-meeting.ts";
export { type JoinOptions, joinRanks } from "./join-ranks.ts";
export { type MemoryRank, memoryGroups } from "./memory-group.ts";
export { mpiGroup } from "./mpi/index.ts";
export type { GroupOptions, ProcessGroup, RankArray, RankNumbers, Reduction } from "./process-group.ts";
export { type SharedMemoryOptions, sharedMemoryGroup } from "./shared/index.ts";
export { type RankLine, type RanksRun, type StartRanksOptions, startRanks } from "./start-ranks.ts";
export { type TcpOptions, tcpGroup } from "./tcp/index.ts";
export { type RankPlace, rankPlace, rankVariables, type Transport } from "./variables.ts";
