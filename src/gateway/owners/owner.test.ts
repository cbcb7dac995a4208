import { expect, test } from "vitest";
import { ownerOf } from "./owner.ts";

test("a user owns what their keys store, a service account of one team stores for the team, and no two owners have one name", () => {
  const owner = (subject: string, subjectKind: "user" | "serviceAccount", ...teams: string[]) => ownerOf({ subject, subjectKind, teams });
  expect(owner("ann", "user")).toBe("user:ann");
  // whoever leaves the team or joins a second one keeps what is theirs
  expect(owner("ann", "user", "mail")).toBe("user:ann");
  expect(owner("bot", "serviceAccount", "mail")).toBe("team:mail");
  expect(owner("other-bot", "serviceAccount", "mail")).toBe("team:mail");
  expect(owner("bot", "serviceAccount")).toBe("serviceAccount:bot");
  expect(owner("bot", "serviceAccount", "mail", "shop")).toBe("serviceAccount:bot");
  expect(new Set([owner("x", "user"), owner("x", "serviceAccount"), owner("x", "serviceAccount", "x")]).size).toBe(3);
});
