/** A signal to `npm run bench -- suites` ends what it has started, shown with a suite of which every process has to be killed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { root, startProcess } from "./support/child.ts";
import { until } from "./support/until.ts";

/** In pytest's place: as pytest, it counts what a test raises, SystemExit too, and goes on; two servers of it run, one of which ignores signals. */
const pytest = `
import os, subprocess, sys, time
from loam_suites import server, stop

stop.grace_seconds = 0.5

def fixture(*_, **__):
    return lambda function: function

def main(arguments):
    server.loam = [sys.executable, os.environ["FAKE_SERVER"]]
    own = server.Process([], ".")
    told = own.event("serving")
    print("running", os.getpid(), own.process.pid, told["child"], file=sys.stderr, flush=True)
    while True:
        try:
            time.sleep(1)
        except BaseException as error:
            print("a test failed:", repr(error), file=sys.stderr, flush=True)
`;
const server = `
import json, signal, subprocess, sys, time
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(json.dumps({"event": "serving", "child": child.pid}), flush=True)
time.sleep(600)
`;

/** Runs, and is not a dead process that nobody has waited for. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const place = `/proc/${pid}/stat`;
  return !existsSync(place) || !/\) Z /.test(readFileSync(place, "utf8"));
}

function fakeSuites(): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "loam-fake-suites-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, text: string, mode = 0o644): string => {
    const place = join(folder, path);
    mkdirSync(join(place, ".."), { recursive: true });
    writeFileSync(place, text, { mode });
    return place;
  };
  write("modules/pytest.py", pytest);
  write("venv/bin/python", `#!/bin/sh\nPYTHONPATH="$PYTHONPATH:${join(folder, "modules")}" exec python3 "$@"\n`, 0o755);
  write("models/smollm2-135m-instruct/model.gguf", "");
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  return { LOAM_SUITES: folder, LOAM_MODELS: join(folder, "models"), FAKE_SERVER: write("server.py", server), TMPDIR: temporary };
}

const hasPython = (): boolean => {
  try {
    execFileSync("python3", ["-c", ""], { stdio: "ignore" });
    return process.platform !== "win32";
  } catch {
    return false;
  }
};

test.for([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)(
  "%s to the bench of suites leaves neither pytest nor servers nor their logs behind, and it ends with %i",
  async ([signal, code], { skip }) => {
    if (!hasPython()) skip("no python3 here, or Windows");
    const env = fakeSuites();
    const bench = startProcess(["suites", "instructor"], { program: join(root, "scripts", "bench.js"), env });
    const [, ...pids] = await bench.says(/running (\d+) (\d+) (\d+)/);
    expect(pids.map(Number).every(isRunning)).toBe(true);
    bench.kill(signal);
    const { code: ended, stderr } = await bench.ended;
    expect(ended).toBe(code);
    expect(stderr).toContain(`stopped by ${signal}`);
    expect(stderr).not.toContain("a test failed");
    await until(() => !pids.map(Number).some(isRunning));
    // logs and folders of servers
    expect(readdirSync(env.TMPDIR!).filter(name => name.startsWith("loam-suite"))).toEqual([]);
  },
);
