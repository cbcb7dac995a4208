import { memoryGroups } from "./memory-group.ts";
import { groupContract } from "./process-group.laws.ts";

groupContract("memory", size => Promise.resolve(memoryGroups(size, { timeoutMs: 300 })), { crash: rank => rank.crash() });
