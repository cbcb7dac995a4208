/** A real Slurm of one node for a test file: munged, slurmctld and slurmd on loopback with keys, ports and folders of their own. It needs root. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, installed, stopped } from "./installed.ts";

const programs = { slurmctld: "/usr/sbin/slurmctld", slurmd: "/usr/sbin/slurmd", munged: "/usr/sbin/munged", sbatch: "/usr/bin/sbatch" };
const found = (name: keyof typeof programs) => installed(name, `LOAM_${name.toUpperCase()}`, programs[name]);

/** Why none can be started here. */
export function noSlurm(): string | undefined {
  const missing = (Object.keys(programs) as (keyof typeof programs)[]).filter(name => found(name) === undefined);
  if (missing.length > 0) return `no ${missing.join(", ")}: apt-get install slurm-wlm munge`;
  return process.getuid?.() === 0 ? undefined : "slurmd needs root";
}

export interface TestSlurm {
  /** For programs of Slurm. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const settings = (base: string, host: string, ports: readonly [number, number]): string => `ClusterName=loam
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
AuthType=auth/munge
AuthInfo=socket=${base}/munge/socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
StateSaveLocation=${base}/state
SlurmdSpoolDir=${base}/spool
SlurmctldPidFile=${base}/slurmctld.pid
SlurmdPidFile=${base}/slurmd.pid
SlurmctldLogFile=${base}/slurmctld.log
SlurmdLogFile=${base}/slurmd.log
ReturnToService=2
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=${host} NodeAddr=127.0.0.1 CPUs=${Math.max(4, availableParallelism())} State=UNKNOWN
PartitionName=main Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`;

/** Starts it; errors tell the last lines of its logs. */
export async function openSlurm(): Promise<TestSlurm> {
  const base = mkdtempSync(join(tmpdir(), "loam-slurm-"));
  // munged wants every folder above its socket to be nobody else's to write
  chmodSync(base, 0o755);
  for (const folder of ["munge", "state", "spool"]) mkdirSync(join(base, folder), { mode: 0o755 });
  writeFileSync(join(base, "munge", "key"), randomBytes(128), { mode: 0o400 });
  const file = join(base, "slurm.conf");
  const host = hostname().split(".")[0]!;
  writeFileSync(file, settings(base, host, [await freePort(), await freePort()]));
  const env = { SLURM_CONF: file };
  const children: ChildProcess[] = [];
  const begin = (program: string, args: readonly string[]) => {
    const child = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: "ignore" });
    child.once("error", () => {});
    children.unshift(child);
  };
  const close = async () => {
    for (const child of children) await stopped(child);
    rmSync(base, { recursive: true, force: true });
  };
  const munge = ["socket", "key", "pid", "log", "seed"].map(
    what => `--${what === "pid" || what === "log" || what === "seed" || what === "key" ? `${what}-file` : what}=${base}/munge/${what}`,
  );
  begin(found("munged")!, ["--foreground", "--force", ...munge]);
  await sleep(500);
  begin(found("slurmctld")!, ["-D", "-i", "-f", file]);
  begin(found("slurmd")!, ["-D", "-f", file, "-N", host]);
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(200)) {
    const { stdout } = await promisify(execFile)("sinfo", ["-h", "-o", "%T"], { env: { ...process.env, ...env } }).catch(() => ({
      stdout: "",
    }));
    if (/^(idle|mixed)/m.test(stdout)) return { env, close };
  }
  const logs = ["slurmctld.log", "slurmd.log", "munge/log"].map(name => {
    try {
      return `${name}:\n${readFileSync(join(base, name), "utf8").slice(-1500)}`;
    } catch {
      return `${name}: none`;
    }
  });
  await close();
  throw new Error(`Slurm did not come up\n${logs.join("\n")}`);
}
