/** The suite of launchers on a real Kubernetes cluster: Indexed Jobs of pods whose folder is a claim on a folder of this machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubernetesLauncher } from "../src/launch/kubernetes.ts";
import { launcherLaws } from "../src/launch/launcher.laws.ts";
import { noCluster, openCluster } from "./support/cluster.ts";
import { deep } from "./support/deep.ts";

/** A volume on a folder of this machine, and a claim on it. */
const volume = (folder: string) => [
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "laws" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteMany"], storageClassName: "", hostPath: { path: folder } },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "laws" },
    spec: { resources: { requests: { storage: "1Gi" } }, accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: "laws" },
  },
];
const programs = ["sh", "ls", "mv", "sleep", "uname"].map(name => `+/bin/${name}`);

const reason = deep ? await noCluster() : "a cluster is for the full suite: --deep";
launcherLaws("kubernetes", reason, async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-launch-kube-"));
  const cluster = await openCluster();
  await cluster.image("shell:1", [...programs, "+/usr/bin/wc", "--", "/bin/sh"]);
  await cluster.apply(volume(folder));
  const options = { image: "localhost/shell:1", claim: "laws", folder, user: 0, kubeconfig: cluster.kubeconfig };
  return {
    launcher: kubernetesLauncher(options),
    folder,
    async kill(_, index) {
      const labels = `app.kubernetes.io/component=worker,batch.kubernetes.io/job-completion-index=${index}`;
      await cluster.kubectl(["delete", "pod", "-l", labels, "--grace-period=0", "--force"]);
    },
    refused: { change: {}, launcher: kubernetesLauncher({ ...options, namespace: "nowhere" }), sentence: /nowhere.*not found/ },
    async close() {
      await cluster.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
