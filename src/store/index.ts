export { type ArtifactReader, type ArtifactWriter, type Stage, type StageContext, type Summary, stage } from "./stage.ts";
