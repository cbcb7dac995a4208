import { memoryGroups } from "./memory-group.ts";
import { groupContract } from "./process-group.laws.ts";

groupContract("memory", (size, timeoutMs = 60_000) => Promise.resolve(memoryGroups(size, { timeoutMs })), { crash: rank => rank.crash() });
