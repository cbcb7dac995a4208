/**
 * `npm start`: from a fresh clone to a served model. Sets up, runs the life in examples/mail (only what is stale), then serves it on loopback
 * with the console's page. Ctrl-C at any point leaves a state from which the next start goes on.
 */
import "../bin/node-version.js";
import { existsSync } from "node:fs";
import { inRoot } from "./parts/places.js";
import { main, say, Trouble } from "./parts/say.js";
import { setup } from "./setup.js";

const help = `npm start [-- OPTIONS]

  --no-serve        end after the report
  --full            the longer recipe (up to 40 minutes on 2 cores) instead of the quick one, then the spam classifiers of those
                    bases that were imported: minilm, smollm2 (half an hour and an hour more)
  --model <name>    another model of examples/mail/loam.yaml
  --port <port>     port to serve on (8080; 0 takes a free one)
  --host <host>     address to serve on (127.0.0.1)
  --no-open         do not open the page in a browser
  --force           run even what is not stale
  --json            machine-readable lines on stdout
`;

/** Options by who takes them; `true` where a value follows. */
const known = {
  "--no-serve": false,
  "--full": false,
  "--no-open": false,
  "--force": false,
  "--json": false,
  "--help": false,
  "-h": false,
  "--model": true,
  "--port": true,
  "--host": true,
};
const short = { "-m": "--model", "-p": "--port" };

function parse(args) {
  const options = {};
  for (let i = 0; i < args.length; i++) {
    const [given, inline] = args[i].split(/=(.*)/s);
    const name = short[given] ?? given;
    if (!(name in known)) throw new Trouble(`npm start: expected one of ${Object.keys(known).join(", ")}, got "${args[i]}".`, 2);
    if (!known[name]) options[name] = true;
    else {
      options[name] = inline ?? args[++i];
      if (options[name] === undefined) throw new Trouble(`npm start: ${name}: expected a value, got nothing.`, 2);
    }
  }
  return options;
}

/** Ends as Ctrl-C ends a program, so that npm adds no lines of its own. */
function endInterrupted() {
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  if (process.platform === "win32") process.exit(130);
  process.kill(process.pid, "SIGINT");
  // the signal arrives with the next turn of the event loop
  return new Promise(resolve => setTimeout(() => resolve(130), 1000));
}

/** Classifiers of `--full` by the imported model that they begin with. */
const fromImported = { minilm: "mail-spam-minilm", smollm2: "mail-spam-smollm2" };

/** Those of them whose base is in the project's record; says how the others come there. */
async function importedIn(folder) {
  const { modelNames, openRecordOf, projectOrNone } = await import("../dist/src/project/models/home.js");
  const record = await openRecordOf(projectOrNone(folder));
  try {
    const there = await modelNames(record);
    return Object.entries(fromImported).flatMap(([base, model]) => {
      if (there.includes(base)) return [model];
      say("start", `${model} is left out: loam models import FOLDER --name ${base} -C examples/mail brings its base`);
      return [];
    });
  } finally {
    await record.close();
  }
}

await main(async args => {
  const o = parse(args);
  if (o["--help"] || o["-h"]) {
    process.stdout.write(help);
    return 0;
  }
  await setup();
  const { main: loam } = await import("../dist/src/cli/main.js");
  const folder = inRoot("examples/mail");
  if (!existsSync(folder)) throw new Trouble(`npm start: expected the folder ${folder}, got none.`);
  // none named: those that loam.yaml serves
  const models = o["--model"] ? [o["--model"]] : o["--full"] ? ["mail-full", "mail-spam-full", ...(await importedIn(folder))] : [];
  const json = o["--json"] ? ["--json"] : [];
  let ran = 0;
  for (const model of models.length > 0 ? models : [undefined]) {
    ran = await loam(["run", "-C", folder, ...(model ? ["--model", model] : []), ...(o["--force"] ? ["--force"] : []), ...json]);
    if (ran !== 0) break;
  }
  if (ran === 130) {
    process.stderr.write("\n  Run `npm start` again: it goes on where this stopped.\n");
    return endInterrupted();
  }
  if (ran !== 0 || o["--no-serve"]) return ran;
  const place = ["--port", "--host"].flatMap(name => (o[name] === undefined ? [] : [name, o[name]]));
  return loam(["serve", ...models, "-C", folder, ...place, ...(o["--no-open"] ? [] : ["--open"]), ...json]);
});
