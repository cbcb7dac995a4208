import { afterEach, expect, test } from "vitest";
import type { Control } from "../contract.ts";
import { openControl } from "../control.ts";
import type { Identity } from "../identity/contract.ts";
import { Callers } from "./callers.ts";

const principals = {
  organisations: { acme: {} },
  users: { ann: { roles: ["writer"], organisation: "acme" }, bob: { roles: ["writer"] } },
};
const config = { principals, policies: [] };
let clock: number;
let control: Control;
const opened: Control[] = [];
async function open(): Promise<Callers> {
  clock = Date.UTC(2026, 0, 1);
  control = await openControl({ state: "memory:", root: ".", config, now: () => clock });
  opened.push(control);
  return new Callers(control, () => clock, [here]);
}
afterEach(async () => {
  for (const c of opened.splice(0)) await c.close();
});

const here: Identity = {
  kind: "key",
  keyId: "here",
  subject: "here",
  subjectKind: "serviceAccount",
  teams: [],
  organisation: null,
  roles: ["admin"],
  scopes: [],
};
const byToken: Identity = {
  ...here,
  kind: "jwt",
  keyId: "jwt:corp:ann",
  subject: "corp:zoe",
  teams: ["röt"],
  organisation: "acme",
  roles: ["a"],
};

/** Who the gateway takes a request for that is asked for this note; the detail of its refusal. */
async function whoIs(callers: Callers, note: string | null): Promise<Identity | string> {
  let seen: Identity | string = "not asked";
  await callers.ask(note, new Request("http://127.0.0.1/"), async request => {
    const token = request.headers.get("authorization")!.replace("Bearer ", "");
    const found = await callers.control.authenticate({ token });
    seen = found.identity ?? found.refusal!.detail;
    return new Response();
  });
  return seen;
}

test("a note of a key becomes whoever the key is now, and nobody when it is revoked, at its end, or its account is closed or gone", async () => {
  const callers = await open();
  const made = async (subject: string, expiresMs: number | null = null) => {
    const { key } = await control.keys.create({ name: "k", subject, scopes: ["chat"], expiresMs }, "test");
    return { id: key.id, note: callers.note(await control.identityOf(key.id), null) };
  };
  const [one, ends, bobs] = [await made("ann"), await made("ann", clock + 1_000), await made("bob")];
  expect(await whoIs(callers, one.note)).toMatchObject({ keyId: one.id, subject: "ann", roles: ["writer"], scopes: ["chat"] });
  expect(await whoIs(callers, ends.note)).toMatchObject({ keyId: ends.id });
  clock += 1_000;
  expect(await whoIs(callers, ends.note)).toMatch(/expired/);
  await control.keys.revoke(one.id, "test");
  expect(await whoIs(callers, one.note)).toMatch(/revoked/);
  await control.reload({ ...config, principals: { users: { bob: { roles: ["reader"] } } } }, "test");
  expect(await whoIs(callers, bobs.note)).toMatchObject({ roles: ["reader"] });
  await control.reload({ ...config, principals: { users: { bob: { disabled: true } } } }, "test");
  expect(await whoIs(callers, bobs.note)).toMatch(/disabled/);
  await control.reload({ ...config, principals: { users: {} } }, "test");
  expect(await whoIs(callers, bobs.note)).toMatch(/gone/);
});

test("a note of a token is believed for a day, unless its organisation or account is closed", async () => {
  const callers = await open();
  const note = callers.note(byToken, null);
  clock += 24 * 3_600_000 - 1;
  expect(await whoIs(callers, note)).toEqual(byToken);
  await control.reload({ ...config, principals: { organisations: { acme: { disabled: true } } } }, "test");
  expect(await whoIs(callers, note)).toMatch(/disabled/);
  await control.reload({ ...config, principals: { users: { "corp:zoe": { disabled: true } } } }, "test");
  expect(await whoIs(callers, note)).toMatch(/disabled/);
  await control.reload(config, "test");
  clock += 1;
  expect(await whoIs(callers, note)).toMatch(/too long ago/);
});

test("a note of a certificate becomes its account as it is now, one of this process itself", async () => {
  const callers = await open();
  expect(await whoIs(callers, callers.note({ ...here, kind: "certificate", keyId: "cert:ann", subject: "ann" }, null))).toMatchObject({
    kind: "certificate",
    subject: "ann",
    roles: ["writer"],
  });
  expect(await whoIs(callers, callers.note(here, null))).toEqual(here);
});

test("no note, and one that is none, is nobody", async () => {
  const callers = await open();
  expect(await whoIs(callers, null)).toBe("no credentials");
  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const note of [
    "",
    "x",
    forged(1),
    forged({ key: "here" }),
    forged({ who: { key: 1 }, dataClass: null }),
    forged({ who: { untilMs: 9e15, identity: here }, dataClass: null }),
    forged({ who: { key: "key_none" }, dataClass: null }),
  ])
    expect(typeof (await whoIs(callers, note))).toBe("string");
});

test("what a request brings opens nothing after it, and nothing of another gateway", async () => {
  const callers = await open();
  const other = new Callers(control, () => clock, [here]);
  let token = "";
  await callers.ask(
    callers.note(here, null),
    new Request("http://127.0.0.1/", { headers: { authorization: "Bearer x" } }),
    async request => {
      token = request.headers.get("authorization")!.replace("Bearer ", "");
      expect((await callers.control.authenticate({ token })).identity).toEqual(here);
      expect((await other.control.authenticate({ token })).identity).toBeUndefined();
      return new Response();
    },
  );
  expect((await callers.control.authenticate({ token })).identity).toBeUndefined();
});
