/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const launchErrors = errorTable("launch", {
  job: {
    status: 400,
    exit: "usage",
    meaning: "A job for a launcher is not one: its name, indexes, processors or memory are out of range.",
  },
  engine: {
    status: 503,
    exit: "environment",
    meaning: "The engine that should start the tasks is not there: a program is not installed, or nothing responds at its address.",
  },
  refused: {
    status: 409,
    exit: "environment",
    meaning: "The engine refused the job (queue, limit, quota, permission); the sentence is the engine's own.",
  },
  program: {
    status: 500,
    exit: "environment",
    meaning: "A node cannot start the program of a task: Node.js, Loam or the folder is missing there (exit code 126 or 127).",
  },
  task: { status: 500, exit: "failure", meaning: "A task ended with an error of its own; the sentence is the last of its log." },
  gang: {
    status: 503,
    exit: "environment",
    meaning: "Tasks that work only together did not all begin in time; the sentence names those that still wait, and why.",
  },
  lost: {
    status: 500,
    exit: "failure",
    meaning: "Tasks were killed more often than they are replaced; the sentence says how the last one was.",
  },
});
