/** A model in the form of the API whose client asks. */

export const isAnthropics = ({ headers }: Request): boolean => headers.has("anthropic-version");

/** `createdMs`: said of every model. */
export function listedModel(request: Request, createdMs: number): (id: string) => object {
  if (isAnthropics(request)) return id => ({ type: "model", id, display_name: id, created_at: new Date(createdMs).toISOString() });
  return id => ({ id, object: "model", created: Math.floor(createdMs / 1000), owned_by: "loam-gateway" });
}
