/** `loam-web.json`: what the page knows of its model. Written when the model is exported, read in the browser. */

export interface WebFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256, hexadecimal: the page refuses other bytes. */
  readonly digest: string;
}

/** A prompt and the tokens that the exported model wrote after it, greedily, where it was exported. */
export interface WebProbe {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

export interface WebManifest {
  readonly format: 1;
  readonly model: string;
  readonly version: number;
  readonly fingerprint: string;
  readonly weights: string;
  /** Tokens of prompt and completion together. */
  readonly context: number;
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly vocab: number;
  /** Put in front of a prompt that is plain text. */
  readonly startToken: number | null;
  readonly stopTokens: readonly number[];
  readonly chat: { readonly template: string; readonly bosToken: string; readonly eosToken: string } | null;
  /** Sampling of requests that say nothing of it. */
  readonly sampling: Readonly<Record<string, number>>;
  readonly graph: WebFile;
  readonly tokenizer: WebFile;
  readonly weightFiles: readonly WebFile[];
  readonly probes: readonly WebProbe[];
  /** Whether the folder has the WebGPU build of ONNX Runtime. */
  readonly webgpu: boolean;
}

export const webManifestFile = "loam-web.json";
