/** What was taken for plain is not. What was told so far stands; the rest is to be gone through by states. */
export class NotPlain extends Error {
  override readonly name = "NotPlain";
}
