import { expect, test } from "vitest";
import { arrayIndexes } from "./array-indexes.ts";
import { podState } from "./kubernetes.ts";
import { rayState } from "./ray.ts";
import { slurmState } from "./slurm.ts";
import { endedBy, lastSentence } from "./task-end.ts";

test("sets of numbers are read as Slurm and Kubernetes write them; an empty one has none", () => {
  expect(arrayIndexes("0-2,5%1")).toEqual([0, 1, 2, 5]);
  expect(arrayIndexes("7")).toEqual([7]);
  expect(arrayIndexes("")).toEqual([]);
  expect(arrayIndexes("N/A")).toEqual([]);
});

test("an exit code of 128 and more is a signal's, so the task was killed; 127 is a program that is not there", () => {
  expect(endedBy(0)).toEqual({ state: "succeeded" });
  expect(endedBy(1)).toMatchObject({ state: "failed", exitCode: 1 });
  expect(endedBy(128)).toMatchObject({ state: "failed", exitCode: 128 });
  expect(endedBy(137)).toEqual({ state: "killed", reason: "killed by SIGKILL" });
  expect(endedBy(255)).toMatchObject({ state: "failed", exitCode: 255 });
  expect(endedBy(127)).toMatchObject({ state: "failed", exitCode: 127, reason: expect.stringContaining("could not be started") });
});

test("the last sentence of a log is an error of `loam --json`, else its last line, without credentials", () => {
  expect(lastSentence('starts\n{"event":"progress"}\n{"error":{"code":"x","sentence":"the disk is full."}}\n')).toBe("the disk is full.");
  expect(lastSentence('loam: cannot read it\n{"event":"progress"}\n\n')).toBe("cannot read it");
  expect(lastSentence("postgres://me:secret@db/x failed")).not.toContain("secret");
  expect(lastSentence("\n")).toBeUndefined();
});

test("Slurm: what was taken from a task (preemption, a lost node, limits) is killed, an exit code is its own", () => {
  const line = (state: string, exit = "0:0", more = "") =>
    slurmState(`JobId=12 ArrayJobId=10 ArrayTaskId=1 JobName=x JobState=${state} Reason=None Dependency=(null) ExitCode=${exit} ${more}`);
  expect(line("PENDING").state).toBe("pending");
  expect(slurmState("JobId=1 JobState=PENDING Reason=Resources")).toEqual({ state: "pending", reason: "Slurm: Resources" });
  expect(line("RUNNING", "0:0", "NodeList=n7 BatchHost=n7")).toEqual({ state: "running", node: "n7" });
  expect(line("COMPLETING").state).toBe("running");
  expect(line("COMPLETED")).toEqual({ state: "succeeded" });
  for (const lost of ["NODE_FAIL", "PREEMPTED", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED"])
    expect(line(lost)).toEqual({ state: "killed", reason: `Slurm: ${lost}` });
  expect(line("FAILED", "3:0")).toMatchObject({ state: "failed", exitCode: 3 });
  expect(line("FAILED", "0:9")).toEqual({ state: "killed", reason: "killed by SIGKILL" });
  expect(line("FAILED", "0:53")).toMatchObject({ state: "failed", exitCode: 127 });
});

test("Ray: a signal and the death of Ray's own actor are killed, an exit code is the task's own", () => {
  expect(rayState({ status: "PENDING", message: "Job is waiting" })).toEqual({ state: "pending", reason: "Ray: Job is waiting" });
  expect(rayState({ status: "SUCCEEDED", driver_exit_code: 0 })).toEqual({ state: "succeeded" });
  expect(rayState({ status: "STOPPED" })).toMatchObject({ state: "killed" });
  expect(rayState({ status: "FAILED", driver_exit_code: -9 })).toEqual({ state: "killed", reason: "killed by SIGKILL" });
  expect(rayState({ status: "FAILED", driver_exit_code: 2 })).toMatchObject({ state: "failed", exitCode: 2 });
  expect(rayState({ status: "FAILED", error_type: "JOB_SUPERVISOR_ACTOR_DIED", message: "node died" })).toMatchObject({ state: "killed" });
  expect(rayState({ status: "FAILED", error_type: "RUNTIME_ENV_SETUP_FAILURE", message: "no pip" })).toMatchObject({
    state: "failed",
    exitCode: null,
  });
});

test("Kubernetes: an eviction and memory that ran out are killed, an image that cannot be pulled fails, a pod without a node waits", () => {
  const pod = (status: object) => podState({ metadata: {}, spec: { nodeName: "n1" }, status });
  const ended = (terminated: object) => pod({ phase: "Failed", containerStatuses: [{ state: { terminated } }] });
  expect(pod({ phase: "Running" })).toEqual({ state: "running", node: "n1" });
  expect(pod({ phase: "Succeeded" })).toEqual({ state: "succeeded" });
  expect(pod({ phase: "Failed", reason: "Evicted" })).toEqual({ state: "killed", reason: "Kubernetes: Evicted" });
  expect(ended({ exitCode: 137, reason: "OOMKilled" })).toEqual({ state: "killed", reason: "Kubernetes: OOMKilled" });
  expect(ended({ exitCode: 4, reason: "Error" })).toMatchObject({ state: "failed", exitCode: 4 });
  expect(ended({ exitCode: 128, reason: "StartError", message: "no such file: loam" })).toEqual({
    state: "failed",
    exitCode: 127,
    reason: "no such file: loam",
  });
  const waiting = (reason: string) => pod({ phase: "Pending", containerStatuses: [{ state: { waiting: { reason, message: "why" } } }] });
  expect(waiting("ImagePullBackOff")).toEqual({ state: "failed", exitCode: null, reason: "ImagePullBackOff: why" });
  expect(waiting("ContainerCreating")).toEqual({ state: "pending", reason: "Kubernetes: ContainerCreating" });
  const unscheduled = pod({ phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", message: "0/1 nodes: no cpu" }] });
  expect(unscheduled).toEqual({ state: "pending", reason: "Kubernetes: 0/1 nodes: no cpu" });
});
