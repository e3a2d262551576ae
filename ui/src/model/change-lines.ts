/** Which events say that a variable changed. */
export function isChangeLine(line: { readonly kind: string }): boolean {
  return ["set", "delete", "add", "remove"].includes(line.kind);
}
