/** Gateway: who uses what, how much is left, what was asked and denied, keys, principals, policies, and the servers behind it. */
import { usePermissions } from "../actions/permissions.ts";
import { useSession } from "../credentials.ts";
import { formatCount } from "../format.ts";
import { Access } from "../gateway/access.tsx";
import { gateway } from "../gateway/api.ts";
import { Changes } from "../gateway/changes.tsx";
import { Demo } from "../gateway/demo.tsx";
import { Held } from "../gateway/held.tsx";
import { Holds } from "../gateway/holds.tsx";
import { Keys } from "../gateway/keys.tsx";
import { Limits } from "../gateway/limits.tsx";
import { Principals } from "../gateway/principals.tsx";
import { Requests } from "../gateway/requests.tsx";
import { Review } from "../gateway/review.tsx";
import { Upstreams } from "../gateway/upstreams.tsx";
import { Usage } from "../gateway/usage.tsx";
import { Figure } from "../parts/facts.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";

const liveMs = 1_000;
const keysMs = 10_000;

function Behind() {
  const state = useResource("gateway state", gateway.state, { everyMs: liveMs });
  const limits = useResource("gateway limits", gateway.limits, { everyMs: liveMs });
  const keys = useResource("gateway keys", gateway.keys, { everyMs: keysMs });
  const policies = useResource("gateway policies", gateway.policies, { everyMs: keysMs });
  const permissions = usePermissions();
  const demo = useSession()?.demo;
  const known = keys.data?.data ?? [];
  return (
    <Loaded resource={state} what="the gateway">
      {now => (
        <>
          <dl className="figures">
            <Figure label="In flight" note={now.isDraining ? "finishing, then the gateway stops" : "requests"}>
              {formatCount(now.inFlight)}
            </Figure>
            <Figure
              label="Servers"
              note={
                now.upstreams.every(u => u.isAvailable && u.models.every(m => m.isAvailable))
                  ? "all available"
                  : "some models or servers get no requests"
              }
            >
              {now.upstreams.filter(u => u.isAvailable).length} <span className="of">of {now.upstreams.length}</span>
            </Figure>
            <Figure label="Models" note="routed">
              {formatCount(now.models.length)}
            </Figure>
            <Figure label="Keys" note="active">
              {formatCount(known.filter(k => k.state === "live").length)}
            </Figure>
          </dl>
          {demo && <Demo of={demo} />}
          <Held permissions={permissions} />
          <Review />
          <Limits resource={limits} keys={known} permissions={permissions} />
          <Usage keys={known} currency={limits.data?.currency ?? ""} />
          <Requests keys={known} />
          <Keys resource={keys} permissions={permissions} onHeld={policies.reload} />
          <Principals permissions={permissions} onHeld={policies.reload} />
          <Holds policies={policies} models={now.models.map(m => m.name)} permissions={permissions} />
          <Access keys={known} models={now.models.map(m => m.name)} />
          <Changes />
          <Upstreams of={now} />
        </>
      )}
    </Loaded>
  );
}

export function Gateway() {
  const session = useSession();
  return (
    <>
      <header className="page-head">
        <h1>Gateway</h1>
      </header>
      {session?.gateway === false ? (
        <Empty icon="gateway" title="No gateway stands before this server">
          <p>
            With a part <code>gateway</code> in <code>loam.yaml</code>, <code>loam serve</code> asks who somebody is and counts what they
            use; <code>loam gateway</code> does so before any other servers.
          </p>
        </Empty>
      ) : (
        <Behind />
      )}
    </>
  );
}
