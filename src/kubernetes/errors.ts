/** The codes of this module: one a kind of answer of the Kubernetes API. `details.reason` and `details.status` are the API server's own. */
import { errorTable } from "../base/index.ts";

export const kubernetesErrors = errorTable("kubernetes", {
  configuration: {
    status: 400,
    exit: "usage",
    meaning: "A kubeconfig is missing, incomplete, or asks for a way of authentication that is not supported.",
  },
  unreachable: {
    status: 502,
    exit: "environment",
    meaning: "The Kubernetes API server did not respond: no connection, a broken one, or no response in time.",
  },
  unavailable: {
    status: 503,
    exit: "environment",
    meaning: "The Kubernetes API server responded with a server error (5xx), and went on doing so.",
  },
  throttled: {
    status: 429,
    exit: "environment",
    meaning: "The Kubernetes API server rejected requests as too many, and went on doing so.",
  },
  unauthorized: { status: 401, exit: "environment", meaning: "The Kubernetes API server does not accept the credentials." },
  forbidden: {
    status: 403,
    exit: "environment",
    meaning: "The account may not do this in the Kubernetes API (RBAC), or an admission plugin refused it.",
  },
  notFound: { status: 404, exit: "failure", meaning: "An object or a resource type does not exist in the Kubernetes API." },
  conflict: {
    status: 409,
    exit: "failure",
    meaning: "An object of the Kubernetes API was changed meanwhile, exists already, or has fields that another field manager owns.",
  },
  gone: { status: 410, exit: "failure", meaning: "A resource version of the Kubernetes API is too old to list or watch from." },
  invalid: { status: 422, exit: "failure", meaning: "The Kubernetes API server refused an object or a request as invalid." },
  response: { status: 502, exit: "failure", meaning: "The Kubernetes API server sent a response that is not of its protocol." },
});
