/** The token that the node expects with every change, from the page's head. */
export function csrf(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="kapok-csrf"]')?.content ?? "";
}
