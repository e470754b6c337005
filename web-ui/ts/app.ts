// What every page runs: htmx for the parts that move, and a few keys. Every page reads and searches without it.
import htmx from "htmx.org";
import { csrf } from "./csrf";
import { followBoard } from "./live";

/** "/" goes to the search box, as the sign in it says. */
function focusSearchOnSlash(): void {
  document.addEventListener("keydown", (event) => {
    const at = event.target as HTMLElement;
    const writing = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
    if (event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = document.querySelector<HTMLInputElement>("[data-focus-key]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

/** A click beside the title of a hit shows it in the pane; the title itself is a link and stays one. */
function previewOnRowClick(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>(".hit");
    const pane = document.querySelector<HTMLElement>("#preview");
    if (!row || !pane || !pane.offsetParent) return;
    const thumb = row.querySelector<HTMLElement>(".hit-thumb");
    if (!thumb) return;
    if (target.closest(".hit-thumb")) {
      mark(row);
    } else if (!target.closest("a, button") && !window.getSelection()?.toString()) {
      thumb.click();
    }
  });
}

function mark(row: HTMLElement): void {
  for (const other of Array.from(document.querySelectorAll(".hit.on"))) other.classList.remove("on");
  row.classList.add("on");
}

/** Says when the node itself stops answering, and takes it back when it answers again. */
function watchTheNode(): void {
  const strip = document.querySelector<HTMLElement>("[data-lost]");
  if (!strip) return;
  document.body.addEventListener("htmx:sendError", () => (strip.hidden = false));
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if ((event as CustomEvent).detail.xhr?.status > 0) strip.hidden = true;
  });
}

document.body.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent).detail.headers["X-Kapok-CSRF"] = csrf();
});

// A refused form is sent once more the plain way, so that the node's page says why.
document.body.addEventListener("htmx:responseError", (event) => {
  const from = (event as CustomEvent).detail.elt as HTMLElement;
  if (from instanceof HTMLFormElement) from.submit();
});

htmx.config.allowEval = false;
focusSearchOnSlash();
previewOnRowClick();
watchTheNode();
followBoard((isLost) => {
  const strip = document.querySelector<HTMLElement>("[data-lost]");
  if (strip) strip.hidden = !isLost;
});
