/** The part `gateway` of loam.yaml: what it takes over from gateway.yaml, what it knows by itself, and what it refuses by name. */
import { expect, test } from "vitest";
import { defined, isLoamError } from "../../base/index.ts";
import { checkConfig, openControl } from "../../gateway/index.ts";
import { Login } from "../../session/index.ts";
import { checkProject } from "../project-file.ts";
import { accessWithConsole, withConsole } from "./console-session.ts";
import { projectGateway } from "./project-part.ts";

const access = { principals: { users: { ann: { roles: ["admin"] } } }, policies: [{ id: "all", effect: "allow" }] };
const project = (gateway: Record<string, unknown> | undefined, serve: object = { models: { mail: {}, "spam@2": {} } }) => ({
  folder: "/p",
  file: "/p/loam.yaml",
  config: checkProject({ data: {}, tokenizer: { vocab: 300, from: "x" }, models: {}, serve, ...defined({ gateway }) }, "loam.yaml"),
});
const problem = async (gateway: Record<string, unknown>, serve?: object): Promise<string> => {
  try {
    await projectGateway(project(gateway, serve));
  } catch (error) {
    if (isLoamError(error)) return error.message;
    throw error;
  }
  return "none";
};

test("a project without the part has no gateway", async () => {
  expect(await projectGateway(project(undefined))).toBeUndefined();
});

test("what is served is offered by its name, at the project's own server, where the server listens", async () => {
  const { config, followsModels } = (await projectGateway(project({ access }, { models: { mail: {}, "spam@2": {} }, port: 9000 })))!;
  expect([...config.routes].map(([name, r]) => [name, r.targets.map(t => t.id)])).toEqual([
    ["mail", ["loam/mail"]],
    ["spam", ["loam/spam"]],
  ]);
  expect(followsModels).toBe(true);
  expect(config.listen).toMatchObject({ host: "127.0.0.1", port: 9000 });
  expect(config.state).toBe("sqlite:.loam/gateway.sqlite");
});

test("models of the part take the place of what is served, and may go to other servers too", async () => {
  const { config, followsModels } = (await projectGateway(
    project({
      access,
      upstreams: { cloud: { url: "https://api.example.com/v1" } },
      models: {
        chat: {
          targets: [
            { upstream: "loam", model: "mail" },
            { upstream: "cloud", model: "big", priority: 1 },
          ],
        },
      },
    }),
  ))!;
  expect(config.routes.get("chat")!.targets.map(t => t.id)).toEqual(["loam/mail", "cloud/big"]);
  expect(config.routes.has("mail")).toBe(false);
  expect(followsModels).toBe(false);
});

test("everything else is what gateway.yaml says with the same keys", async () => {
  const more = { retries: { attempts: 1 }, timeouts: { idle: "9s" }, metrics: "open" };
  const file = { ...more, upstreams: { x: { url: "http://127.0.0.1/v1" } }, models: { m: { targets: [{ upstream: "x" }] } } };
  const own = await checkConfig(file, "gateway.yaml", "/p");
  const { config } = (await projectGateway(project({ ...file, access })))!;
  expect([config.retries, config.hasOpenMetrics, config.upstreams.get("x")]).toEqual([
    own.retries,
    own.hasOpenMetrics,
    own.upstreams.get("x"),
  ]);
});

test("mistakes are named with their place", async () => {
  expect(await problem({ acess: access })).toMatch(/loam\.yaml: gateway.*acess.*access/s);
  expect(await problem({ access: { ...access, limts: [] } })).toMatch(/limts.*limits/s);
  expect(await problem({ access: { policies: 3 } })).toMatch(/policies/);
  expect(await problem({ upstreams: { loam: { url: "http://127.0.0.1:1/v1" } } })).toMatch(/upstreams\.loam.*own server/s);
  expect(await problem({ listen: { port: 1 } })).toMatch(/listen.*port/s);
  expect(await problem({ models: { m: { targets: [{ upstream: "loan" }] } } })).toMatch(/Did you mean "loam"/);
  expect(await problem({ access: { ...access, policies: [{ id: "loam-console", effect: "deny" }] } })).toMatch(
    /an id that no other policy has/,
  );
});

test("the console's token opens for the process that made it, and no key does what the console may unless a policy says so", async () => {
  const config = accessWithConsole({ ...access, policies: [{ id: "night", effect: "deny", endpoints: ["embeddings"] }] });
  const control = await openControl({ state: "memory:", root: ".", config });
  const login = new Login({ info: { gateway: true, record: true } });
  const { token } = login;
  const own = withConsole(control, login);
  const { identity } = await own.authenticate({ token });
  expect(own.decide(identity!, { endpoint: "admin", model: null }).allowed).toBe(true);
  // what the file denies, it denies the console
  expect(own.decide(identity!, { endpoint: "embeddings", model: "mail" }).allowed).toBe(false);
  expect((await control.authenticate({ token })).identity).toBeUndefined();
  expect((await own.authenticate({ token: `${token}x` })).identity).toBeUndefined();
  expect((await own.authenticate({})).identity).toBeUndefined();
  const { secret } = await control.keys.create({ name: "k", subject: "ann" }, "test");
  const ann = (await own.authenticate({ token: secret })).identity!;
  expect(own.decide(ann, { endpoint: "chat", model: "mail" }).allowed).toBe(false);
  await control.close();
});
