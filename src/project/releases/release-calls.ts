/** `project.releases`: who may have an alias, and who has it; what is said of a version, and who vouches for it. */
import type { Release } from "../../store/index.ts";
import { type Call, type CallOptions, callOf } from "../call.ts";
import type { Workplace } from "../workspace.ts";
import type { NotedVersion, SignedVersion, SigningKeys, SignOptions, TaggedVersion } from "./mark-version.ts";
import type {
  ApprovedVersion,
  ApproveOptions,
  ArchivedVersion,
  MoveOptions,
  PromotedVersion,
  PromoteOptions,
  VersionGates,
} from "./promote-version.ts";

// the code of a call is loaded when it is made
const moves = () => import("./promote-version.ts");
const marks = () => import("./mark-version.ts");

/** A version is `NAME`, `NAME@3`, `NAME@latest` or `NAME@prod`. Relative paths start in the project's folder. */
export class ReleaseCalls {
  readonly #at: Workplace;

  constructor(at: Workplace) {
    this.#at = at;
  }

  /**
   * Gives a version an alias, if it meets what the alias's release in loam.yaml asks for and its files are as recorded.
   * Errors: registry/refused with the verdict in `details`, registry/tampered, registry/condition, registry/metric; store/notFound, store/name.
   */
  promote(version: string, alias: string, options: PromoteOptions & CallOptions = {}): Call<PromotedVersion> {
    return callOf(async watch => {
      await using named = await this.#named(version);
      return await (await moves()).promoteVersion(named, alias, options, watch);
    }, options);
  }

  /** Gives an alias back to the version that had it before. Errors: registry/tampered, store/notFound, store/blobMissing. */
  rollback(model: string, alias: string, options: MoveOptions & CallOptions = {}): Call<Release> {
    return callOf(async watch => {
      await using named = await this.#named(model);
      return await (await moves()).rollbackVersion(named, alias, options, watch);
    }, options);
  }

  /** Takes an alias away, where no release guards it. Errors: store/notFound, store/guarded. */
  async unalias(model: string, alias: string, options: MoveOptions = {}): Promise<Release> {
    await using named = await this.#named(model);
    return await (await moves()).removeAlias(named, alias, options);
  }

  /** What releases ask of a version and what is met; reads its files as a promotion would. Errors: store/notFound. */
  gates(version: string, options: CallOptions = {}): Call<VersionGates> {
    return callOf(async watch => (await moves()).versionGates(this.#at, version, watch), options);
  }

  /** Approves a version for an alias, in a role that its release asks for. Errors: registry/role, registry/key, store/notFound. */
  async approve(version: string, options: ApproveOptions): Promise<ApprovedVersion> {
    return (await moves()).approveVersion(this.#at, version, options);
  }

  /** Takes a version out of use: it gets no alias, and no rollback goes to it; `undo` puts it back. Errors: project/argument without a number, registry/inUse. */
  async archive(version: string, options: { readonly undo?: boolean | undefined } = {}): Promise<ArchivedVersion> {
    return (await moves()).archiveVersion(this.#at, version, options);
  }

  /** Tags a version with `KEY` or `KEY=VALUE`, or with `remove` takes the tag away. Errors: project/argument, store/notFound. */
  async tag(version: string, tag: string, options: { readonly remove?: boolean | undefined } = {}): Promise<TaggedVersion> {
    return (await marks()).tagVersion(this.#at, version, tag, options);
  }

  /** Adds a note to a version. Errors: project/argument for an empty text, store/notFound. */
  async note(version: string, text: string, options: { readonly by?: string | undefined } = {}): Promise<NotedVersion> {
    return (await marks()).noteVersion(this.#at, version, text, options);
  }

  /** Writes a pair of Ed25519 keys to `file` and `file.pub`; never over one that is there. Errors: project/exists. */
  async createKeys(file: string): Promise<SigningKeys> {
    return (await marks()).createSigningKeys(this.#at, file);
  }

  /** Signs a version's content. Errors: registry/key, store/notFound. */
  async sign(version: string, options: SignOptions): Promise<SignedVersion> {
    return (await marks()).signNamed(this.#at, version, options);
  }

  async #named(version: string) {
    return (await import("../models/named-version.ts")).namedVersion(this.#at, version);
  }
}
