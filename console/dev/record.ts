/**
 * Records the answers of a running server of a project, for developing and photographing pages without one:
 *   npx esbuild console/dev/record.ts --bundle --platform=node --format=esm --packages=external --outfile=node_modules/.cache/loam-record.mjs
 *   node node_modules/.cache/loam-record.mjs examples/mail http://127.0.0.1:8080 node_modules/.cache/recording.json
 * `LOAM_RECORDING=FILE` gives it to `npx vite console --mode fake` and to `screenshots.ts`. It is as large as the project: nothing for the repository.
 */
import { writeFileSync } from "node:fs";
import { readTokenFiles, tokenFor } from "../../src/session/index.ts";
import { record } from "./recording.ts";

const [folder = ".", url = "http://127.0.0.1:8080", file = "recording.json"] = process.argv.slice(2);
const token = tokenFor(await readTokenFiles(folder), url);
const recording = await record(url, token === undefined ? {} : { authorization: `Bearer ${token}` });
writeFileSync(file, JSON.stringify(recording));
process.stdout.write(`${file}: ${Object.keys(recording.answers).length} answers\n`);
