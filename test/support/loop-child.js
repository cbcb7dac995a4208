// Runs a project's loop until it waits: node loop-child.js FOLDER NOW_MS. For tests that kill it.
import { openProject } from "../../dist/src/project/index.js";

const [folder, nowMs] = process.argv.slice(2);
const project = await openProject(folder);
await project.loop.run(undefined, { now: () => Number(nowMs) });
await project.close();
