/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const deployErrors = errorTable("deploy", {
  unapproved: {
    status: 409,
    exit: "failure",
    meaning: "A version cannot be deployed: the release that it is named by does not hold for it, or no release approves it.",
  },
  wish: {
    status: 400,
    exit: "usage",
    meaning: "An option of a deployment does not fit the target, the version or the project; what would fit is named.",
  },
  measure: {
    status: 502,
    exit: "failure",
    meaning: "A saturation run cannot go on: the server does not start, or a request fails; the message has its last words.",
  },
  deployment: {
    status: 400,
    exit: "usage",
    meaning: "A folder is not one that `loam deploy` wrote: its `loam-deployment.json` is missing or not readable.",
  },
  notReady: {
    status: 409,
    exit: "failure",
    meaning:
      "Requests cannot be switched to another color: its objects are not in the cluster as they were written, or its pods are not all ready or do not answer.",
  },
  platform: { status: 400, exit: "environment", meaning: "An image cannot be made of this machine's Node: it is not Linux with glibc." },
  base: {
    status: 400,
    exit: "failure",
    meaning: "A base image cannot be used: another architecture, no Node in it, or layers in an unknown form.",
  },
  notLeader: {
    status: 503,
    exit: "failure",
    meaning: "A replica of the operator does not hold the lease now, so it writes nothing.",
  },
  tooLarge: {
    status: 400,
    exit: "usage",
    meaning: "A version does not fit the target: files, memory or time beyond its limits; the numbers and what would fit are named.",
  },
  runtime: { status: 502, exit: "failure", meaning: "The runtime interface of a serverless platform refused a call, or is not there." },
  event: { status: 400, exit: "usage", meaning: "A serverless platform sent an event that is no HTTP request." },
  missing: { status: 500, exit: "environment", meaning: "A file that a deployment needs is not installed here; it is named." },
});
