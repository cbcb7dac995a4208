/** A promotion is told to the project's servers of the machine at once: none waits for its own look, which comes every five seconds. */
import { expect, test } from "vitest";
import { openProject } from "../src/project/index.ts";
import { temporaryFolder, writeToy } from "./support/project.ts";

test("a server has a promoted alias when the promotion has answered, loses it with its removal, and a server that is gone harms neither", async () => {
  const folder = temporaryFolder("follow");
  writeToy(folder, { tokens: 4_000 });
  await using project = await openProject(folder);
  await project.run("toy");
  const server = await project.serve({ port: 0, models: "toy@1" });
  const authorization = `Bearer ${server.token}`;
  const labels = async () => {
    const response = await fetch(`${server.url}/v1/admin/models`, { headers: { authorization } });
    return ((await response.json()) as { data: { id: string; labels: string[] }[] }).data.find(v => v.id === "toy@1")!.labels;
  };
  // each move is looked at once, right after it has answered: of eight looks every five seconds would miss most
  for (const alias of ["a", "b", "c", "d"]) {
    expect(await labels()).not.toContain(alias);
    await project.promote("toy@1", alias);
    expect(await labels()).toContain(alias);
    await project.releases.unalias("toy", alias);
    expect(await labels()).not.toContain(alias);
  }
  expect((await fetch(`${server.url}/v1/admin/follow`, { method: "POST", body: "{}" })).status).toBe(401);
  await server.close();
  await project.promote("toy@1", "prod");
});
