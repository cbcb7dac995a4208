import { expect, test } from "vitest";
import { versionPolicy } from "../../project/serving/index.ts";
import { liveText } from "./live-line.ts";

test("a policy is one word", () => {
  expect(["latest", "latest:2", "all", "1,3"].map(text => versionPolicy(text))).toEqual([
    { kind: "latest", count: 1 },
    { kind: "latest", count: 2 },
    { kind: "all" },
    { kind: "specific", versions: [1, 3] },
  ]);
  for (const wrong of ["", "latest:0", "newest", "1,", "1-3"])
    expect(() => versionPolicy(wrong), wrong).toThrow(/--versions: expected latest/);
});

test("the live line says slots, queue, speed, cache, the first token's wait and requests, and versions where there are several", () => {
  const counts = {
    requests: 12_345,
    tokensPerSecond: 84.4,
    running: 3,
    slots: 8,
    queued: 2,
    cacheUse: 0.174,
    firstTokenMs: 21.4,
    versions: ["m@1"],
  };
  expect(liveText(counts)).toBe("slots 3/8  queue 2  84 tokens/s  cache 17 %  first token 21 ms  12,345 requests");
  expect(liveText({ ...counts, cacheUse: undefined, firstTokenMs: undefined })).toBe("slots 3/8  queue 2  84 tokens/s  12,345 requests");
  expect(liveText({ ...counts, versions: ["m@1", "m@2"] })).toMatch(/ 2 versions$/);
});
