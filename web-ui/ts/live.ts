// The board of the page of synchronisation as it changes: the node sends it again whenever it is another, and only what differs is put in place, so
// that nobody loses their place on the page. Without events (a proxy that holds them back, too many listeners) it is
// asked for every few seconds.
import htmx from "htmx.org";

const POLL_MS = 4000;

/** Follows the board of this page, if it has one, while somebody looks at it. */
export function followBoard(lost: (isLost: boolean) => void): void {
  const board = (): HTMLElement | null => document.querySelector<HTMLElement>("[data-live]");
  const from = board()?.dataset.live;
  if (!from) return;
  let source: EventSource | undefined;
  let refused = !("EventSource" in window);

  const open = (): void => {
    if (source || refused || document.hidden) return;
    source = new EventSource(from);
    source.addEventListener("board", (event) => {
      lost(false);
      const sent = new DOMParser().parseFromString((event as MessageEvent<string>).data, "text/html");
      for (const next of Array.from(sent.body.children)) {
        const at = document.getElementById(next.id);
        if (at) become(at, next);
      }
    });
    source.onerror = () => {
      // The browser tries again by itself unless it was refused.
      if (source?.readyState === EventSource.CLOSED) {
        source = undefined;
        refused = true;
      } else {
        lost(true);
      }
    };
  };
  const close = (): void => {
    source?.close();
    source = undefined;
  };

  // A browser has six connections for one node: pages that nobody looks at leave theirs to others.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  window.setInterval(() => {
    const at = board();
    if (refused && at && !document.hidden) htmx.trigger(at, "kapok:poll", {});
  }, POLL_MS);
  open();
}

/** Makes an element and all in it what another is, by as few changes as can be. Rows are told apart by their keys. */
function become(at: Element, next: Element): void {
  for (const { name } of Array.from(at.attributes)) if (!next.hasAttribute(name)) at.removeAttribute(name);
  for (const { name, value } of Array.from(next.attributes)) if (at.getAttribute(name) !== value) at.setAttribute(name, value);
  const stay = new Set(Array.from(next.children, keyOf));
  Array.from(at.children).filter((child) => !stay.has(keyOf(child))).forEach((child) => child.remove());
  const [now, then] = [Array.from(at.childNodes), Array.from(next.childNodes)];
  now.slice(then.length).forEach((node) => node.remove());
  then.forEach((node, index) => {
    const known = now[index];
    if (!known) at.appendChild(node);
    else if (known instanceof Element && node instanceof Element && known.tagName === node.tagName && keyOf(known) === keyOf(node)) become(known, node);
    else if (known.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) {
      if (known.nodeValue !== node.nodeValue) known.nodeValue = node.nodeValue;
    } else at.replaceChild(node, known);
  });
}

/** What an element is about; nothing for most. */
function keyOf(element: Element): string {
  return element.id || (element as HTMLElement).dataset?.key || "";
}
