/**
 * The laws of processes that share a state and change its principals and policies. `test/gateway-state.test.ts` runs them on a SQLite file and on
 * PostgreSQL.
 */
import { expect, test } from "vitest";
import { openControl } from "../control.ts";
import type { ControlGiven } from "../control-config.ts";
import type { ChildProcess } from "../limits/processes.laws.ts";

const secrets = ["test-only".repeat(5)];
const config: ControlGiven = {
  principals: { users: { ann: { roles: ["admin"] }, bob: {} } },
  policies: [{ id: "admins", effect: "allow", who: { roles: ["admin"] } }],
};

/** What a bundled child runs: answers each line with what it came to: a decision about bob, an entry that is put or removed, a team that zoe joins. */
export const entryScript = `
import { createInterface } from "node:readline";
import { openControl } from "../gateway/control.ts";
import { identityWith } from "../gateway/policy/fakes.ts";
const [state, config] = process.argv.slice(2);
const control = await openControl({ state, root: ".", config: JSON.parse(config), secrets: ${JSON.stringify(secrets)}, keyCacheMs: 50,
  onMisfit: error => console.log("misfit " + (error === undefined ? "over" : error.message)) });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(" ");
  if (word === "end") break;
  try {
    if (word === "ask") console.log("said " + control.decide(identityWith({ subject: "bob", teams: [], roles: [] }), { endpoint: "chat", model: "m" }).allowed);
    else if (word === "put") {
      const { entry } = await control.entries.put({ kind: rest[0], name: rest[1], value: JSON.parse(rest[2]), match: rest[3] === undefined ? undefined : Number(rest[3]) }, "child");
      console.log("done " + entry.revision);
    } else if (word === "join") {
      await control.entries.edit({ kind: "users", name: "zoe" }, v => ({ ...v, teams: [...v.teams, rest[0]] }), "child");
      console.log("done");
    } else if (word === "remove") {
      await control.entries.remove({ kind: rest[0], name: rest[1] }, "child");
      console.log("done");
    }
  } catch (error) {
    console.log("done " + error.code);
  }
}
process.stdin.destroy();
await control.close();
`;

/** `start` runs the script with a state and a configuration; `url` is the state of a name. */
export function entryLaws(start: (state: string, config: object) => Promise<ChildProcess>, url: (name: string) => string): void {
  let n = 0;
  const two = async (
    use: (children: readonly [ChildProcess, ChildProcess], state: string) => Promise<void>,
    configs = [config, config],
  ) => {
    const state = url(`entries${n++}`);
    // one makes the tables first, as whoever deploys does
    await (await openControl({ state, root: ".", config, secrets })).close();
    const children = (await Promise.all(configs.map(c => start(state, c)))) as [ChildProcess, ChildProcess];
    try {
      for (const child of children) await child.line("ready");
      await use(children, state);
      for (const child of children) child.say("end");
      expect(await Promise.all(children.map(c => c.ended))).toEqual([0, 0]);
    } finally {
      for (const child of children) await child.kill();
    }
  };
  const asked = async (child: ChildProcess): Promise<string> => {
    child.say("ask");
    return child.line("said");
  };
  const done = (child: ChildProcess, text: string): Promise<string> => {
    child.say(text);
    return child.line("done");
  };
  const chat = JSON.stringify({ effect: "allow", who: { subjects: ["bob"] }, endpoints: ["chat"] });

  test("what one puts decides in the other, and what it takes away decides no more", async () => {
    await two(async ([one, other]) => {
      expect([await asked(one), await asked(other)]).toEqual(["said false", "said false"]);
      await done(one, `put policies bob ${chat}`);
      expect(await asked(one)).toBe("said true");
      await expect.poll(() => asked(other), { timeout: 20_000 }).toBe("said true");
      await done(other, "remove policies bob");
      expect(await asked(other)).toBe("said false");
      await expect.poll(() => asked(one), { timeout: 20_000 }).toBe("said false");
    });
  });

  test("of two that replace the same revision at once one wins, and no joining is lost; the list of changes is one chain", async () => {
    await two(async ([one, other], state) => {
      const [, revision] = (await done(one, `put users zoe {"roles":["a"]}`)).split(" ");
      const tries = await Promise.all([one, other].map((child, i) => done(child, `put users zoe {"roles":["r${i}"]} ${revision}`)));
      expect(tries.map(t => t.replace(/\d+/, "N")).sort()).toEqual(["done N", "done gateway/entryChanged"]);
      for (let i = 0; i < 8; i++) await done(one, `put teams t${i} {}`);
      const joins = [one, other].map(async (child, side) => {
        for (let i = side; i < 8; i += 2) expect(await done(child, `join t${i}`)).toBe("done");
      });
      await Promise.all(joins);
      const control = await openControl({ state, root: ".", config, secrets });
      try {
        expect([...(control.entries.find("users", "zoe").value.teams as string[])].sort()).toEqual(
          Array.from({ length: 8 }, (_, i) => `t${i}`),
        );
        expect(await control.verifyChanges()).toBeNull();
      } finally {
        await control.close();
      }
    });
  });

  test("of two that would each take one of the last two admins away, one is refused", async () => {
    await two(
      async ([one, other]) => {
        for (const name of ["zoe", "tim"]) await done(one, `put users ${name} {"roles":["admin"]}`);
        const tries = await Promise.all([done(one, "remove users zoe"), done(other, "remove users tim")]);
        expect(tries.sort()).toEqual(["done", "done gateway/lastAdmin"]);
      },
      [
        { ...config, principals: { users: { bob: {} } } },
        { ...config, principals: { users: { bob: {} } } },
      ],
    );
  });

  test("a process whose file lacks what a new entry names says so, decides as before, and takes it up when it fits", async () => {
    const lacking = config;
    const having = { ...config, principals: { ...config.principals, teams: { ops: {} } } };
    await two(
      async ([one, other]) => {
        await done(one, 'put users zoe {"teams":["ops"]}');
        expect(await other.line("misfit")).toContain('expected the team "ops", got none of that name');
        await done(one, `put policies bob ${chat}`);
        expect(await asked(other)).toBe("said false");
        await done(one, "remove users zoe");
        expect(await other.line("misfit")).toBe("misfit over");
        expect(await asked(other)).toBe("said true");
      },
      [having, lacking],
    );
  });
}
