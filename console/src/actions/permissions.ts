/** What the page's person may do: of each right, why not. The server checks again; this is for buttons that are shown disabled with the reason. */
import { api } from "../api.ts";
import { useSession } from "../credentials.ts";
import { gateway } from "../gateway/api.ts";
import { useResource } from "../resource.ts";

/** `project`: change the project (releases, runs). The others are rights of the gateway's administration. */
export type Right = "project" | "changeKeys" | "change" | "review";

export interface Permissions {
  /** Under whose name actions are recorded; null while it is not known. */
  readonly who: string | null;
  /** Why the person may not; null: they may. */
  missing(right: Right): string | null;
}

const unknown = "Checking your permissions.";

export function usePermissions(): Permissions {
  const session = useSession();
  const own = useResource(session?.gateway ? "gateway permissions" : null, gateway.permissions);
  const project = useResource(session?.record ? "project actions" : null, api.actions);
  return {
    who: own.data?.subject ?? project.data?.who ?? null,
    missing(right) {
      if (!session) return unknown;
      const rights = own.data?.missing;
      const ofGateway = !session.gateway
        ? null
        : rights
          ? rights[right === "project" ? "change" : right]
          : (own.failure?.message ?? unknown);
      if (right !== "project" || ofGateway !== null) return ofGateway;
      return project.data ? project.data.unavailable : (project.failure?.message ?? unknown);
    },
  };
}
