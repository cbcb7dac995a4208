/** A folder run as Lambda runs a function: read-only at /var/task, a user without rights, /tmp alone to write in, no /dev/shm. Needs root, unshare and setpriv. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { installed } from "./installed.ts";

const script = `
task=$1; shift
mount --make-rprivate /
mount -t tmpfs tmpfs /var
mkdir -p /var/task /var/lang/bin
mount --bind "$task" /var/task
mount -o remount,bind,ro /var/task
touch /var/lang/bin/node
mount --bind "$LOAM_TEST_NODE" /var/lang/bin/node
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o ro tmpfs /dev/shm
mount -o remount,ro /var
mount --bind / /
mount -o remount,bind,ro /
cd /var/task
exec setpriv --reuid 993 --regid 990 --clear-groups --no-new-privs env -i PATH=/var/lang/bin:/usr/bin:/bin \\
  LAMBDA_TASK_ROOT=/var/task AWS_LAMBDA_RUNTIME_API="$AWS_LAMBDA_RUNTIME_API" "$@"`;

const can = (): boolean => {
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    execFileSync("setpriv", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Why a test that needs it is skipped; empty where it runs. */
export const lacksSandbox =
  process.platform !== "linux" || process.getuid?.() !== 0 || !can() ? "root, unshare and setpriv are needed on Linux" : "";

/** How the managed runtime calls the script that AWS_LAMBDA_EXEC_WRAPPER names. */
export const wrapped = ["/var/task/bootstrap", "/var/lang/bin/node", "--expose-gc", "/var/runtime/index.mjs"] as const;

/** The command line that runs `command` in it. */
export const sandboxed = (task: string, command: readonly string[]): string[] => [
  // without a fork, so that signals reach the function itself
  "unshare",
  "--mount",
  "sh",
  "-ec",
  script,
  "sandbox",
  task,
  ...command,
];

export const sandboxEnvironment = (api = ""): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  LOAM_TEST_NODE: process.execPath,
  AWS_LAMBDA_RUNTIME_API: api,
});

interface SandboxProcess {
  readonly output: () => string;
  /** What is awaited of the function; rejects with what it wrote where its process ends first. */
  readonly outlives: <T>(awaited: Promise<T>) => Promise<T>;
}

export function startSandbox(task: string, api: string, command: readonly string[] = wrapped): ChildProcess & SandboxProcess {
  const [program = "", ...args] = sandboxed(task, command);
  const child = spawn(program, args, { env: sandboxEnvironment(api), stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (text += piece.toString("utf8")));
  // its pipes are closed then: all that it wrote is there
  const over = new Promise<never>((_, reject) =>
    child.once("close", (code, signal) => reject(new Error(`the function ended (${signal ?? code}):\n${text}`))),
  );
  over.catch(() => {});
  return Object.assign(child, { output: () => text, outlives: <T>(awaited: Promise<T>) => Promise.race([awaited, over]) });
}

/** AWS's emulator of the Lambda runtime interface; undefined where it is not installed. */
export const emulator = (): string | undefined =>
  installed("aws-lambda-rie", "LOAM_LAMBDA_RIE", `${process.env.HOME ?? ""}/go/bin/aws-lambda-rie`);
