import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { listGuards } from "../store/index.ts";
import { ownerOfFirst, ownersIn, ownerText } from "./owners.ts";
import { openProjectStore, readProject } from "./project-file.ts";
import { alarmEvent } from "./watching/live/index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-owners-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = (yaml: string) => {
  writeFileSync(join(folder, "loam.yaml"), yaml);
  return readProject(folder);
};
const releases =
  "data: { mail: { source: { folder: mail, reader: text } } }\ntokenizer: { vocab: 300, from: mail }\nmodels: {}\nreleases:\n  prod: { owner: required }\n  staging: {}\n";
const owners = `governance:
  owners:
    model/mail-spam: { owner: Ann Example, contact: ann@example.com }
    alias/prod: { owner: Platform }
    alias/staging: { owner: Staging team }
    data/mail: { owner: Data team }
`;

test("the recorded guard says what is owned and names no owner, and follows the file", async () => {
  const guardsOf = async (yaml: string) => {
    const store = await openProjectStore(written(yaml));
    try {
      const rows = await store.records.read.selectFrom("log").select("entry").execute();
      expect(JSON.stringify(rows)).not.toMatch(/Ann Example|ann@example|Platform/);
      return Object.fromEntries((await listGuards(store.records.read)).map(g => [g.alias, g.rules.owned]));
    } finally {
      await store.close();
    }
  };
  expect(await guardsOf(releases)).toEqual({ prod: [], staging: undefined });
  expect(await guardsOf(releases + owners)).toEqual({ prod: ["alias/prod", "model/mail-spam"], staging: undefined });
});

test("the first thing with an owner decides, and an alarm hands its owner on", () => {
  const all = ownersIn(written(releases + owners));
  expect(ownersIn(undefined)).toEqual({});
  expect(ownerOfFirst(all, ["guard/reviewer", "model/mail-spam"])?.owner).toBe("Ann Example");
  expect(ownerOfFirst(all, ["guard/reviewer", "toString", "constructor"])).toBeNull();
  expect(ownerText(all["model/mail-spam"]!)).toBe("Ann Example (ann@example.com)");
  expect(ownerText(all["alias/prod"]!)).toBe("Platform");
  const alarm = {
    id: "alarm_1",
    monitor: "answers",
    kind: "slo",
    model: "mail-spam@3",
    severity: "page",
    sinceMs: 0,
    endedMs: null,
    evidence: {},
    told: { raised: false, resolved: false },
  } as const;
  expect(alarmEvent({ type: "alarm.raised", alarm, owner: all["alias/prod"]! }).data).toMatchObject({ owner: { owner: "Platform" } });
  expect(alarmEvent({ type: "alarm.raised", alarm, owner: null }).data).toMatchObject({ owner: null });
});
